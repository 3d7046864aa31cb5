"""Decisions of a person in `boxsup masks`: in every format, in the table, and on the page."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco_mask

from boxsup.catalogue.reviewed import REVIEWED, BoxKey, Decision
from boxsup.image.files import read_image, read_mask
from boxsup.image.runs import runs_of
from boxsup.masking.made import read_made
from boxsup.masking.options import mask_iou
from boxsup.review.of_masks import subject_of_masks
from boxsup.store.journal import append_entry
from helpers.commands import run_boxsup
from helpers.own_data import pictures, write_coco, write_images, write_labelme, write_voc_xml, write_yolo

pytestmark = pytest.mark.slow  # candidates are made and a network runs

COUNT = 3


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Pictures with VOC's XML, with YOLO's text, and what `boxsup masks` makes of the first, looked at."""
    folder, made = tmp_path_factory.mktemp("decided"), pictures(COUNT, 100)
    write_images(folder / "images", made)
    write_voc_xml(folder / "boxes", made)
    write_yolo(folder / "yolo", made)
    write_coco(folder / "coco.json", made)
    write_labelme(folder / "labelme", made)
    masks(folder, "masks", "--look")
    return folder


def masks(folder, out, *more, boxes="boxes"):
    own = ["--images", folder / "images", "--boxes", folder / boxes, "--proposals", "selective_search"]
    done = run_boxsup("masks", *own, "--workers", "1", "--out", folder / out, *more)
    assert done.returncode == 0, done.stderr
    return done.stderr


def decide(out, place, verdict, class_name=None, box=None, pixels=None):
    """Append a decision on a box to the journal."""
    own = subject_of_masks(out).boxes[place]
    runs = None if pixels is None else runs_of(pixels)
    about = (class_name or own.key.class_name, box or own.corners, runs, 0.5, own.score, False)
    append_entry(out / REVIEWED, Decision(f"{place} {verdict}", own.key, verdict, *about).entry())
    return own


def half(own):
    x0, y0, x1, y1 = own.corners
    pixels = np.zeros((own.height, own.width), np.bool_)
    pixels[y0:y1, x0 : (x0 + x1 + 1) // 2] = True
    return pixels


def test_a_look_at_an_old_run_makes_nothing_anew(given):
    parts = {path: path.stat().st_mtime_ns for path in (given / "masks/parts").iterdir()}
    errors = masks(given, "masks", "--look")
    assert f"{COUNT} of them done before" in errors
    assert {path: path.stat().st_mtime_ns for path in (given / "masks/parts").iterdir()} == parts
    assert f"look at {given / 'masks/index.html'}" in errors
    for picture in pictures(COUNT, 100):
        assert (
            read_image(given / f"masks/overlays/{picture}.jpg").shape
            == read_image(given / f"images/{picture}.png").shape
        )
    assert (given / "masks/contact.jpg").is_file()


def test_decisions_are_in_every_format(given):
    out = given / "masks"
    boxes = subject_of_masks(out).boxes
    first = boxes[0]
    other = next(name for name in ("ring", "crescent", "star") if name != first.key.class_name)
    smaller = (first.corners[0], first.corners[1], first.corners[2] - 1, first.corners[3])
    pixels = half(first)
    decide(out, 0, "mask", other, smaller, pixels)
    nothing, void = (decide(out, place, verdict) for place, verdict in ((1, "nothing"), (2, "void")))
    kept = (out / REVIEWED).read_bytes()
    masks(given, "masks", "--format", "voc", "coco", "coco_polygons", "yolo", "labelme", "--look")
    assert (out / REVIEWED).read_bytes() == kept
    table = pd.read_csv(out / "boxes.csv").set_index(["image", "object"])
    row = table.loc[first.image, first.row + 1]
    assert (row["class"], row["reviewed"], row["score"]) == (other, 1, 1.0)
    assert pd.isna(row["flags"])
    assert tuple(row[["x0", "y0", "x1", "y1"]]) == smaller
    assert (nothing.image, nothing.row + 1) not in table.index
    assert (void.image, void.row + 1) not in table.index
    assert table["reviewed"].sum() == 1

    content = json.loads((out / "coco.json").read_text())
    assert len(content["annotations"]) == len(boxes) - 1
    assert sum(each["iscrowd"] for each in content["annotations"]) == 1  # the void one
    names = {each["id"]: each["name"] for each in content["categories"]}
    image = next(each["id"] for each in content["images"] if each["file_name"].startswith(first.image))
    found = [each for each in content["annotations"] if each["image_id"] == image and each.get("score") == 1.0]
    assert [names[each["category_id"]] for each in found] == [other]
    assert (coco_mask.decode(found[0]["segmentation"]).astype(bool) == pixels).all()
    assert "reviewed" in (out / "index.html").read_text()

    labels = read_mask(out / f"voc/SegmentationClass/{void.image}.png")
    x0, y0, x1, y1 = void.corners
    assert (labels[y0:y1, x0:x1] != 0).all()  # void where no other mask is
    assert (labels == 255).any()
    lines = (out / f"yolo/labels/{first.image}.txt").read_text().splitlines()
    assert len(lines) == sum(each.image == first.image for each in boxes) - sum(
        each.image == first.image for each in (nothing, void)
    )
    part = next(part for part in read_made(out).parts if part.record.image == first.image)
    assert part.record.boxes[first.row][1:5] == first.corners  # what was made is still there for another look


def test_what_is_of_an_earlier_run_is_told(given):
    masks(given, "told", "--format", "voc", "yolo", "--look")
    assert "earlier run" not in masks(given, "told", "--format", "coco")
    decide(given / "told", 0, "nothing")
    errors = masks(given, "told", "--format", "coco")
    text = "of an earlier run, with other masks or decisions; to write them again, add --look and --format voc yolo"
    assert f"masks: overlays, voc, yolo: {text}\n" in errors
    assert "masks: overlays, yolo: " in masks(given, "told", "--format", "voc")
    assert "earlier run" not in masks(given, "told", "--format", "voc", "yolo", "coco", "--look")


def test_a_decision_on_a_box_that_changed_is_told(given):
    out = given / "masks"
    own = subject_of_masks(out).boxes[0]
    key = BoxKey(own.image, own.key.class_name, (0, 0, 5, 5))
    odd = Decision("odd", key, "nothing", key.class_name, key.corners, None, 0.0, 0.5, False)
    append_entry(out / REVIEWED, odd.entry())
    errors = masks(given, "masks")
    assert "1 reviewed boxes are not as they were when they were reviewed" in errors
    problems = pd.read_csv(out / "problems.csv")
    assert problems["problem"].str.contains("not among the boxes any more").sum() == 1


FORMATS = {"yolo": "yolo", "coco": "coco.json", "labelme": "labelme", "voc": "boxes"}


@pytest.mark.parametrize("name", FORMATS)
def test_copies_of_a_users_own_files_have_the_class_and_the_box_that_were_decided_on(given, name):
    out, boxes = given / f"of_{name}", FORMATS[name]
    masks(given, out.name, "--format", name, boxes=boxes)
    own = subject_of_masks(out).boxes[0]
    other = next(name for name in ("ring", "crescent", "star") if name != own.key.class_name)
    x0, y0, x1, y1 = own.corners
    decide(out, 0, "mask", other, (x0, y0, x1 - 1, y1), half(own))
    masks(given, out.name, "--format", name, "--reviewed", out / REVIEWED, boxes=boxes)
    if name == "yolo":
        line = (out / f"yolo/labels/{own.image}.txt").read_text().splitlines()[own.row]
        assert line.split()[0] == str(["ring", "crescent", "star"].index(other))
    elif name == "labelme":
        shapes = json.loads((out / f"labelme/{own.image}.json").read_text())["shapes"]
        assert sum(shape["label"] == other for shape in shapes) > sum(
            shape["label"] == other for shape in json.loads((given / f"labelme/{own.image}.json").read_text())["shapes"]
        )
    elif name == "coco":
        before, after = (json.loads((folder / "coco.json").read_text()) for folder in (given, out))
        changed = [pair for pair in zip(before["annotations"], after["annotations"], strict=True)
                   if pair[0]["category_id"] != pair[1]["category_id"]]  # fmt: skip
        names = {each["id"]: each["name"] for each in after["categories"]}
        assert [(names[new["category_id"]], new["bbox"]) for _, new in changed] == [
            (other, [x0, y0, x1 - 1 - x0, y1 - y0])
        ]
    else:
        before, after = (
            (folder / f"{own.image}.xml").read_text() for folder in (given / "boxes", out / "voc/Annotations")
        )
        assert after.count(f"<name>{other}</name>") == before.count(f"<name>{other}</name>") + 1
        assert after.count(f"<xmax>{x1 - 1}</xmax>") == before.count(f"<xmax>{x1 - 1}</xmax>") + 1


def test_disjoint_masks_leave_a_decided_mask_its_pixels(given):
    masks(given, "apart", "--disjoint", "--format", "coco")
    out = given / "apart"
    subject = subject_of_masks(out)
    place = next(place for place, box in enumerate(subject.boxes) if crosses(subject, box))
    own = subject.boxes[place]
    pixels = np.zeros((own.height, own.width), np.bool_)
    x0, y0, x1, y1 = own.corners
    pixels[y0:y1, x0:x1] = True
    decide(out, place, "mask", pixels=pixels)
    masks(given, "apart", "--disjoint", "--format", "coco")
    content = json.loads((out / "coco.json").read_text())
    image = next(each["id"] for each in content["images"] if each["file_name"].startswith(own.image))
    decoded = [coco_mask.decode(each["segmentation"]).astype(bool) for each in content["annotations"]
               if each["image_id"] == image]  # fmt: skip
    assert sum(mask_iou(mask, pixels) == 1 for mask in decoded) == 1
    assert np.sum(decoded, axis=0).max() == 1


def crosses(subject, box):
    """Whether another mask has pixels in a box."""
    x0, y0, x1, y1 = box.corners
    others = (place for place, other in enumerate(subject.boxes) if other.image == box.image and other is not box)
    return any(subject.mask(place)[y0:y1, x0:x1].any() for place in others)
