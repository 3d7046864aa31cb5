"""Boxes that are void, or have nothing in them, by a person's word: in copies of own files, and in new files."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from boxsup.catalogue.reviewed import Decision
from boxsup.catalogue.sources import open_source
from boxsup.image.files import read_mask
from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.decided import Decisions, keys_of
from boxsup.masking.jobs import lost_boxes, note_on_crowds
from boxsup.masking.outputs import FORMATS
from boxsup.masking.parts import ImagePart
from helpers.decided_masks import filled
from helpers.own_data import FORMS, pictures, write_coco, write_images, write_labelme, write_voc_xml, write_yolo

IMAGE = "picture_00"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Pictures with their boxes in every format; the first has four objects."""
    folder = tmp_path_factory.mktemp("objects")
    made = pictures(30, 100)
    most = max(made.values(), key=lambda each: len(each.objects))
    made = {IMAGE: most, "picture_01": made["picture_01"]}
    assert len(most.objects) >= 3
    write_images(folder / "images", made)
    write_voc_xml(folder / "boxes", made)
    write_yolo(folder / "yolo", made)
    write_coco(folder / "coco.json", made)
    write_labelme(folder / "labelme", made)
    return folder


class Written:
    """A format, written with two decisions on the first image, beside the user's own file."""

    def __init__(self, given, out, boxes, name, verdicts=("nothing", "void")):
        self.given, self.out = given, out
        self.source, self.records = read(given / "images", given / boxes)
        parts = [ImagePart(record, filled(record), number) for number, record in enumerate(self.records, start=1)]
        first = parts[0]
        decisions = Decisions({}, self.source.classes)
        for index, verdict in enumerate(verdicts):
            box = first.record.boxes[index]
            key = keys_of(first, self.source.classes)[index]
            to_class = next(each for each in FORMS if each != key.class_name)
            self.corrected = (to_class, (box.x0, box.y0, box.x1 - 1, box.y1))
            decisions.latest[key] = Decision(verdict, key, verdict, *self.corrected, None, None, 0.5, False)
        self.parts = [decisions.applied(part) for part in parts]
        assert (self.parts[0].nothing, self.parts[0].void) == ((0,), (1,))
        results = MaskResults(self.source, stamps_of(self.source), lambda: iter(self.parts))
        assert FORMATS[name].write(out, results) == []

    def again(self, boxes):
        """The objects of the first image, read from what was written."""
        source, records = read(self.given / "images", self.out / boxes)
        return [(source.classes[box.class_id], tuple(box[1:])) for box in records[0].boxes]

    def others(self):
        """The objects of the first image that nobody decided on."""
        return [(self.source.classes[box.class_id], tuple(box[1:])) for box in self.records[0].boxes[2:]]


def read(images, boxes):
    source = open_source(images, boxes)
    records = [check() for check in source.listing().checks]
    assert not any(record.problems for record in records)
    return source, records


@pytest.mark.parametrize("name", ["coco", "coco_polygons"])
def test_a_copy_of_coco_has_a_crowd_and_no_annotation_of_nothing(given, tmp_path, name):
    written = Written(given, tmp_path, "coco.json", name)
    before, after = (json.loads(path.read_text()) for path in (given / "coco.json", tmp_path / FORMATS[name].path))
    assert [each["id"] for each in after["annotations"]] == [each["id"] for each in before["annotations"]][1:]
    void = after["annotations"][0]
    (to_class, (x0, y0, x1, y1)), names = written.corrected, {each["id"]: each["name"] for each in after["categories"]}
    assert (void["iscrowd"], void["bbox"], names[void["category_id"]]) == (1, [x0, y0, x1 - x0, y1 - y0], to_class)
    pixels = coco_mask.decode(void["segmentation"])
    assert pixels.sum() == pixels[y0:y1, x0:x1].sum() == (x1 - x0) * (y1 - y0) == void["area"]
    assert not any(each["iscrowd"] for each in after["annotations"][1:])
    (crowd_class, crowd), *rest = written.again(FORMATS[name].path)
    assert (crowd_class, crowd) == (to_class, (x0, y0, x1, y1, 0, 1))
    assert rest == written.others()


def test_a_copy_of_voc_has_a_difficult_object_and_none_of_nothing(given, tmp_path):
    written = Written(given, tmp_path, "boxes", "voc")
    before, after = (
        path.read_text() for path in (given / f"boxes/{IMAGE}.xml", tmp_path / f"voc/Annotations/{IMAGE}.xml")
    )
    assert after.count("<object>") == before.count("<object>") - 1
    (name, void), *rest = written.again("voc/Annotations")
    assert (name, void) == (written.corrected[0], (*written.corrected[1], 1, 0))
    assert rest == written.others()
    gone = re.search(r"[ \t]*<object>.*?</object>\s*?\n", before, re.DOTALL)[0]
    rest_of_it = re.compile(r"</object>(.*)", re.DOTALL)  # the last object and what follows it keep their bytes
    assert after.endswith(rest_of_it.search(before.replace(gone, "", 1))[1])
    # The values of objects are their places in the copy.
    objects = read_mask(tmp_path / f"voc/SegmentationObject/{IMAGE}.png")
    assert set(np.unique(objects)) <= {0, 255, *range(2, len(rest) + 2)}
    assert (read_mask(tmp_path / f"voc/SegmentationClass/{IMAGE}.png") == 255).any()


def test_difficult_is_added_to_an_object_that_does_not_say_it(given, tmp_path):
    bare = tmp_path / "in/boxes"
    bare.mkdir(parents=True)
    for file in (given / "boxes").iterdir():
        (bare / file.name).write_text(re.sub(r"\s*<difficult>0</difficult>", "", file.read_text()))
    (tmp_path / "in/images").symlink_to(given / "images")
    written = Written(tmp_path / "in", tmp_path / "out", "boxes", "voc")
    assert written.again("voc/Annotations")[0][1][-2:] == (1, 0)


def test_a_copy_of_yolo_has_a_line_for_neither(given, tmp_path):
    written = Written(given, tmp_path, "yolo", "yolo")
    lines = (tmp_path / f"yolo/labels/{IMAGE}.txt").read_text().splitlines()
    assert len(lines) == len(written.others())
    assert [FORMS[int(line.split()[0])] for line in lines] == [name for name, _ in written.others()]


def test_a_copy_of_labelme_has_an_ignored_shape_and_none_of_nothing(given, tmp_path):
    written = Written(given, tmp_path, "labelme", "labelme")
    before, after = (
        json.loads(path.read_text())["shapes"]
        for path in (given / f"labelme/{IMAGE}.json", tmp_path / f"labelme/{IMAGE}.json")
    )
    assert [shape["label"] for shape in after] == ["__ignore__", *(shape["label"] for shape in before[2:])]
    x0, y0, x1, y1 = written.corrected[1]
    points = np.array(after[0]["points"])
    assert np.allclose([*points.min(axis=0), *points.max(axis=0)], (x0, y0, x1, y1), atol=0.5)


def test_void_is_no_ground_truth_in_formats_with_a_value_per_pixel(given, tmp_path):
    """A void box that nobody can tell was its class on the whole rectangle in Cityscapes' form."""
    written = Written(given, tmp_path, "boxes", "cityscapes")
    found = [
        np.asarray(Image.open(tmp_path / f"cityscapes/gtFine/train/images/{IMAGE}_gtFine_{kind}.png"))
        for kind in ("labelIds", "instanceIds")
    ]
    FORMATS["voc"].write(tmp_path, MaskResults(written.source, stamps_of(written.source), lambda: iter(written.parts)))
    void = read_mask(tmp_path / f"voc/SegmentationClass/{IMAGE}.png") == 255
    assert void.any()
    for ids in found:
        np.testing.assert_array_equal(ids == 255, void)
    assert "# 255 " in (tmp_path / "cityscapes/label_colors.txt").read_text()


def test_a_crowd_is_void_in_formats_with_a_value_per_pixel_unless_a_person_decided(given, tmp_path):
    """COCO's crowd was background in every format but COCO's, and so trained on as background."""
    content = json.loads((given / "coco.json").read_text())
    content["annotations"][0]["iscrowd"] = 1
    (tmp_path / "crowds.json").write_text(json.dumps(content))
    source, records = read(given / "images", tmp_path / "crowds.json")
    parts = [ImagePart(each, filled(each), number) for number, each in enumerate(records, start=1)]
    crowd = parts[0].record.boxes[0]
    parts[0].masks[0] = None
    assert note_on_crowds(records)[0].startswith("1 crowd (iscrowd 1), which get no mask: void in voc, ")
    results = MaskResults(source, stamps_of(source), lambda: iter(parts))
    for name in ("voc", "cityscapes", "panoptic", "labelme", "coco"):
        assert FORMATS[name].write(tmp_path, results) == []
    labels = read_mask(tmp_path / f"voc/SegmentationClass/{IMAGE}.png")
    within = np.zeros(labels.shape, bool)
    within[crowd.y0 : crowd.y1, crowd.x0 : crowd.x1] = True
    assert (labels == 255).any()
    assert (labels[within] != 0).all()
    assert not (labels == 255)[~within].any()
    ids = np.asarray(Image.open(tmp_path / f"cityscapes/gtFine/train/images/{IMAGE}_gtFine_labelIds.png"))
    np.testing.assert_array_equal(ids == 255, labels == 255)
    segments = json.loads((tmp_path / "panoptic/annotations/panoptic_train.json").read_text())["annotations"]
    assert [each["iscrowd"] for part in segments for each in part["segments_info"]].count(1) == 1
    shapes = json.loads((tmp_path / f"labelme/{IMAGE}.json").read_text())["shapes"]
    assert [each["label"] for each in shapes].count("__ignore__") == 1
    copied = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    assert copied[0] == content["annotations"][0]  # as the user has it
    nothing = replace(parts[0], nothing=(0,))
    assert (parts[0].unknown, nothing.unknown) == ((0,), ())


@pytest.mark.parametrize("name", ["coco", "yolo", "labelme"])
def test_new_files_say_the_same(given, tmp_path, name):
    written = Written(given, tmp_path, "boxes", name)
    if name == "coco":
        annotations = [each for each in json.loads((tmp_path / "coco.json").read_text())["annotations"]
                       if each["image_id"] == 1]  # fmt: skip
        assert sorted(each["iscrowd"] for each in annotations) == [*[0] * len(written.others()), 1]
    elif name == "yolo":
        lines = (tmp_path / f"yolo/labels/{IMAGE}.txt").read_text().splitlines()
        assert len(lines) == len(written.others())
    else:
        shapes = json.loads((tmp_path / f"labelme/{IMAGE}.json").read_text())["shapes"]
        assert [shape["label"] for shape in shapes].count("__ignore__") == 1
        assert len(shapes) == len(written.others()) + 1


def test_decided_boxes_are_not_lost(given, tmp_path):
    written = Written(given, tmp_path, "boxes", "yolo")
    assert lost_boxes(written.parts, difficult=False) == []
    written.parts[0].masks[2] = None
    assert ["no mask for 1 boxes" in note.problem for note in lost_boxes(written.parts, difficult=False)] == [True]
