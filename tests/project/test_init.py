"""`boxsup init` on the same pictures in each format: what it finds and writes, and that the configuration holds."""

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from snakemake.utils import update_config

from boxsup.catalogue.check import run_checks
from boxsup.catalogue.readers import READERS
from boxsup.cli import main
from boxsup.config.resolve import resolve
from boxsup.image.files import write_mask
from helpers import own_data

COUNT = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures, their boxes in every format, and the masks of four."""
    root = tmp_path_factory.mktemp("data")
    made = own_data.pictures(COUNT)
    own_data.write_images(root / "images", made)
    own_data.write_voc_xml(root / "xml", made)
    own_data.write_yolo(root / "yolo", made)
    own_data.write_labelme(root / "labelme", made)
    own_data.write_coco(root / "instances.json", made)
    own_data.write_masks(root / "masks", made, list(made)[:4])
    return root


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


BOXES = {"coco": "instances.json", "voc_xml": "xml", "yolo": "yolo/labels", "labelme": "labelme"}


def init(data, form, *more, images="images", boxes=None):
    main(["init", "mine", "--images", str(data / images), "--boxes", str(data / (boxes or BOXES[form])), *more])


def resolved(folder, base):
    """The project's configuration laid over the project's own, as Snakemake does, and checked."""
    config = json.loads(json.dumps(base))
    update_config(config, yaml.safe_load((folder / "mine/config.yaml").read_text()))
    return resolve(config)


def records(config, split, name="own"):
    dataset = config["datasets"][name]
    classes = ("background", *dataset["classes"])
    listing = READERS[dataset["format"]](Path(dataset["root"]), classes, json.dumps(dataset["splits"][split]))
    assert listing.problems == []
    return [check() for check in listing.checks]


@pytest.mark.parametrize("form", BOXES)
def test_classes_may_be_spelled_as_their_annotations_spell_them(here, capsys, form):
    """With accents as two characters, or spaces around: names are compared as they are read."""
    made = own_data.pictures(4)
    own_data.write_images(here / "images", made)
    write = {"coco": own_data.write_coco, "voc_xml": own_data.write_voc_xml, "labelme": own_data.write_labelme}
    write.get(form, own_data.write_yolo)(here / BOXES[form].removesuffix("/labels"), made)
    for file in here.rglob("*"):
        if file.suffix in (".xml", ".json", ".yaml"):
            file.write_text(file.read_text().replace("crescent", "Fl\u00e4che"))
    classes = [" ring", "Fla\u0308che ", "star"]
    init(here, form, "--classes", *classes)
    config = yaml.safe_load((here / "mine/config.yaml").read_text())
    assert config["datasets"]["own"]["classes"] == ["ring", "Fl\u00e4che", "star"]
    if form in ("coco", "yolo"):
        with pytest.raises(SystemExit):
            init(here, form, "--classes", "cat ")
        assert "--classes: the annotations have no class 'cat'; they have ring, Fl\u00e4che" in capsys.readouterr().err


@pytest.mark.parametrize("form", BOXES)
def test_classes_that_are_left_out_are_background_and_counted(here, config, capsys, form):
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images", made)
    write = {"coco": own_data.write_coco, "voc_xml": own_data.write_voc_xml, "labelme": own_data.write_labelme}
    few = {
        name: replace(each, objects=each.objects[: 1 if number else 0])
        for number, (name, each) in enumerate(made.items())
    }
    write.get(form, own_data.write_yolo)(here / BOXES[form].removesuffix("/labels"), few)
    counts = Counter(own_data.CLASSES[thing.class_id] for each in few.values() for thing in each.objects)
    (kept, count), *left = counts.most_common()
    init(here, form, "--classes", kept)
    told = capsys.readouterr().err
    names = ", ".join(name for name, _ in left)
    assert f"boxes        {count}, of 1 classes\n" in told
    assert f"note         boxes that --classes leaves out, which are background: {9 - count}, of {names}\n" in told
    assert f"images whose boxes are all of other classes, taken for background: {9 - count}\n" in told
    assert "images without a box, taken for background: 1\n" in told
    assert "problems     none" in told
    made = resolved(here, config)
    read = [record for split in ("train", "val") for record in records(made, split)]
    assert not any(record.problems for record in read)
    assert sum(len(record.boxes) for record in read) == count
    with pytest.raises(SystemExit):
        init(here, form, "--classes", kept, "cat")
    assert "--classes: the annotations have no class 'cat'; they have " in capsys.readouterr().err


@pytest.mark.parametrize("form", BOXES)
def test_boxes_alone_make_a_configuration_that_reads_them(here, data, config, capsys, form):
    init(data, form)
    made = resolved(here, config)
    experiment = made["experiments"]["own_box"]
    assert experiment["supervision"] == {"masks": "none", "boxes": "boxsup", "reviewed": ""}
    assert made["datasets"]["own"]["format"] == form
    assert sorted(made["datasets"]["own"]["classes"]) == sorted(own_data.FORMS)
    train, val = records(made, "train"), records(made, "val")
    assert (len(train), len(val)) == (COUNT - 1, 1)
    assert sorted(record.image for record in train + val) == list(own_data.pictures(COUNT))
    assert all(record.boxes and not record.problems and not record.drawn for record in train + val)
    told = capsys.readouterr().err
    assert "images       10: 9 to train on, 1 to evaluate on" in told
    assert "masks        none: nothing is measured" in told
    assert f"boxes        {sum(len(record.boxes) for record in train + val)}, of 3 classes" in told
    assert "problems     none" in told
    assert "What makes results/own_box/report.html:" in told
    assert told.endswith("boxsup run mine\n")
    assert sorted(os.listdir(here / "mine")) == [
        ".boxsup.sha256", "config.yaml", "problems.csv", "train.txt", "val.txt"
    ]  # fmt: skip


@pytest.mark.parametrize("form", BOXES)
def test_masks_of_some_images_make_a_semi_supervised_one(here, data, config, capsys, form):
    init(data, form, "--masks", str(data / "masks"), "--classes", *own_data.FORMS, "--name", "birds")
    made = resolved(here, config)
    assert made["experiments"]["birds_semi"]["supervision"] == {"masks": "masks", "boxes": "boxsup", "reviewed": ""}
    assert made["datasets"]["birds"]["classes"] == list(own_data.FORMS)
    splits = {split: records(made, split, "birds") for split in ("train", "val", "masks")}
    masked = {record.image for records in splits.values() for record in records if record.mask}
    assert masked == set(list(own_data.pictures(COUNT))[:4])
    assert [len(splits[split]) for split in ("train", "val", "masks")] == [9, 1, 3]
    assert all(record.mask for record in splits["val"] + splits["masks"])
    told = capsys.readouterr().err
    assert "4 images have a true mask: 3 are trained on" in told
    assert "masks that show" not in told


def test_the_command_can_be_pasted_also_where_names_have_spaces(here, data, capsys):
    boxes = ["--images", str(data / "images"), "--boxes", str(data / "yolo/labels")]
    main(["init", "my birds", *boxes])
    command = capsys.readouterr().err.strip().splitlines()[-1]
    program, arguments = command.strip().split(maxsplit=1)
    assert Path(program).name == "boxsup"
    assert arguments == "run 'my birds'"
    assert arguments in (here / "my birds/config.yaml").read_text()


def test_equal_runs_write_equal_files(here, data, processors, monkeypatch):
    started = []
    monkeypatch.setattr("boxsup.commands.init.MIN_IMAGES", 1)
    monkeypatch.setattr("boxsup.catalogue.check.BATCH", 1)
    monkeypatch.setattr(
        "boxsup.commands.init.run_checks", lambda *given: started.append(given[1]) or run_checks(*given)
    )
    init(data, "yolo", "--workers", "1")
    first = {file.name: file.read_bytes() for file in (here / "mine").iterdir()}
    (here / "mine/config.yaml").unlink()
    init(data, "yolo", "--workers", "2")
    assert started == [1, 2]
    assert {file.name: file.read_bytes() for file in (here / "mine").iterdir()} == first


@pytest.mark.parametrize("name", ["train.txt", "val.txt", "masks.txt", "problems.csv", "config.yaml"])
def test_what_init_did_not_write_is_kept(here, data, capsys, name):
    (here / "mine").mkdir()
    (here / "mine" / name).write_text("my own list")
    more = ["--masks", str(data / "masks")]
    with pytest.raises(SystemExit):
        init(data, "yolo", *more)
    assert f"mine/{name}: boxsup did not write it, or it was changed since" in capsys.readouterr().err
    assert os.listdir(here / "mine") == [name]
    assert (here / "mine" / name).read_text() == "my own list"
    init(data, "yolo", *more, "--overwrite")
    [kept] = (here / "mine").glob(f"{Path(name).stem}.*T*")
    assert kept.read_text() == "my own list"
    init(data, "labelme", *more)  # what it wrote itself it writes anew


def test_a_project_may_be_around_its_images_but_none_of_its_files_is_read(here, data, capsys):
    shutil.copytree(data, here / "mine")
    init(here / "mine", "yolo", images=here / "mine" / "images")
    (here / "mine" / "train.txt").unlink()
    os.link(here / "mine" / "instances.json", here / "mine" / "train.txt")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        init(here / "mine", "coco", "--overwrite")
    assert "instances.json: is an input and cannot be an output, too" in capsys.readouterr().err


@pytest.mark.parametrize("argument", ["--images", "--boxes", "--masks"])
def test_a_project_is_not_written_among_the_photographs(here, data, capsys, argument):
    shutil.copytree(data / "images", here / "photos")
    shutil.copytree(data / "xml", here / "boxes")
    shutil.copytree(data / "masks", here / "masks")
    given = {"--images": "photos", "--boxes": "boxes", "--masks": "masks"}
    before = os.listdir(given[argument])
    with pytest.raises(SystemExit):
        main(["init", f"./{given[argument]}/", *(word for pair in given.items() for word in pair)])
    assert f"{given[argument]}: is the folder of {argument}, and the project's files" in capsys.readouterr().err
    assert os.listdir(given[argument]) == before


def test_an_edited_configuration_is_not_written_over(here, data, capsys):
    init(data, "yolo")
    (here / "mine/config.yaml").write_text("mine")
    with pytest.raises(SystemExit):
        init(data, "labelme")
    assert "mine/config.yaml: boxsup did not write it, or it was changed since" in capsys.readouterr().err
    assert (here / "mine/config.yaml").read_text() == "mine"


def test_segmentations_measure_and_with_masks_they_are_trained_on(here, data, config, capsys):
    content = json.loads((data / "instances.json").read_text())
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + width, y, x + width, y + height]]
    (here / "polygons.json").write_text(json.dumps(content))
    init(data, "coco", boxes=here / "polygons.json")
    made = resolved(here, config)
    assert made["datasets"]["own"]["splits"]["val"]["masks"] == "annotations"
    assert made["experiments"]["own_box"]["supervision"]["masks"] == "none"
    assert made["experiments"]["own_box"]["validation"]["every"] > 0
    assert all("mask" in record.drawn for record in records(made, "val"))
    assert "10 images have a true mask by their segmentations: to measure with" in capsys.readouterr().err
    (here / "mine/config.yaml").unlink()
    init(data, "coco", "--masks", str(here / "polygons.json"), boxes=here / "polygons.json")
    made = resolved(here, config)
    assert made["experiments"]["own_semi"]["supervision"]["masks"] == "masks"
    assert len(records(made, "masks")) == 8


def test_segmentations_that_are_boxes_are_not_taken_for_masks(here, data, config, capsys):
    content = json.loads((data / "instances.json").read_text())
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    (here / "boxes.json").write_text(json.dumps(content))
    init(data, "coco", boxes=here / "boxes.json")
    assert resolved(here, config)["datasets"]["own"]["splits"]["val"]["masks"] == "none"
    (here / "mine/config.yaml").unlink()
    with pytest.raises(SystemExit):
        init(data, "coco", "--masks", str(here / "boxes.json"), boxes=here / "boxes.json")
    assert "the segmentations are the boxes themselves" in capsys.readouterr().err


def test_classes_that_do_not_occur_are_left_out_unless_masks_have_their_values(here, data, config):
    content = json.loads((data / "instances.json").read_text())
    content["categories"] = [{"id": 1, "name": "kiwi"}, *content["categories"]]
    (here / "more.json").write_text(json.dumps(content))
    init(data, "coco", boxes=here / "more.json")
    assert resolved(here, config)["datasets"]["own"]["classes"] == list(own_data.FORMS)
    (here / "mine/config.yaml").unlink()
    (here / "masks").mkdir()
    made = own_data.pictures(COUNT)
    for image in list(made)[:4]:
        mask = made[image].masks()[0]
        write_mask(here / f"masks/{image}.png", np.where((mask > 0) & (mask < 255), mask + 1, mask).astype(np.uint8))
    init(data, "coco", "--masks", str(here / "masks"), boxes=here / "more.json")
    assert resolved(here, config)["datasets"]["own"]["classes"] == ["kiwi", *own_data.FORMS]


def test_what_is_wrong_is_left_out_and_said(here, data, config, capsys):
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images", made)
    own_data.write_yolo(here / "yolo", made)
    (here / "yolo/labels/picture_00.txt").write_text("0 0.5 0.5 1 1\n9 0.5 0.5 1 1\n")
    (here / "images/picture_01.png").write_bytes(b"no image")
    (here / "yolo/labels/picture_02.txt").unlink()
    (here / "yolo/labels/picture_04.txt").unlink()
    (here / "yolo/labels/picture_04.txt").symlink_to("not/fetched/yet")
    with open(os.fsencode(here) + b"/yolo/labels/stray\x1b\xff.txt", "w") as file:
        file.write("0 0.5 0.5 1 1\n")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(made["picture_03"].image).save(here / "images/picture_03.png", exif=exif)
    init(here, "yolo")
    told = capsys.readouterr().err
    assert "problems     4; images left out: 3" in told
    assert "labels/picture_00.txt: line 2: class 9 is none of those that are named, 0 to 2" in told
    assert r"labels/stray\x1b\xff.txt: no image has its name" in told
    assert "images without a box, taken for background: 1" in told
    assert "images with an EXIF orientation, which is not applied: 1" in told
    assert "classes with fewer than 10 boxes" in told
    lines = (here / "mine/problems.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["image", "picture_00", "picture_01", "picture_04", ""]
    config = resolved(here, config)
    assert len(records(config, "train")) + len(records(config, "val")) == COUNT - 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n",
            "boxes that occur twice in their image: 1, the first is in picture_00",
        ),
        (
            "0 0.5 0.5 0.5 0\n",
            "boxes that are one pixel wide or high, as clicks make them: 1, the first is in picture_00",
        ),
    ],
)
def test_odd_boxes_are_noted(here, data, capsys, text, words):
    own_data.write_yolo(here / "yolo", own_data.pictures(COUNT))
    (here / "yolo/labels/picture_00.txt").write_text(text)
    init(data, "yolo", boxes=here / "yolo/labels")
    assert words in capsys.readouterr().err


def test_oriented_boxes_are_no_masks_unless_somebody_says_so(here, data, capsys):
    """Four corners of a turned rectangle in every line: nothing to measure masks with."""
    own_data.write_yolo(here / "yolo", own_data.pictures(COUNT))
    for number, file in enumerate(sorted((here / "yolo/labels").iterdir())):
        file.write_text(f"{number % 3} 0.5 0.1 0.7 0.5 0.5 0.9 0.3 0.5\n")
    init(data, "yolo", boxes=here / "yolo/labels")
    told = capsys.readouterr().err
    assert "masks        none" in told
    assert "polygons have four corners each: they are taken for oriented boxes" in told
    (here / "mine/config.yaml").unlink()
    init(data, "yolo", "--masks", str(here / "yolo/labels"), boxes=here / "yolo/labels")
    assert "10 images have a true mask" in capsys.readouterr().err


def test_odd_images_are_noted(here, data, capsys):
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images", made)
    for image, most in (("picture_00", 1023), ("picture_01", 65535)):
        (here / f"images/{image}.png").unlink()
        grey = np.full(made[image].instances.shape, most, np.uint16)
        Image.fromarray(grey).save(here / f"images/{image}.tif")
    (here / "images/a.heic").touch()
    for image, orientation in (("picture_02", 0), ("picture_03", 9), ("picture_04", 1), ("picture_05", 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(made[image].image).save(here / f"images/{image}.png", exif=exif)
    init(data, "yolo", images=here / "images")
    told = capsys.readouterr().err
    assert "problems     none" in told
    assert "16-bit images with values below 16,384: 1, the first is picture_00; only their high byte is used" in told
    assert "files among the images that are not read, by their endings: 1 .heic" in told
    assert "images with an EXIF orientation, which is not applied: 1, the first is picture_05; boxes drawn on" in told


def test_how_xml_counts_may_be_said(here, data, capsys):
    own_data.write_voc_xml(here / "xml", own_data.pictures(COUNT))
    file = here / "xml/picture_03.xml"
    file.write_text(file.read_text().replace("<bndbox>", "<occluded>0</occluded><attributes/><bndbox>", 1))
    init(data, "voc_xml", "--corners", "voc", boxes=here / "xml")
    assert "corners are taken" not in capsys.readouterr().err
    splits = yaml.safe_load((here / "mine/config.yaml").read_text())["datasets"]["own"]["splits"]
    assert {split["corners"] for split in splits.values()} == {"voc"}
    with pytest.raises(SystemExit, match="1"):
        init(data, "yolo", "--corners", "voc")
    assert "--corners says how VOC XML counts, and " in capsys.readouterr().err


def test_how_xml_counts_is_said(here, data, capsys):
    own_data.write_voc_xml(here / "xml", own_data.pictures(COUNT))
    file = here / "xml/picture_03.xml"
    file.write_text(file.read_text().replace("<bndbox>", "<occluded>0</occluded><attributes/><bndbox>", 1))
    init(data, "voc_xml", boxes=here / "xml")
    words = "corners are taken for borders from 0, as picture_03.xml: object 1 has CVAT's tags, attributes and occluded"
    assert words in capsys.readouterr().err
    assert (
        yaml.safe_load((here / "mine/config.yaml").read_text())["datasets"]["own"]["splits"]["val"]["corners"]
        == "plane"
    )


def test_problems_are_listed_also_where_nothing_is_left(here, data, capsys):
    made = own_data.pictures(COUNT)
    own_data.write_voc_xml(here / "xml", made)
    for file in (here / "xml").iterdir():
        file.write_text(file.read_text().replace("<width>", "<width>1"))
    with pytest.raises(SystemExit):
        init(data, "voc_xml", boxes=here / "xml")
    assert "picture_00.xml: size says 1" in (error := capsys.readouterr().err)
    assert "(the first of 10 problems; no image is left); all are in mine/problems.csv" in error
    assert len((here / "mine/problems.csv").read_text().splitlines()) == 1 + COUNT
    for file in (here / "xml").iterdir():
        file.write_bytes(file.read_text().replace("object>", "thing>").encode() + b"\xff")
    with pytest.raises(SystemExit):
        init(data, "voc_xml", boxes=here / "xml")
    assert "is no UTF-8: save it as UTF-8" in (error := capsys.readouterr().err)
    assert "(the first of 10 problems; no class is left); all are in mine/problems.csv" in error


def test_a_single_image_that_is_left_is_no_answer_to_what_is_wrong_with_the_others(here, capsys):
    made = own_data.pictures(2)
    own_data.write_images(here / "images", made)
    own_data.write_images(here / "images", {"picture_00": made["picture_00"]}, "jpg")
    own_data.write_voc_xml(here / "xml", made)
    with pytest.raises(SystemExit, match="1"):
        init(here, "voc_xml")
    [error] = capsys.readouterr().err.splitlines()
    assert "two images are called picture_00, picture_00.jpg and picture_00.png" in error
    assert "(the only problem; one image is left, and one to evaluate on is needed, too)" in error
    assert "picture_00" in (here / "mine" / "problems.csv").read_text()


def test_masks_that_are_pictures_say_so_where_no_others_are_there(here, data, capsys):
    made = own_data.pictures(COUNT)
    (here / "masks").mkdir()
    Image.fromarray(made["picture_00"].image).save(here / "masks/picture_00.png")
    with pytest.raises(SystemExit):
        init(data, "yolo", "--masks", str(here / "masks"))
    error = capsys.readouterr().err
    assert "masks/picture_00.png: expected a mask with a palette or in 8-bit grey, got mode RGB" in error
    assert "(the only problem; no image has a true mask); all are in mine/problems.csv" in error


def test_images_of_one_name_in_two_folders_make_a_configuration_that_reads_them(here, data, config, capsys):
    made = own_data.pictures(COUNT)
    for folder, images in (("cam1", list(made)[:5]), ("cam2", list(made)[5:])):
        part = {f"{number:04d}": made[image] for number, image in enumerate(images)}
        own_data.write_images(here / "images" / folder, part)
        own_data.write_voc_xml(here / "xml" / folder, part)
    init(here, "voc_xml", "--val", str(here / "images/cam2"), images=here / "images")
    assert "images in several folders share names: their ids include the folders" in capsys.readouterr().err
    config = resolved(here, config)
    assert [record.image for record in records(config, "train")] == [f"cam1__{number:04d}" for number in range(5)]
    assert [record.image for record in records(config, "val")] == [f"cam2__{number:04d}" for number in range(5)]


def test_images_to_evaluate_on_may_be_chosen(here, data, config, capsys):
    (here / "val.txt").write_text("images/picture_03.png\npicture_05\n")
    init(data, "labelme", "--val", "val.txt")
    assert [record.image for record in records(resolved(here, config), "val")] == ["picture_03", "picture_05"]
    (here / "mine/config.yaml").unlink()
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images/val", {"picture_00": made["picture_00"]})
    own_data.write_images(here / "images/train", {image: each for image, each in made.items() if image != "picture_00"})
    init(data, "yolo", "--val", "images/val", images=here / "images")
    assert [record.image for record in records(resolved(here, config), "val")] == ["picture_00"]
    (here / "mine/config.yaml").unlink()
    (here / "val.txt").write_text("a\n")
    with pytest.raises(SystemExit):
        init(data, "yolo", "--val", "val.txt")
    assert "val.txt: it names 1 image, none of which can be used" in capsys.readouterr().err


def test_images_to_evaluate_on_that_are_not_there_are_told_of(here, data, capsys):
    (here / "val.txt").write_text("picture_01.png\npicture_77.png\npicture_02\n")
    init(data, "yolo", "--val", "val.txt")
    told = capsys.readouterr().err
    assert "images       10: 8 to train on, 2 to evaluate on" in told
    assert "of val.txt that cannot be used, are not there, or could be several: 1, such as picture_77.png" in told


def test_images_that_the_json_does_not_know_are_told_of(here, data, capsys):
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images", made)
    own_data.write_images(here / "images/more", {"x": made["picture_00"], "y": made["picture_01"]})
    init(data, "coco", images=here / "images")
    assert "images in the folder that are not in the annotations, and not used: 2" in capsys.readouterr().err


def test_links_out_are_followed_where_they_are_trusted(here, data, config, capsys):
    for folder in ("images", "labelme"):
        (here / folder).mkdir()
        for file in (data / folder).iterdir():
            (here / folder / file.name).symlink_to(file)
    with pytest.raises(SystemExit):
        init(here, "labelme")
    assert "a symbolic link leads out of" in capsys.readouterr().err
    init(here, "labelme", "--links")
    made = resolved(here, config)
    assert made["datasets"]["own"]["splits"]["val"]["links"] is True
    assert len(records(made, "train")) == COUNT - 1


def test_masks_whose_values_are_in_another_order_are_noticed(here, data, capsys):
    init(data, "coco", "--masks", str(data / "masks"), "--classes", *reversed(own_data.FORMS))
    assert "masks that show a class which their image has no box of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--name", "a/b"], "--name: expected letters, digits and _, 60 at most, got 'a/b'"),
        (["--name", "n" * 61], "--name: expected letters, digits and _, 60 at most"),
        (["--name", "demo"], "--name demo: config.yaml has datasets.demo already; choose another, as my_demo"),
        (["--name", "voc"], "--name voc: config.yaml has datasets.voc already"),
        (["--name", "coco"], "--name coco: config.yaml has datasets.coco already"),
        (["--name", "on"], "--name: YAML takes on for True, no text; choose another, as my_on"),
        (["--name", "1_000"], "--name: YAML takes 1_000 for 1000"),
        (["--classes", "ring", "ring"], "list each name once"),
        (["--classes", "cow"], "--classes: the annotations have no class 'cow'; they have ring, crescent, star"),
        (["--masks", "nowhere"], "nowhere: no such folder of masks"),
    ],
)
def test_a_wrong_argument_says_what_is_right(here, data, capsys, more, words):
    with pytest.raises(SystemExit) as info:
        init(data, "coco", *more)
    assert info.value.code == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (here / "mine").exists()


def test_masks_of_no_image_and_boxes_of_no_image_are_refused(here, data, capsys):
    (here / "empty").mkdir()
    with pytest.raises(SystemExit):
        init(data, "voc_xml", "--masks", str(here / "empty"))
    assert "empty: no image has a true mask; expected PNGs with their images' names" in capsys.readouterr().err
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "others", {f"other_{image}": each for image, each in made.items()})
    with pytest.raises(SystemExit):
        init(data, "yolo", images=here / "others")
    assert "none of the 10 images has a box; annotations have the names of their images" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        init(data, "labelme", images=here / "others")
    assert "no image is left" in capsys.readouterr().err
    assert [path.name for path in (here / "mine").glob("[!.]*")] == ["problems.csv"]


def test_hostile_names_stay_names(here, config):
    """Quotes, braces and anchors in names of classes and folders are text to YAML, and nothing else."""
    made = {"a": own_data.pictures(1)["picture_00"], "b": own_data.pictures(2)["picture_01"]}
    folder = here / 'it\'s {a} "trap": *x & #'
    own_data.write_images(folder / "images", made)
    own_data.write_yolo(folder / "yolo", made)
    names = ['x", root: /etc', "{{ 7 * 7 }} #", "*alias: 'é"]
    (folder / "yolo/data.yaml").write_text(yaml.safe_dump({"names": names}))
    init(folder, "yolo")
    made = resolved(here, config)
    assert set(made["datasets"]["own"]["classes"]) <= set(names)
    assert made["datasets"]["own"]["splits"]["train"]["images"] == str(folder / "images")
    assert set(made["datasets"]["own"]) == {"format", "root", "splits", "classes", "on_problem", "shards"}
    assert made["datasets"].keys() == config["datasets"].keys() | {"own"}
    assert len(records(made, "train")) == 1


def test_an_image_whose_name_cannot_be_used_is_a_problem_and_not_unknown(here, data, capsys):
    made = own_data.pictures(COUNT)
    own_data.write_images(here / "images", made)
    for name in (b"a:b.png", b"\xe9t\xe9.png"):
        Image.fromarray(made["picture_00"].image).save(here / "images/odd.png")
        os.rename(here / "images/odd.png", os.fsencode(here) + b"/images/" + name)
    init(data, "voc_xml", images=here / "images")
    told = capsys.readouterr().err
    assert "problems     2; images left out: 2" in told
    assert r"'\xe9t\xe9.png' is no file of the image folder: its name holds bytes that are no UTF-8; rename it" in told
    assert "that are not in the annotations" not in told
