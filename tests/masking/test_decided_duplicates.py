"""Decisions on one of several equal boxes, such as an object that was annotated twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from boxsup.catalogue.reviewed import Reviewed as Journal
from boxsup.masking.parts import object_numbers
from boxsup.store.journal import append_entry
from helpers.decided_masks import HEIGHT, WIDTH, Reviewed, coco_content, voc_object

TWICE, OTHER = (10, 10, 50, 40), (60, 20, 100, 60)
BOXES = [("boat", TWICE), ("car", OTHER), ("boat", TWICE)]  # the first and the last are equal
FILES = {"coco": "boxes.json", "voc": "xml", "yolo": "yolo", "labelme": "labelme"}
COPIES = {"coco": "coco.json", "voc": "voc/Annotations", "yolo": "yolo", "labelme": "labelme"}


@pytest.fixture
def annotated(tmp_path):
    """The boxes in every format, each with something to know it by if the format has room."""
    names = ["boat", "car"]
    annotations = [
        {"category_id": names.index(name), "bbox": [x0, y0, x1 - x0, y1 - y0]} for name, (x0, y0, x1, y1) in BOXES
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(coco_content(annotations, list(enumerate(names)))))
    for folder in ("xml", "yolo/labels", "labelme"):
        (tmp_path / folder).mkdir(parents=True)
    objects = [
        voc_object(name, (x0 + 1, y0 + 1, x1, y1), f"<pose>{place}</pose>")
        for place, (name, (x0, y0, x1, y1)) in enumerate(BOXES)
    ]
    (tmp_path / "xml/a.xml").write_text(f"<annotation>{''.join(objects)}</annotation>")
    (tmp_path / "yolo/data.yaml").write_text(yaml.safe_dump({"names": names}))
    shares = ((x0 + x1, y0 + y1, 2 * (x1 - x0), 2 * (y1 - y0)) for _, (x0, y0, x1, y1) in BOXES)
    lines = [
        f"{names.index(name)} {x / 2 / WIDTH} {y / 2 / HEIGHT} {across / 2 / WIDTH} {down / 2 / HEIGHT}\n"
        for (name, _), (x, y, across, down) in zip(BOXES, shares, strict=True)
    ]
    (tmp_path / "yolo/labels/a.txt").write_text("".join(lines))
    shapes = [
        {
            "label": name,
            "points": [[x0, y0], [x1, y1]],
            "shape_type": "rectangle",
            "group_id": None,
            "flags": {str(at): 1},
        }
        for at, (name, (x0, y0, x1, y1)) in enumerate(BOXES)
    ]
    (tmp_path / "labelme/a.json").write_text(json.dumps({"shapes": shapes}))
    return tmp_path


def which(out, name):
    """Which of the boxes are left in a copy, by what they are known by."""
    file = out / COPIES[name]
    if name == "coco":
        return [each["id"] - 11 for each in json.loads(file.read_text())["annotations"]]
    if name == "voc":
        text = (file / "a.xml").read_text()
        return [place for place in range(len(BOXES)) if f"<pose>{place}</pose>" in text]
    return [int(key) for shape in json.loads((file / "a.json").read_text())["shapes"] for key in shape["flags"]]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("removed", [0, 2])
def test_nothing_in_one_of_two_equal_boxes_leaves_the_other(annotated, name, removed):
    given = Reviewed(annotated, FILES[name])
    given.decide(removed, "nothing")
    out, problems = given.write(name)
    assert problems == given.decisions.faults([given.part]) == []
    assert sorted(class_name for class_name, _ in given.read(COPIES[name])) == ["boat", "car"]
    if name != "yolo":
        assert which(out, name) == [place for place in range(len(BOXES)) if place != removed]


def test_each_of_the_equal_boxes_may_have_a_decision(annotated):
    given = Reviewed(annotated, "boxes.json")
    given.decide(0, "mask", "car")
    given.decide(2, "nothing")
    out, problems = given.write("coco")
    assert problems == []
    annotations = json.loads((out / "coco.json").read_text())["annotations"]
    assert [(each["id"], each["category_id"]) for each in annotations] == [(11, 1), (12, 1)]


def test_a_journal_says_which_and_one_of_before_means_the_first(annotated):
    given = Reviewed(annotated, "boxes.json")
    for index in (0, 1, 2):
        given.decide(index, "nothing")
    path = annotated / "reviewed.jsonl"
    entries = [{**decision.entry(), "decision": str(at)} for at, decision in enumerate(given.decisions.latest.values())]
    assert [(entry.get("nth"), entry.get("of")) for entry in entries] == [(None, 2), (None, None), (1, 2)]
    for entry in entries:
        append_entry(path, entry)
    assert list(Journal(path).latest()) == [given.key(index) for index in range(3)]
    for key in ("nth", "of"):
        entries[0].pop(key, None)
        entries[0] |= {"decision": "as before"}
    append_entry(path, entries[0])
    old = Journal(path).latest()[given.key(0)]
    assert (old.number, old.is_on(given.key(0))) == ("as before", True)
    for odd in (-1, True, 1.0, "1", None):
        append_entry(path, {**entries[0], "decision": "odd", "nth": odd})
    assert Journal(path).odd == 5


def test_nothing_is_left_of_a_decision_whose_duplicate_is_gone(annotated):
    """Whoever goes on with the copy, and the same journal, must not lose the object that is left."""
    given = Reviewed(annotated, "boxes.json")
    given.decide(0, "nothing")
    given.write("coco")
    again = Reviewed(annotated, "out/coco.json")
    again.decisions.latest.update(given.decisions.latest)
    assert again.decisions.applied(again.part) == again.part
    [fault] = again.decisions.faults([again.part])
    assert "was one of 2 equal boxes, of which the image has 1 now" in fault.problem
    assert "review the box again (boat (10, 10, 50, 40))" in fault.problem


def test_decisions_on_an_image_that_cannot_be_read_are_not_called_changed(annotated):
    given = Reviewed(annotated, "boxes.json")
    given.decide(0, "nothing")
    [fault] = given.decisions.faults([])
    assert "is not among the boxes any more" in fault.problem
    assert given.decisions.faults([], {"a"}) == []


def test_decisions_on_an_image_whose_id_includes_its_folder_now_say_so(annotated):
    """Another photograph of the name in another folder gives all images other ids."""
    given = Reviewed(annotated, "boxes.json")
    given.decide(0, "nothing")
    moved = replace(given.part, record=replace(given.part.record, image="cam1__a"))
    [fault] = given.decisions.faults([moved])
    assert "an image that is called cam1__a now: ids include folders where images share names" in fault.problem
    assert "put its id into the journal in place of a (" in fault.problem


@pytest.mark.parametrize("verdict", ["mask", "nothing"])
def test_a_decision_beyond_the_image_is_not_used(annotated, verdict):
    given = Reviewed(annotated, "boxes.json")
    given.decide(0, verdict, to_box=(60, 20, WIDTH + 1, 60))
    assert given.decisions.applied(given.part) == given.part
    [fault] = given.decisions.faults([given.part])
    assert "does not fit the image as it is now" in fault.problem


def test_a_mask_that_loses_pixels_to_a_decided_one_is_measured_again(tmp_path):
    boxes = [{"category_id": 0, "bbox": [10, 10, 20, 20]}, {"category_id": 0, "bbox": [15, 10, 30, 20]}]
    (tmp_path / "boxes.json").write_text(json.dumps(coco_content(boxes, [(0, "boat")])))
    given = Reviewed(tmp_path, "boxes.json")
    given.decide(1, "mask")
    overlapping, _ = given.decisions.applied(given.part).masks
    assert overlapping == given.part.masks[0]
    made, decided = replace(given.decisions, disjoint=True).applied(given.part).masks
    assert (made.pixels.sum(), decided.pixels.sum()) == (5 * 20, 30 * 20)
    assert (made.measures.fill, made.measures.tightness) == (0.25, 0.25)  # 5 of 20 columns are left
    assert decided.measures.fill == 1


def test_numbers_of_boxes_are_their_places_but_in_xml(annotated):
    for name in ("boxes.json", "yolo", "labelme", "xml"):
        record = Reviewed(annotated, name).part.record
        assert object_numbers(record) == (1, 2, 3)
        assert object_numbers(replace(record, boxes=[], origins=[])) == ()
