"""`boxsup init` on data whose masks prove nothing: it says so, and plans no score that would mean nothing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from boxsup.cli import main
from helpers import own_data

COUNT = 20  # pictures with objects
BOXES = {"coco": "instances.json", "voc_xml": "xml", "yolo": "yolo/labels", "labelme": "labelme"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def emptied(made):
    """The pictures without their objects."""
    blank = (replace(each, objects=(), instances=np.zeros_like(each.instances)) for each in made.values())
    return {f"empty_{number}": each for number, each in enumerate(blank)}


@pytest.fixture
def negatives(here):
    """Pictures with boxes and six without an object, in every format."""
    made = own_data.pictures(COUNT)
    made |= emptied(own_data.pictures(6))
    own_data.write_images(here / "images", made)
    own_data.write_voc_xml(here / "xml", made)
    own_data.write_yolo(here / "yolo", made)
    own_data.write_labelme(here / "labelme", made)
    own_data.write_coco(here / "instances.json", made)
    return made


def init(form, *more):
    main(["init", "mine", "--images", "images", "--boxes", BOXES[form], *more])


def config():
    return yaml.safe_load(Path("mine/config.yaml").read_text())


def names(file):
    return {Path(line).stem for line in Path(f"mine/{file}").read_text().split()}


def write_values(folder, made, values):
    """Masks whose pixels have these values, in stripes."""
    folder.mkdir(exist_ok=True)
    for image, each in made.items():
        mask = np.resize(np.array(values, np.uint8), each.instances.shape)
        Image.fromarray(mask).save(folder / f"{image}.png")


@pytest.mark.slow
@pytest.mark.parametrize("form", BOXES)
def test_images_without_objects_are_no_evidence_of_masks(negatives, capsys, form):
    init(form)
    told = capsys.readouterr().err
    assert "masks        none: nothing is measured" in told
    assert "measured     " not in told
    assert "images       26: 23 to train on, 3 to evaluate on" in told
    assert any(negatives[image].objects for image in names("val.txt"))
    assert config()["datasets"]["own"]["splits"]["val"]["masks"] == "none"
    assert config()["experiments"]["own_box"]["validation"]["every"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["coco", "yolo", "labelme"])
def test_they_are_none_where_masks_are_asked_for_either(negatives, capsys, form):
    with pytest.raises(SystemExit):
        init(form, "--masks", BOXES[form])
    assert "no image with an object has a true mask, only 6 without" in capsys.readouterr().err
    assert not Path("mine").exists()


@pytest.mark.slow
@pytest.mark.parametrize("form", BOXES)
def test_empty_masks_in_files_are_none(negatives, capsys, form):
    write_values(Path("masks"), {image: each for image, each in negatives.items() if not each.objects}, [0])
    with pytest.raises(SystemExit):
        init(form, "--masks", "masks", "--classes", *own_data.FORMS)
    assert "no image with an object has a true mask, only 6 without" in capsys.readouterr().err


def test_objects_are_evaluated_on_where_some_images_have_segmentations(here, capsys):
    made = own_data.pictures(10)
    both = made | emptied(own_data.pictures(10))
    own_data.write_images(here / "images", both)
    own_data.write_coco(here / "instances.json", both, masks=True)
    init("coco")
    told = capsys.readouterr().err
    assert "10 images have a true mask by their segmentations (10 more are empty): to measure with" in told
    assert "of 3 classes and the background" in told.split("measured     on 4 images")[1]
    assert len(names("val.txt") & set(made)) == 2
    assert len(names("val.txt") - set(made)) == 2


@pytest.mark.parametrize("more", [[], ["--masks", "instances.json"]])
def test_crowds_alone_teach_nothing(here, capsys, more):
    made = own_data.pictures(6)
    own_data.write_images(here / "images", made)
    own_data.write_coco(here / "instances.json", made, masks=True)
    content = json.loads(Path("instances.json").read_text())
    for annotation in content["annotations"]:
        annotation["iscrowd"] = 1
    Path("instances.json").write_text(json.dumps(content))
    with pytest.raises(SystemExit):
        init("coco", *more)
    told = capsys.readouterr().err
    assert "instances.json: every box is a crowd (iscrowd 1): nothing can be learned or measured" in told
    assert "set iscrowd to 0" in told
    assert told.count("\n") == 1
    assert not Path("mine").exists()


def test_images_of_crowds_alone_are_no_evidence_and_their_class_is_named(here, capsys):
    made = own_data.pictures(12)
    own_data.write_images(here / "images", made)
    own_data.write_coco(here / "instances.json", made, masks=True)
    content = json.loads(Path("instances.json").read_text())
    for annotation in content["annotations"]:
        if annotation["category_id"] == 30:  # star
            annotation["iscrowd"] = 1
        else:
            annotation.pop("segmentation")
    Path("instances.json").write_text(json.dumps(content))
    init("coco")
    told = capsys.readouterr().err
    assert "masks        none: nothing is measured" in told
    assert "classes whose boxes are all crowds, of which nothing is learned: star" in told


@pytest.mark.parametrize(
    ("classes", "values", "words"),
    [
        (["ring"], [0, 255], "the masks show no class: they hold only 0 and 255; 255 is void: write 1 for the class"),
        (own_data.FORMS, [0, 255], "255 is void: write 1, 2, … for ring, crescent, star"),
        (["ring"], [0], "they hold only 0; 0 is the background: write 1 for the class"),
        ([*own_data.FORMS, "kiwi"], [0, 4], "the masks show only kiwi, of which there is no box; --classes gives the"),
    ],
)
def test_masks_that_hold_no_class_of_the_boxes_are_refused(here, capsys, classes, values, words):
    made = own_data.pictures(6)
    own_data.write_images(here / "images", made)
    own_data.write_voc_xml(here / "xml", made)
    if classes == ["ring"]:
        for file in Path("xml").iterdir():
            file.write_text(file.read_text().replace("crescent", "ring").replace("star", "ring"))
    write_values(Path("masks"), made, values)
    with pytest.raises(SystemExit):
        init("voc_xml", "--masks", "masks", "--classes", *classes)
    told = capsys.readouterr().err
    assert f"masks: {words}" in told or words in told
    assert told.count("\n") == 1
    assert not Path("mine").exists()


def test_some_masks_without_a_class_are_named(here, capsys):
    made = own_data.pictures(10)
    own_data.write_images(here / "images", made)
    own_data.write_yolo(here / "yolo", made)
    own_data.write_masks(here / "masks", made, list(made)[:6])
    write_values(here / "masks", dict(list(made.items())[4:6]), [0, 255])
    init("yolo", "--masks", "masks")
    told = capsys.readouterr().err
    assert "4 images have a true mask: 3 are trained on, 1 are evaluated on" in told
    first = "the first is picture_04's: it holds only 0 and 255; 255 is void: write 1, 2, … for ring, crescent, star"
    assert f"masks that show no class though their image has objects, not trained on: 2, {first}" in told
    assert names("masks.txt") | names("val.txt") == set(list(made)[:4])
    assert names("val.txt") <= set(list(made)[:4])


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ("empty_0", "the true mask of 1 image shows no class, only background or void"),
        ("picture_09", "no image has a true mask"),
    ],
)
def test_chosen_images_on_which_nothing_is_measured_are_told_of(here, capsys, chosen, why):
    made = own_data.pictures(10)
    both = made | emptied(own_data.pictures(2))
    own_data.write_images(here / "images", both)
    own_data.write_coco(here / "instances.json", both, masks=True)
    content = json.loads(Path("instances.json").read_text())
    last = next(image["id"] for image in content["images"] if image["file_name"] == "picture_09.png")
    for annotation in content["annotations"]:
        if annotation["image_id"] == last:
            annotation.pop("segmentation")
    Path("instances.json").write_text(json.dumps(content))
    Path("val.txt").write_text(f"{chosen}\n")
    init("coco", "--val", "val.txt")
    assert f"measured     nothing: of those to evaluate on {why}" in capsys.readouterr().err
    assert config()["experiments"]["own_box"]["validation"]["every"] == 0


def test_chosen_images_may_leave_a_class_without_one_to_train_on_which_is_said(here, capsys):
    made = own_data.pictures(10)
    own_data.write_images(here / "images", made)
    own_data.write_yolo(here / "yolo", made)
    with_star = [image for image, each in made.items() if any(thing.class_id == 3 for thing in each.objects)]
    Path("val.txt").write_text("\n".join(with_star))
    init("yolo", "--val", "val.txt")
    notes = [line for line in capsys.readouterr().err.splitlines() if "classes without an object" in line]
    assert len(notes) == 1
    assert "star" in notes[0]
