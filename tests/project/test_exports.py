"""`boxsup init` on whole exports, as tools hand them out: their own split is the one that is used."""

import json
import os

import pytest

from boxsup.cli import main
from boxsup.project.parts import Parts, export_parts
from helpers import own_data

COUNTS = {"train": 5, "valid": 2, "test": 1}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def split_pictures():
    """The pictures of each part by their ids."""
    made = iter(own_data.pictures(sum(COUNTS.values())).items())
    return {part: dict(next(made) for _ in range(count)) for part, count in COUNTS.items()}


def write_yolo(folder, part, made):
    """Roboflow's: `train/images`, `train/labels`, and one `data.yaml`."""
    own_data.write_images(folder / part / "images", made)
    own_data.write_yolo(folder / part, made)
    os.replace(folder / part / "data.yaml", folder / "data.yaml")


def write_ultralytics(folder, part, made):
    """`images/train`, `labels/train`, and a `data.yaml`."""
    own_data.write_images(folder / "images" / part, made)
    own_data.write_yolo(folder / part, made)
    os.replace(folder / part / "data.yaml", folder / "data.yaml")
    os.renames(folder / part / "labels", folder / "labels" / part)


def write_voc(folder, part, made):
    own_data.write_images(folder / part, made)
    own_data.write_voc_xml(folder / part, made)


def write_coco(folder, part, made):
    own_data.write_images(folder / part, made)
    own_data.write_coco(folder / part / "_annotations.coco.json", made)


WRITERS = {"yolo": write_yolo, "ultralytics": write_ultralytics, "voc": write_voc, "coco": write_coco}


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITERS)
def test_the_root_of_an_export_is_all_that_need_be_named(here, capsys, form):
    made = split_pictures()
    for part in COUNTS:
        WRITERS[form](here, part, made[part])
        (here / part).mkdir(exist_ok=True)
        (here / part / "README.roboflow.txt").write_text("exported\n")
    main(["init", "mine", "--images", ".", "--boxes", "."])
    told = capsys.readouterr().err
    assert "images       7: 5 to train on, 2 to evaluate on" in told
    boxes = sum(len(each.objects) for part in ("train", "valid") for each in made[part].values())
    assert f"boxes        {boxes}, of 3 classes" in told
    assert "problems     none" in told
    assert "the folders' own split: the 2 images of valid (val) are evaluated on; --val names others" in told
    assert "images of test, not used: 1" in told
    for file, part in (("train.txt", "train"), ("val.txt", "valid")):
        names = (here / "mine" / file).read_text().splitlines()
        assert sorted(name.rpartition("/")[2] for name in names) == [f"{image}.png" for image in made[part]]


def test_a_split_of_ones_own_comes_before_the_exports(here, capsys):
    made = split_pictures()
    for part in COUNTS:
        write_voc(here, part, made[part])
    (here / "list.txt").write_text("picture_00\n")
    main(["init", "mine", "--images", ".", "--boxes", ".", "--val", "list.txt"])
    assert "own split" not in capsys.readouterr().err
    assert (here / "mine/val.txt").read_text() == "train/picture_00.png\n"
    assert len((here / "mine/train.txt").read_text().splitlines()) == 6


def split_of(folder):
    """The images of each part by their names, in the lists that were written."""
    lists = {name: (folder / f"mine/{name}.txt").read_text().splitlines() for name in ("train", "val")}
    return {name: sorted(line.rpartition("/")[2] for line in lines) for name, lines in lists.items()}


def files_of(made, *parts):
    return sorted(f"{image}.png" for part in parts for image in made[part])


@pytest.mark.parametrize(
    ("val", "trained", "evaluated", "unused"),
    [("valid", ["train"], ["valid"], 1), ("test", ["train", "valid"], ["test"], 0), ("train", ["valid"], ["train"], 1)],
)
def test_test_images_are_not_trained_on_whatever_is_evaluated_on(here, capsys, val, trained, evaluated, unused):
    made = split_pictures()
    for part in COUNTS:
        write_voc(here, part, made[part])
    main(["init", "mine", "--images", ".", "--boxes", ".", "--val", val])
    told = capsys.readouterr().err
    assert ("images of test, not used: 1" in told) == bool(unused)
    assert "own split" not in told
    assert split_of(here) == {"train": files_of(made, *trained), "val": files_of(made, *evaluated)}


def test_an_export_without_valid_has_images_of_train_drawn(here, capsys):
    made = split_pictures()
    for part in ("train", "test"):
        write_yolo(here, part, made[part])
    main(["init", "mine", "--images", ".", "--boxes", "."])
    told = capsys.readouterr().err
    assert "images of test, not used: 1" in told
    assert "own split" not in told
    split = split_of(here)
    assert len(split["val"]) == 1
    assert sorted(split["train"] + split["val"]) == files_of(made, "train")


def test_an_export_whose_boxes_are_all_in_test_is_refused_with_the_reason(here, capsys):
    made = split_pictures()
    for part in ("train", "test"):
        write_yolo(here, part, made[part])
    for file in (here / "train/labels").iterdir():
        file.write_text("")
    with pytest.raises(SystemExit):
        main(["init", "mine", "--images", ".", "--boxes", "."])
    assert ".: only images of test have a box, and these are not used; rename the folder" in capsys.readouterr().err


def test_a_list_from_windows_names_images(here, capsys):
    made = split_pictures()
    for part in ("train", "valid"):
        write_voc(here, part, made[part])
    first, *rest = files_of(made, "train")
    (here / "list.txt").write_text(f".\\train\\{first}\r\n", newline="")
    main(["init", "mine", "--images", ".", "--boxes", ".", "--val", "list.txt"])
    assert "cannot be used" not in capsys.readouterr().err
    assert split_of(here) == {"train": sorted([*rest, *files_of(made, "valid")]), "val": [first]}


def test_a_folder_to_evaluate_on_that_lies_elsewhere_says_what_to_name(here, capsys):
    made = split_pictures()
    for part in COUNTS:
        write_yolo(here, part, made[part])
    with pytest.raises(SystemExit):
        main(["init", "mine", "--images", "train/images", "--boxes", "train/labels", "--val", "valid/images"])
    error = capsys.readouterr().err
    assert "valid/images: it names 2 images, none of which can be used: it lies outside of --images" in error
    assert "with `--images . --boxes .` the folders train and valid (val) are the split" in error


def test_an_export_with_one_id_in_two_files_is_read_by_folders(here, capsys):
    made = own_data.pictures(4)
    first, second = (dict(list(made.items())[start : start + 2]) for start in (0, 2))
    write_coco(here, "train", first)
    write_coco(here, "valid", second)  # image ids and annotation ids begin at 1 in each
    main(["init", "mine", "--images", ".", "--boxes", "."])
    told = capsys.readouterr().err
    assert "problems     none" in told
    assert "read otherwise" not in told


def test_two_files_put_together_with_the_same_ids_are_refused_with_the_reason(here, capsys):
    made = own_data.pictures(4)
    own_data.write_images(here / "images", made)
    first, second = (dict(list(made.items())[start : start + 2]) for start in (0, 2))
    contents = []
    for name, part in (("a.json", first), ("b.json", second)):
        own_data.write_coco(here / name, part)
        contents.append(json.loads((here / name).read_text()))
    both = {key: contents[0][key] + contents[1][key] for key in ("images", "annotations")}
    (here / "both.json").write_text(json.dumps(both | {"categories": contents[0]["categories"]}))
    with pytest.raises(SystemExit):
        main(["init", "mine", "--images", "images", "--boxes", "both.json"])
    error = capsys.readouterr().err
    assert "picture_00.png: 2 images have the id 1: nobody can tell whose their boxes are" in error


def test_parts_are_those_of_folders_by_any_of_their_names():
    names = {"a": "images/train2017/a.jpg", "b": "images/val2017/b.jpg", "c": "images/test/x/c.jpg"}
    assert export_parts(names) == Parts(frozenset("b"), frozenset("c"))
    assert export_parts({"a": "Training/a.jpg", "b": "validation/b.jpg"}) == Parts(frozenset("b"), frozenset())
    assert export_parts({"a": "train/a.jpg", "b": "test/b.jpg"}) == Parts(frozenset(), frozenset("b"))
    assert export_parts({"a": "valid/a.jpg", "b": "test/b.jpg"}) == Parts()  # nothing to train on
    assert export_parts({"a": "train/a.jpg", "b": "valid/b.jpg", "c": "c.jpg"}) == Parts()  # one is in none
    assert export_parts({"a": "trains/a.jpg", "b": "valley/b.jpg"}) == Parts()
    assert export_parts({"train": "train.jpg", "val": "val.jpg"}) == Parts()  # names of files are no folders
