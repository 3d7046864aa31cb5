"""`boxsup masks` on each format: what comes out is the user's own file with masks in it, by the format's own tools."""

import copy
import errno
import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from boxsup.catalogue.sources import open_source
from boxsup.cli import main
from boxsup.errors import DataError
from boxsup.image.files import read_mask
from boxsup.image.packed import PackedMask
from boxsup.masking.jobs import Job, make_parts
from boxsup.masking.made import MadePart
from boxsup.masking.parts import ImagePart, write_part
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.writers import labelme
from boxsup.writers.coco_copy import MaskFields, write
from boxsup.writers.rings import mask_parts
from helpers import own_data
from helpers.networks import network_that_has_seen, write_object_network

pytestmark = pytest.mark.slow  # candidates are made and networks run

SIDE = 80
IDS = ["picture_00", "picture_01", "picture_02"]
BROKEN = "picture_03"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Pictures, the last of them broken, and a model whose classes stand in another order and lack one."""
    home = tmp_path_factory.mktemp("home")
    made = own_data.pictures(4, SIDE)
    own_data.write_images(home / "images", made)
    (home / "images" / f"{BROKEN}.png").write_bytes(b"no picture")
    pictures = [np.asarray(Image.fromarray(each.image).resize((64, 64))) for each in made.values()]
    network = network_that_has_seen(pictures, 3)
    save_checkpoint(home / "m.pt", Checkpoint("mobilenet_v2", ("background", "star", "ring"), network, 0, {}))
    write_object_network(home / "objects.pt")
    return home


def masks(home, boxes, *more, images="images", out="out", status=1):
    """The folder of results; the last picture of `images` is broken, so the status is 1. Crescents are unknown.

    Parts are left there for the next format, as its boxes are the same; other images need another folder.
    """
    out = home / out
    given = ["masks", "--images", f"{home}/{images}", "--boxes", f"{home}/{boxes}", "--model", f"{home}/m.pt"]
    given += ["--objects", f"{home}/objects.pt", "--proposals", "selective_search"]
    given += ["--workers", "1", "--out", str(out), *more]
    if status:
        with pytest.raises(SystemExit, match=str(status)):
            main(given)
    else:
        main(given)
    return out


# --- COCO -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def coco(home):
    """A file as other tools leave it: ids not from 1, keys of their own, crowds, a class without a box."""
    made = own_data.pictures(4, SIDE)
    own_data.write_coco(home / "boxes.json", made, masks=True)
    content = json.loads((home / "boxes.json").read_text())
    for image in content["images"]:
        image |= {"id": 1000 - image["id"], "license": 3, "coco_url": "http://ä/ü", "date": None}
    for number, record in enumerate(content["annotations"]):
        record |= {
            "id": 7 * (100 - number),
            "image_id": 1000 - record["image_id"],
            "bbox": [*map(float, record["bbox"])],
        }
        record |= {
            "attributes": {"occluded": bool(number % 2), "note": "Ö"},
            "track": 2.50,
            "annotated_by": [1, {"a": 2}],
        }
    content["annotations"][1]["iscrowd"] = 1
    content["annotations"] = content["annotations"][::2] + content["annotations"][1::2]  # images are mixed
    content["categories"] = [{"id": 99, "name": "unused", "supercategory": "none"}, *content["categories"]]
    content["categories"][1]["supercategory"] = "shape"
    content = {"info": {"year": 2026}, "licenses": [{"id": 3, "name": "CC"}], **content, "videos": [{"id": 1}]}
    (home / "boxes.json").write_text(json.dumps(content))
    return content


@pytest.mark.parametrize(("form", "tight"), [("coco", False), ("coco", True), ("coco_polygons", False)])
def test_of_cocos_file_only_what_masks_say_is_new(home, coco, form, tight):
    out = masks(home, "boxes.json", "--format", form, *(["--tight-boxes"] if tight else []))
    before = copy.deepcopy(coco)
    after = json.loads((out / f"{form}.json").read_text())
    assert list(after) == list(before)
    files = {image["id"]: Path(image["file_name"]).stem for image in coco["images"]}
    filled = 0
    for old, new in zip(before.pop("annotations"), after.pop("annotations"), strict=True):
        made = not old["iscrowd"] and files[old["image_id"]] != BROKEN
        if not made:
            assert new == old
            continue
        changed = {key for key in new if new[key] != old.get(key)} | (old.keys() - new.keys())
        assert changed <= {"segmentation", "area", "score"} | ({"bbox"} if tight else set())
        assert {"segmentation", "score"} <= changed
        filled += 1
    assert filled > 3
    assert after == before


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_pycocotools_finds_each_annotation_at_its_own(home, coco, kind):
    """By the ids of the file. Boxes are held against the user's file; masks, which it has others of, against ours."""
    out = masks(home, "boxes.json", "--format", "coco")
    own, ours = COCO(str(home / "boxes.json")), COCO(str(out / "coco.json"))
    assert (ours.imgs, ours.cats, ours.anns.keys()) == (own.imgs, own.cats, own.anns.keys())
    made = [record for record in ours.dataset["annotations"] if "score" in record]
    truth = own if kind == "bbox" else ours
    judge = COCOeval(truth, truth.loadRes([dict(record) for record in made]), kind)
    judge.evaluate()
    matches = {}
    for record in judge.evalImgs:
        if record is not None and record["aRng"] == judge.params.areaRng[0]:
            strictest = record["gtMatches"][-1]  # an IoU of 0.95; loadRes numbers results from 1
            matches |= {
                number: made[int(match) - 1]["id"]
                for number, match in zip(record["gtIds"], strictest, strict=True)
                if match
            }
    assert matches == {record["id"]: record["id"] for record in made}
    assert len(matches) > 3


def test_a_file_without_sizes_gets_those_that_pycocotools_needs(home):
    height, width = 30, 40
    content = {
        "images": [{"id": "a", "file_name": f"{IDS[0]}.png", "height": height, "width": width}],
        "annotations": [{"id": "x", "image_id": "a", "category_id": 2, "bbox": [5, 5, 40, 40], "iscrowd": 0}],
        "categories": [{"id": 2, "name": "star"}],
    }
    (home / "own.json").write_text(json.dumps(content))
    for image in content["images"]:
        del image["height"]
    filled = {0: MaskFields(json.dumps({"area": 3}), height, width)}
    (home / "own.json").write_text(json.dumps(content))
    write(home / "copy.json", home / "own.json", filled)
    after = json.loads((home / "copy.json").read_text())
    assert after["images"] == [{**content["images"][0], "height": height}]
    assert after["annotations"] == [{**content["annotations"][0], "area": 3}]
    (home / "own.json").write_text(json.dumps({**content, "annotations": []}))
    with pytest.raises(DataError, match=r"own\.json: was changed while masks were made; run again"):
        write(home / "copy.json", home / "own.json", filled)


@pytest.mark.parametrize("unknown", [0, -1, float("nan"), None, "40"])
def test_a_size_that_pycocotools_cannot_use_is_replaced(tmp_path, unknown):
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": unknown, "width": 40}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [5, 5, 10, 10], "iscrowd": 0}],
        "categories": [{"id": 2, "name": "star"}],
    }
    (tmp_path / "own.json").write_text(json.dumps(content))
    filled = {0: MaskFields(json.dumps({"segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]]}), 40, 40)}
    write(tmp_path / "copy.json", tmp_path / "own.json", filled)
    assert json.loads((tmp_path / "copy.json").read_text())["images"] == [{**content["images"][0], "height": 40}]
    copied = COCO(str(tmp_path / "copy.json"))
    assert copied.annToMask(copied.anns[1]).sum() == 100
    content["images"][0]["height"] = 40.0  # which it can use
    (tmp_path / "own.json").write_text(json.dumps(content))
    write(tmp_path / "copy.json", tmp_path / "own.json", filled)
    assert '"height":40.0' in (tmp_path / "copy.json").read_text()


def test_what_pycocotools_needs_of_an_annotation_is_filled_in(home):
    """Ids, without which it stops, and the `bbox` of annotations that have a segmentation only."""
    made = own_data.pictures(3, SIDE)
    own_data.write_coco(home / "bare.json", made)
    content = json.loads((home / "bare.json").read_text())
    first, second, third, *_ = content["annotations"]
    box = x, y, width, height = second["bbox"]
    del first["id"], second["bbox"]
    second["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    third["id"] = None
    (home / "bare.json").write_text(json.dumps(content))
    out = masks(home, "bare.json", "--format", "coco", out="filled", status=0)
    copied = COCO(str(out / "coco.json"))
    records = copied.dataset["annotations"]
    assert len({record["id"] for record in records}) == len(records) == len(content["annotations"])
    assert [record["id"] for record in records[3:]] == [record["id"] for record in content["annotations"][3:]]
    assert records[1]["bbox"] == box
    assert all(copied.annToMask(record).any() for record in records)


def test_each_file_of_an_export_has_its_copy(home):
    """Roboflow's: a JSON beside the images of each part; ids are the file's own, and texts beside numbers are one."""
    made, before = own_data.pictures(3, SIDE), {}
    for part, names in (("train", IDS[:2]), ("valid", IDS[2:])):
        own_data.write_images(home / "export" / part, {name: made[name] for name in names})
        file = home / "export" / part / "_annotations.coco.json"
        own_data.write_coco(file, {name: made[name] for name in names})
        content = json.loads(file.read_text())
        for image in content["images"]:
            del image["height"], image["width"]
        for record in content["annotations"]:
            record["image_id"] = str(record["image_id"])
        file.write_text(json.dumps(content))
        before[part] = content
    out = masks(home, "export", "--format", "coco", images="export", out="of-export", status=0)
    for part, old in before.items():
        new = json.loads((out / "coco" / part / "_annotations.coco.json").read_text())
        for image, own in zip(new["images"], old["images"], strict=True):
            height, width = made[Path(image["file_name"]).stem].instances.shape
            assert image == {**own, "height": height, "width": width}
        for record, own in zip(new["annotations"], old["annotations"], strict=True):
            assert record.keys() - own.keys() == {"segmentation", "area", "score"}
            assert {**record, **own} == record


# --- VOC --------------------------------------------------------------------------------------------------------------


def test_vocs_xml_is_kept_and_its_objects_are_numbers_in_its_order(home):
    made = own_data.pictures(4, SIDE)
    own_data.write_voc_xml(home / "xml", made)
    files = sorted((home / "xml").iterdir())
    files[1].write_bytes(
        files[1].read_bytes().replace(b"<object>", b"<!-- by hand -->\r\n<object>\r\n <truncated>1</truncated>", 1)
    )
    files[2].write_bytes(re.sub(rb"<segmented>.*?</segmented>", b"", files[2].read_bytes()))
    (home / "xml" / "no_image.xml").write_bytes(b"<annotation/>")
    out = masks(home, "xml", "--format", "voc") / "voc"
    for file in (home / "xml").iterdir():
        before, after = file.read_bytes(), (out / "Annotations" / file.name).read_bytes()
        if file.stem in IDS:
            assert after.count(b"<segmented>1</segmented>") == 1
            after = after.replace(b"<segmented>1</segmented>", b"")
            before = re.sub(rb"<segmented>.*?</segmented>", b"", before)
            assert b"".join(after.split()) == b"".join(before.split())
            assert ElementTree.fromstring(before) is not None
        else:
            assert after == before
    assert (out / "labelmap.txt").read_text().splitlines()[1:] == [
        *("background:0,0,0::", "star:128,0,0::", "ring:0,128,0::", "crescent:128,128,0::")
    ]  # the model's order: XML has none
    assert sorted(path.stem for path in (out / "SegmentationObject").iterdir()) == IDS
    seen = set()
    for image in IDS:
        labels, numbers = (read_mask(out / f"Segmentation{kind}" / f"{image}.png") for kind in ("Class", "Object"))
        tree = ElementTree.parse(out / "Annotations" / f"{image}.xml")
        for number, element in enumerate(tree.findall("object"), start=1):
            pixels, name = numbers == number, element.findtext("name")
            corners = [int(element.findtext(f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax")]
            inside = np.zeros_like(pixels)
            inside[corners[1] - 1 : corners[3], corners[0] - 1 : corners[2]] = True
            assert not (pixels & ~inside).any()
            assert set(labels[pixels]) <= {{"star": 1, "ring": 2, "crescent": 3}[name]}
            seen |= {name} if pixels.any() else set()
    assert seen == {"star", "ring", "crescent"}


# --- YOLO -------------------------------------------------------------------------------------------------------------


def as_ultralytics(path):
    """A file as `ultralytics.data.utils.verify_image_label` reads it: classes, polygons, and boxes around these."""
    lines = [line.split() for line in path.read_text().splitlines() if line]
    assert all(len(line) > 6 for line in lines)  # else boxes are taken for polygons, or those of all files are dropped
    classes = [int(line[0]) for line in lines]
    polygons = [np.array(line[1:], np.float32).reshape(-1, 2) for line in lines]
    boxes = []
    for polygon in polygons:
        assert polygon.min() >= 0
        assert polygon.max() <= 1
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        boxes.append([*((low + high) / 2), *(high - low)])
    return classes, polygons, np.array(boxes)


def test_yolos_labels_keep_their_classes_order_and_folders(home):
    made = own_data.pictures(4, SIDE)
    own_data.write_yolo(home / "set", made)
    shutil.copytree(home / "images", home / "set" / "images" / "train", dirs_exist_ok=True)
    (home / "set" / "labels" / "train").mkdir(exist_ok=True)
    numbers = {"0": "7", "1": "2", "2": "0"}  # ring, crescent, star
    boxes = {}
    for file in sorted((home / "set" / "labels").glob("*.txt")):
        lines = file.read_text().splitlines()
        boxes[file.stem] = [[float(field) for field in line.split()[1:]] for line in lines]
        text = "\n\n".join(f"{numbers[line[0]]}{line[1:]}" for line in lines)
        file.rename(home / "set" / "labels" / "train" / file.name).write_text(text)
    names = "# ours\nnames: {0: star, 2: crescent, 7: ring, 4: unused}\npath: ../set\ntrain: images/train\nval: ''\n"
    (home / "set" / "data.yaml").write_text(names)
    out = masks(home, "set/labels", "--format", "yolo", "coco", images="set/images", out="of-set")
    assert (out / "yolo" / "data.yaml").read_text() == names.replace("path: ../set\n", "")
    assert {path.relative_to(out / "yolo").as_posix() for path in (out / "yolo").rglob("[!.]*.*")} == {
        *("data.yaml", *(f"labels/train/{image}.txt" for image in (*IDS, BROKEN)))
    }
    ours = COCO(str(out / "coco.json"))
    assert [each["name"] for each in ours.cats.values()] == ["star", "crescent", "unused", "ring"]
    left = list(ours.anns.values())
    for image in (*IDS, BROKEN):
        before = (home / "set" / "labels" / "train" / f"{image}.txt").read_text()
        classes, polygons, around = as_ultralytics(out / "yolo" / "labels" / "train" / f"{image}.txt")
        assert classes == [int(line[0]) for line in before.splitlines() if line]
        for polygon, box, own in zip(polygons, around, boxes[image], strict=True):
            if image == BROKEN:
                np.testing.assert_allclose(box, own, atol=2e-6)
            else:
                height, width = made[image].instances.shape
                flat = (polygon.astype(np.float64) * (width, height)).round(2).ravel().tolist()
                pixels = coco_mask.decode(coco_mask.frPyObjects([flat], height, width))[..., 0]
                np.testing.assert_array_equal(pixels, ours.annToMask(left.pop(0)))
    assert left == []


# --- LabelMe ----------------------------------------------------------------------------------------------------------


def as_labelme(shape, height, width):
    """A polygon's pixels as `labelme.utils.shape_to_mask` has them."""
    assert shape["shape_type"] == "polygon"
    mask = Image.new("L", (width, height))
    points = [tuple(point) for point in shape["points"]]
    assert len(points) > 2
    ImageDraw.Draw(mask).polygon(xy=points, outline=1, fill=1)
    return np.asarray(mask) > 0


def test_labelmes_boxes_become_polygons_in_a_copy_of_the_file(home):
    made = own_data.pictures(4, SIDE)
    own_data.write_labelme(home / "labelme", made)
    before = {}
    for file in sorted((home / "labelme").iterdir()):
        content = json.loads(file.read_text())
        content |= {"version": "4.5.6", "imageData": "aGFsbG8=", "flags": {"checked": True}, "owner": "Zoë"}
        for number, shape in enumerate(content["shapes"]):
            shape |= {"description": f"the {number}th", "flags": {"hidden": bool(number)}, "group_id": number or None}
            shape |= {"score": 2.5, "mask": None}
        file.write_text(json.dumps(content, ensure_ascii=False))
        before[file.stem] = content
    out = masks(home, "labelme", "--format", "labelme", "coco")
    ours = COCO(str(out / "coco.json"))
    left = list(ours.anns.values())
    drawn = 0
    assert "Zoë" in (out / "labelme" / f"{IDS[0]}.json").read_text()
    for image, old in before.items():
        new = json.loads((out / "labelme" / f"{image}.json").read_text())
        assert {**new, "shapes": 0} == {**old, "shapes": 0}
        if image == BROKEN:
            assert new == old
            continue
        rest = list(new["shapes"])
        for shape in old["shapes"]:
            pieces = [each for each in rest if each["description"] == shape["description"]]
            assert rest[: len(pieces)] == pieces
            rest = rest[len(pieces) :]
            said = ("points", "shape_type", "group_id")
            for piece in pieces:
                assert {**piece, **dict.fromkeys(said)} == {**shape, **dict.fromkeys(said)}
            groups = {piece["group_id"] for piece in pieces}
            assert len(groups) == 1
            assert groups == {shape["group_id"]} or (shape["group_id"] is None and len(pieces) > 1)
            mask = ours.annToMask(left.pop(0)) > 0
            pixels = np.any([as_labelme(piece, *mask.shape) for piece in pieces], axis=0)
            assert (pixels | ~mask).all()
            assert (pixels == mask).all() or any(part.holes for part in mask_parts(mask))  # slits are lines to Pillow
            drawn += 1
        assert rest == []
    assert left == []
    assert drawn > 3


def test_of_labelmes_shapes_only_those_of_an_object_change():
    """A group of two rectangles whose mask is in three pieces, among shapes that are no boxes."""
    line = {"label": "line", "points": [[0, 0], [3, 3]], "shape_type": "line", "group_id": 1}
    one = {"label": "ring", "points": [[0, 0], [2, 2]], "shape_type": "rectangle", "group_id": "2", "note": "one"}
    two = {**one, "points": [[4, 0], [6, 2]], "note": "two"}
    star = {"label": "star", "points": [[0, 4], [6, 6]], "shape_type": "rectangle"}
    content = {"shapes": [one, line, two, star], "flags": {}}
    masks = np.zeros((2, 6, 6), bool)
    masks[0, 0, ::2] = masks[1, 5, [0, 3]] = True
    packed = {(0, 2): PackedMask.of(masks[0]), (3,): PackedMask.of(masks[1])}
    after = json.loads(labelme.replace_shapes(json.dumps(content).encode(), packed))["shapes"]
    assert [shape.get("note") for shape in after] == ["one", "two", "two", None, None, None]
    assert after[3] == line
    assert [shape["group_id"] for shape in after] == ["2", "2", "2", 1, 3, 3]
    assert after[5] == {
        **star,
        "points": [[3.75, 5.25], [3.75, 5.75], [3.25, 5.75], [3.25, 5.25]],
        "shape_type": "polygon",
        "group_id": 3,
    }


# --- from one format to another ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["coco", "yolo", "labelme"])
def test_a_format_becomes_another_with_its_names(home, form):
    made = own_data.pictures(3, SIDE)
    own_data.write_images(home / "some", made)
    own_data.write_voc_xml(home / "of", made)
    out = masks(home, "of", "--format", form, images="some", status=0)
    own = [own_data.CLASSES[thing.class_id] for each in made.values() for thing in each.objects]
    if form == "coco":
        found = COCO(str(out / "coco.json"))
        names = [found.cats[record["category_id"]]["name"] for record in found.anns.values()]
    elif form == "yolo":
        classes = yaml.safe_load((out / "yolo" / "data.yaml").read_text())["names"]
        files = [out / "yolo" / "labels" / f"{image}.txt" for image in made]
        names = [classes[number] for file in files for number in as_ultralytics(file)[0]]
    else:
        names = []
        for image in made:
            content = json.loads((out / "labelme" / f"{image}.json").read_text())
            assert (out / "labelme" / content["imagePath"]).resolve() == (home / "some" / f"{image}.png").resolve()
            groups = [shape["group_id"] for shape in content["shapes"]]
            shapes = list(zip(groups, content["shapes"], strict=True))
            first = [
                shape for place, (group, shape) in enumerate(shapes) if group is None or group not in groups[:place]
            ]
            names += [shape["label"] for shape in first]
            scores = [float(shape["description"].removeprefix("score ")) for shape in first]
            assert scores == sorted(scores)  # the worst first
        names, own = sorted(names), sorted(own)
    assert names == own


# --- all of them ------------------------------------------------------------------------------------------------------


def test_the_default_is_the_users_own_format_and_vocs_and_cocos(home):
    made = own_data.pictures(3, SIDE)
    own_data.write_images(home / "default", made)
    own_data.write_labelme(home / "default", made)
    shutil.rmtree(home / "out", ignore_errors=True)
    out = masks(home, "default", images="default", status=0)
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {
        "labelme",
        "voc",
        "coco.json",
        "boxes.csv",
        "problems.csv",
        "masks.json",
        "parts",
    }
    problems = pd.read_csv(out / "problems.csv")
    assert problems["problem"].str.contains("of 'crescent': it does not know the class, but star, ring").all()


def test_what_is_read_otherwise_than_it_stands_there_is_listed(home, capsys):
    made = own_data.pictures(1, SIDE)
    own_data.write_images(home / "one", made)
    own_data.write_voc_xml(home / "noted", made)
    file = home / "noted" / f"{IDS[0]}.xml"
    xml = file.read_text().replace("<object>", "<object><name>background</name></object>\n\t<object>", 1)
    file.write_text(xml)
    shutil.rmtree(home / "out", ignore_errors=True)
    out = masks(home, "noted", "--format", "voc", images="one", status=0)
    told = pd.read_csv(out / "problems.csv")
    note = "object 1: its class is the background, it is no object"
    assert list(told["file"][told["problem"] == note]) == [str(file)]
    assert "masks: 1 objects are read otherwise than they are written" in capsys.readouterr().err
    assert (out / "voc" / "Annotations" / file.name).read_text().count("<object>") == xml.count("<object>")


def test_a_file_that_changes_while_masks_are_made_is_not_filled(home, monkeypatch):
    """Its objects may be others by now: it is a problem, and the other files are written."""
    made = own_data.pictures(3, SIDE)
    own_data.write_images(home / "edited", made)
    own_data.write_voc_xml(home / "changing", made)
    file = home / "changing" / f"{IDS[1]}.xml"

    def edit_then_write(*given):
        file.write_bytes(file.read_bytes() + b"\n")
        return write_part(*given)

    shutil.rmtree(home / "out", ignore_errors=True)
    monkeypatch.setattr("boxsup.masking.jobs.write_part", edit_then_write)
    out = masks(home, "changing", "--format", "voc", images="edited")
    assert sorted(path.stem for path in (out / "voc" / "Annotations").iterdir()) == [IDS[0], IDS[2]]
    told = pd.read_csv(out / "problems.csv")
    assert "was changed while masks were made; run again" in list(told["problem"][told["file"] == str(file)])


def test_a_full_disk_ends_the_work_at_once(home, tmp_path, monkeypatch, capsys):
    """All other masks were made, for hours, and none of them could be written."""
    made = own_data.pictures(3, SIDE)
    own_data.write_images(home / "edited", made)
    own_data.write_voc_xml(home / "full", made)
    tried = []

    def write(folder, key, part):
        tried.append(key)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{folder}/{part.record.image}.json")

    monkeypatch.setattr("boxsup.masking.jobs.write_part", write)
    source = open_source(home / "edited", home / "full")
    records = [check() for check in source.listing().checks]
    made_in_turn = SimpleNamespace(parts=lambda records, workers, known: map(ImagePart, records, [[]] * 3))
    jobs = [Job(number, MadePart(record, record, f"{number}"), False) for number, record in enumerate(records, start=1)]
    with pytest.raises(OSError, match="No space left"):
        make_parts(jobs, made_in_turn, tmp_path / "parts", 1, {})
    assert tried == ["1"]


def test_a_folder_that_cannot_be_made_is_said_before_the_work(home):
    with pytest.raises(OSError, match="/proc/none"):
        make_parts([Job(1, None, False)], None, Path("/proc/none/parts"), 1, {})


def test_more_classes_than_a_png_has_values_are_said(home, capsys):
    with Image.open(home / "images" / f"{IDS[0]}.png") as image:
        width, height = image.size
    content = {
        "images": [{"id": 1, "file_name": f"{IDS[0]}.png", "height": height, "width": width}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 299, "bbox": [5, 5, 40, 40], "iscrowd": 0}],
        "categories": [{"id": number, "name": "star" if number == 299 else f"c{number}"} for number in range(300)],
    }
    (home / "many.json").write_text(json.dumps(content))
    masks(home, "many.json", "--format", "voc", "coco")
    assert "--format voc: " in (told := capsys.readouterr().err)
    assert "has 300 classes, and PNGs have values for 254; name another format, such as coco" in told
    shutil.rmtree(home / "out", ignore_errors=True)
    out = masks(home, "many.json", status=0)
    assert {path.name for path in out.iterdir() if path.name[0] != "."} == {
        "coco.json",
        "boxes.csv",
        "problems.csv",
        "masks.json",
        "parts",
    }
    [record] = json.loads((out / "coco.json").read_text())["annotations"]
    assert record["category_id"] == 299
