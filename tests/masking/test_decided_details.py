"""What was decided on odd boxes: rotated ones, names that two categories share, objects that are skipped."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from boxsup.image.files import read_mask
from boxsup.masking.made import PARTS, Made, MadePart, write_made
from boxsup.masking.parts import write_part
from boxsup.masking.table import masks_table
from boxsup.review.of_masks import subject_of_masks
from boxsup.writers.coco_copy import MaskFields, write
from boxsup.writers.voc_copy import mark_segmented
from helpers.decided_masks import HEIGHT, WIDTH, Reviewed, coco_content, voc_object
from helpers.masks_folder import recipe

CATEGORIES = [(4, "boat"), (9, "car")]
ROTATED = {"category_id": 4, "bbox": [40.4, 40.3, 40.5, 10.5], "attributes": {"rotation": 60.0, "note": "Ö"}}
PLAIN = {"category_id": 9, "bbox": [14.4, 11.4, 25.2, 13.2], "attributes": {"rotation": 0.0}}


# --- COCO -------------------------------------------------------------------------------------------------------------


def copied(folder, annotations, categories, *decisions, **more):
    """The annotations of a copy of COCO's JSON, and what it is a copy of."""
    content = coco_content(annotations, categories)
    (folder / "boxes.json").write_text(json.dumps(content))
    given = Reviewed(folder, "boxes.json")
    for decision in decisions:
        given.decide(*decision)
    out, problems = given.write("coco", **more)
    assert problems == []
    return json.loads((out / "coco.json").read_text())["annotations"], given


@pytest.mark.parametrize("verdict", ["mask", "void"])
def test_a_new_class_leaves_the_box_of_coco_as_it_is(tmp_path, verdict):
    after, given = copied(tmp_path, [ROTATED, PLAIN], CATEGORIES, (0, verdict, "car"), (1, verdict, "boat"))
    for new, old, category in zip(after, (ROTATED, PLAIN), (9, 4), strict=True):
        assert {key: new[key] for key in old} == old | {"category_id": category}
    assert [corners for _, corners in given.read("coco.json")] == [box[1:5] for box in given.part.record.boxes]


def test_new_corners_are_those_of_an_upright_box_in_coco(tmp_path):
    corners = (40, 40, 70, 60)
    [new, _], given = copied(tmp_path, [ROTATED, PLAIN], CATEGORIES, (0, "mask", "", corners))
    assert (new["bbox"], new["attributes"]) == ([40, 40, 30, 20], {"rotation": 0.0, "note": "Ö"})
    assert given.read("coco.json")[0] == ("boat", corners)


def test_tight_boxes_are_upright(tmp_path):
    after, given = copied(tmp_path, [ROTATED, PLAIN], CATEGORIES, tight=True)
    boxes = [box[1:5] for box in given.part.record.boxes]  # which the masks fill
    assert [corners for _, corners in given.read("coco.json")] == boxes
    assert [each["attributes"]["rotation"] for each in after] == [0.0, 0.0]


SHARED = [(4, "boat"), (9, "boat"), (2, "car"), (7, "car")]


def test_a_category_that_shares_its_name_is_kept(tmp_path):
    annotations = [{"category_id": number, "bbox": [10, 10, 30, 20 + number]} for number in (4, 9, 2)]
    decisions = [(0, "mask", "", (10, 10, 39, 30)), (1, "mask", "boat"), (2, "void", "boat")]
    after, _ = copied(tmp_path, annotations, SHARED, *decisions)
    assert [each["category_id"] for each in after] == [4, 9, 4]  # of two with the new name the first
    assert after[0]["bbox"] == [10, 10, 29, 20]


def test_a_class_that_is_no_category_of_its_file_is_told(tmp_path):
    content = coco_content([PLAIN], CATEGORIES)
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    [fault] = write(tmp_path / "copy.json", tmp_path / "boxes.json", {0: MaskFields("{}", HEIGHT, WIDTH, "tree")})
    assert fault.startswith("annotation 11: its class should be 'tree', which is no category here")
    assert json.loads((tmp_path / "copy.json").read_text())["annotations"][0]["category_id"] == 9


def test_an_export_tells_of_a_class_that_one_of_its_files_lacks(tmp_path):
    for folder, own, categories in (("images", PLAIN, CATEGORIES[1:]), ("more", ROTATED, CATEGORIES)):
        (tmp_path / "export" / folder).mkdir(parents=True)
        content = coco_content([own], categories)
        content["images"][0]["file_name"] = f"{folder}.png"
        (tmp_path / "export" / folder / "_annotations.coco.json").write_text(json.dumps(content))
        Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "export" / folder / f"{folder}.png")
    given = Reviewed(tmp_path, "export", "export")
    given.decide(0, "void", "boat")
    out, [problem] = given.write("coco")
    assert "its class should be 'boat', which is no category here" in problem.problem
    assert json.loads((out / "coco/images/_annotations.coco.json").read_text())["annotations"][0]["iscrowd"] == 1


# --- YOLO and LabelMe -------------------------------------------------------------------------------------------------


def test_a_number_that_shares_its_name_is_kept_in_yolo(tmp_path):
    (tmp_path / "yolo/labels").mkdir(parents=True)
    (tmp_path / "yolo/data.yaml").write_text(yaml.safe_dump({"names": ["boat", "car", "boat"]}))
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.5 0.5 0.25 0.5\n")
    given = Reviewed(tmp_path, "yolo")
    given.decide(0, "mask", "", (30, 25, 80, 60))
    given.decide(1, "mask", "boat")
    out, _ = given.write("yolo")
    assert [line.split()[0] for line in (out / "yolo/labels/a.txt").read_text().splitlines()] == ["0", "0"]


def test_a_label_is_kept_as_it_is_spelled_if_only_corners_are_new(tmp_path):
    (tmp_path / "labelme").mkdir()
    shape = {"label": " boat ", "points": [[10, 10], [40, 40]], "shape_type": "rectangle", "group_id": None}
    (tmp_path / "labelme/a.json").write_text(json.dumps({"shapes": [shape]}))
    given = Reviewed(tmp_path, "labelme")
    given.decide(0, "mask", "", (10, 10, 30, 40))
    out, _ = given.write("labelme")
    [new] = json.loads((out / "labelme/a.json").read_text())["shapes"]
    assert new["label"] == " boat "
    assert np.allclose(np.max(new["points"], axis=0), (30, 40), atol=0.5)


def test_an_object_of_a_new_class_does_not_join_another_of_its_group_in_labelme(tmp_path):
    (tmp_path / "labelme").mkdir()
    names = ["boat", "boat", "car", "cat"]
    corners = [[10, 10, 20, 20], [30, 10, 40, 20], [60, 10, 80, 30], [60, 40, 80, 60]]
    shapes = [
        {"label": name, "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle", "group_id": 1}
        for name, (x0, y0, x1, y1) in zip(names, corners, strict=True)
    ]
    (tmp_path / "labelme/a.json").write_text(json.dumps({"shapes": shapes}))
    given = Reviewed(tmp_path, "labelme")
    assert len(given.part.record.boxes) == 3
    given.decide(0, "mask", "car")
    given.decide(2, "mask", "boat")
    out, problems = given.write("labelme")
    assert problems == []
    written = json.loads((out / "labelme/a.json").read_text())["shapes"]
    assert [(shape["label"], shape["group_id"]) for shape in written] == [("car", 2), ("car", 1), ("boat", 1)]
    assert [name for name, _ in given.read("labelme")] == ["car", "car", "boat"]


# --- VOC --------------------------------------------------------------------------------------------------------------


def voc(folder, text, codec="utf-8"):
    (folder / "xml").mkdir()
    (folder / "xml/a.xml").write_bytes(text.encode(codec))
    return Reviewed(folder, "xml")


CVAT = "<attributes><attribute><name>rotation</name><value>60.0</value></attribute></attributes>"
TURNED = (
    f"<annotation>{voc_object('boat', (40.4, 40.3, 80.9, 50.8), CVAT)}{voc_object('car', (0, 1, 9, 20))}</annotation>"
)
RO = "<robndbox>\n  <cx>60</cx>\n  <cy>40</cy>\n  <w>30</w>\n  <h>10</h>\n  <angle>0.5</angle>\n </robndbox>"
POINTS = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((10, 10), (60, 20), (30, 50)))
SHAPES = {
    "bndbox": TURNED,
    "robndbox": f"<annotation>{voc_object('boat', None, f'<type>robndbox</type>{RO}')}{voc_object('car', None, RO)}"
    "</annotation>",
    "polygon": f"<annotation>{voc_object('boat', None, f'<polygon>{POINTS}</polygon>')}"
    f"{voc_object('car', (1, 1, 9, 20))}</annotation>",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_new_class_leaves_the_shape_of_xml_as_it_is(tmp_path, shape):
    given = voc(tmp_path, SHAPES[shape])
    given.decide(0, "mask", "car")
    out, problems = given.write("voc")
    assert problems == []
    expected = SHAPES[shape].replace("<name>boat</name>", "<name>car</name>").encode()
    assert (out / "voc/Annotations/a.xml").read_bytes() == mark_segmented(expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_new_corners_are_those_of_an_upright_box_in_xml(tmp_path, shape):
    given = voc(tmp_path, SHAPES[shape])
    given.decide(0, "mask", "", (40, 40, 70, 60))
    out, problems = given.write("voc")
    assert problems == []
    assert given.read("voc/Annotations")[0] == ("boat", (40, 40, 70, 60))
    text = (out / "voc/Annotations/a.xml").read_text()
    assert text.count("<bndbox>") == (1 if shape == "robndbox" else 2)
    assert "60.0" not in text
    assert "<type>robndbox</type>" not in text


OBJECTS = [voc_object("boat", (11, 11, 50, 40)), voc_object("car", (61, 21, 100, 60))]
SKIPPED = [voc_object("background", (1, 1, 20, 20)), voc_object("car", (3, 3, 9, 9), "<deleted>1</deleted>")]


def test_an_object_in_a_comment_is_none(tmp_path):
    lines = ["<annotation>", f"<!-- {OBJECTS[0]} -->", *OBJECTS, "<!-- <object> -->", "</annotation>"]
    given = voc(tmp_path, "\n".join(lines))
    given.decide(0, "void", "car", (12, 10, 50, 40))
    out, problems = given.write("voc")
    assert problems == []
    text = (out / "voc/Annotations/a.xml").read_text()
    assert lines[1].removeprefix("<!-- ") in text
    assert lines[-2] in text
    assert given.read("voc/Annotations") == [("car", (12, 10, 50, 40)), ("car", (60, 20, 100, 60))]


def test_a_part_keeps_its_name_and_its_box(tmp_path):
    part = "<part><name>bow</name><bndbox><xmin>15</xmin><ymin>15</ymin><xmax>25</xmax><ymax>25</ymax></bndbox></part>"
    mixed = "<xmax>50</xmax><xmin>11</xmin><ymax>40</ymax><ymin>11</ymin>"
    own = f"<object>{part}<name>boat</name><bndbox>{mixed}</bndbox>{part}</object>"
    given = voc(tmp_path, f"<annotation>{own}{OBJECTS[1]}</annotation>")
    given.decide(0, "mask", "car", (12, 10, 50, 40))
    out, problems = given.write("voc")
    assert problems == []
    expected = own.replace("<name>boat</name>", "<name>car</name>").replace("<xmin>11<", "<xmin>13<")
    assert expected in (out / "voc/Annotations/a.xml").read_text()


def test_a_copy_that_would_say_something_else_is_not_written(tmp_path):
    """The reader takes the second of these boxes, where we would write into the first."""
    given = voc(
        tmp_path, f"<annotation>{voc_object('boat', (11, 11, 50, 40), before='<bndbox/>')}{OBJECTS[1]}</annotation>"
    )
    given.decide(0, "mask", "", (12, 10, 50, 40))
    out, [problem] = given.write("voc")
    assert "cannot be written as was decided (read again, its objects would be others)" in problem.problem
    assert problem.file.endswith("xml/a.xml")
    assert not (out / "voc/Annotations/a.xml").exists()


CODECS = {
    "gbk": ("gbk", "船", "汽车"),
    "Shift_JIS": ("shift_jis", "ソ表", "表ソ"),  # their second bytes are backslashes
    "gb18030": ("gb18030", "𠀀船", "汽车"),
    "ISO-8859-1": ("latin-1", "Böt", "Äuto"),
    "windows-1251": ("cp1251", "лодка", "машина"),
    "UTF-16": ("utf-16", "船", "𠀀"),
    "UTF-8": ("utf-8-sig", "船", "汽车"),
    "": ("utf-8", "船", "汽车"),
}


@pytest.mark.parametrize("declared", CODECS)
def test_a_new_class_is_written_in_the_encoding_of_its_file(tmp_path, declared):
    codec, old, new = CODECS[declared]
    head = f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else ""
    owner = f"<owner>{old}{new}</owner>"
    objects = [voc_object(old, (11, 11, 50, 40)), voc_object(new, (61, 21, 100, 60))]
    text = "\n".join([f"{head}<annotation>{owner}", *objects, "</annotation>"])
    given = voc(tmp_path, text, codec)
    given.decide(0, "mask", new, (12, 10, 50, 40))
    out, problems = given.write("voc")
    assert problems == []
    content = (out / "voc/Annotations/a.xml").read_bytes()
    after = re.sub("<segmented>.*?</segmented>\\s*", "", content.decode(codec))
    expected = text.replace(f"<name>{old}</name>", f"<name>{new}</name>").replace("<xmin>11<", "<xmin>13<")
    assert after == expected
    assert given.read("voc/Annotations")[0] == (new, (12, 10, 50, 40))


def test_a_class_that_an_encoding_lacks_is_written_by_its_numbers(tmp_path):
    first = voc_object("boat", (11, 11, 50, 40))
    second = voc_object("&#33337;", (61, 21, 99, 60))
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?><annotation>{first}{second}</annotation>'
    given = voc(tmp_path, text, "latin-1")
    given.decide(0, "mask", "船")
    out, problems = given.write("voc")
    assert problems == []
    assert (out / "voc/Annotations/a.xml").read_bytes().count(b"<name>&#33337;</name>") == 2
    assert given.read("voc/Annotations")[0][0] == "船"


def test_values_of_objects_are_their_numbers_in_the_xml(tmp_path):
    text = f"<annotation>{OBJECTS[0]}{''.join(SKIPPED)}{OBJECTS[1]}{voc_object('car', (1, 70, 30, 90))}</annotation>"
    given = voc(tmp_path, text)
    out, _ = given.write("voc")
    assert np.unique(read_mask(out / "voc/SegmentationObject/a.png")).tolist() == [0, 1, 4, 5]
    table = masks_table([given.part], given.source.classes, (), tmp_path / "images")
    assert sorted(table["object"]) == [1, 4, 5]
    given.decide(0, "nothing")
    given.decide(2, "void")
    out, _ = given.write("voc")
    objects = read_mask(out / "voc/SegmentationObject/a.png")
    assert np.unique(objects).tolist() == [0, 3, 255]  # the copy has no first object any more
    assert (objects[20:60, 60:100] == 3).all()


def test_the_page_of_a_review_has_the_same_numbers(tmp_path):
    given, out = voc(tmp_path, f"<annotation>{''.join(SKIPPED)}{''.join(OBJECTS)}</annotation>"), tmp_path / "masks"
    (out / PARTS).mkdir(parents=True)
    write_part(out / PARTS, "key", given.part)
    made = MadePart(given.part.record, given.part.record, "key")
    write_made(Made(out, tmp_path / "images", given.source.classes, recipe(), (made,)))
    assert [(box.row, box.number) for box in subject_of_masks(out).boxes] == [(0, 3), (1, 4)]
