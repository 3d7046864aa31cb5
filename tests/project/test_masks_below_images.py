"""`boxsup init` with masks among the photographs, which are none, and with a `labelmap.txt`."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from boxsup.catalogue.labelmap import read_labelmap
from boxsup.catalogue.readers.image_files import all_names, images_below, masks_among, other_names
from boxsup.catalogue.sources import open_source
from boxsup.cli import main
from boxsup.image.files import write_mask
from boxsup.writers.voc import labelmap
from helpers import own_data

COUNT = 5


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, images=".", masks="masks"):
    """Photographs (JPEG), YOLO's boxes in `labels`, and a PNG mask of each."""
    made = own_data.pictures(COUNT)
    own_data.write_images(folder / images, made, "jpg")
    own_data.write_yolo(folder, made)
    own_data.write_masks(folder / masks, made, list(made))
    return made


def lists():
    return {line for name in ("train.txt", "val.txt") for line in Path("mine", name).read_text().splitlines()}


@pytest.mark.parametrize("images", [".", "images"])
@pytest.mark.parametrize("given", ["masks", "d/masks"])
def test_masks_that_are_named_are_no_photographs(here, capsys, monkeypatch, images, given):
    """Also by a path through a link, and the ids of images need no folders to tell them from their masks."""
    made = write(here / "d", images)
    (here / "d" / "masks" / "notes.xcf").touch()
    if given == "masks":
        (here / "link").symlink_to(here / "d")
        monkeypatch.chdir(here / "d")
        root, given = ".", here / "link/masks"
    else:
        root = "d"
    main(["init", "mine", "--images", root, "--boxes", root, "--masks", str(given), "--classes", *own_data.FORMS])
    told = capsys.readouterr().err
    assert f"images       {COUNT}: " in told
    assert f"masks        {COUNT} images have a true mask: " in told
    assert "problems     none" in told
    for absent in ("taken for", "share names", "not in the annotations", "not read"):
        assert absent not in told
    assert lists() == {f"{image}.jpg" if images == "." else f"images/{image}.jpg" for image in made}
    split = yaml.safe_load(Path("mine/config.yaml").read_text())["datasets"]["own"]["splits"]["train"]
    assert "ids" not in split


def test_a_split_without_a_list_leaves_them_out_too(here):
    made = write(here / "d")
    source = open_source(here / "d", here / "d", masks=here / "d/masks").with_masks(str(here / "d/masks"))
    listing = source.listing()
    assert (listing.problems, listing.unmatched, source.notes[1:]) == ([], [], ())
    records = [check() for check in listing.checks]
    assert [record.image for record in records] == list(made)
    assert all(record.mask and record.boxes for record in records)


def test_masks_that_nobody_named_are_said(here, capsys):
    made = write(here / "d")
    assert masks_among(images_below(here / "d")) == {"masks": COUNT}
    main(["init", "mine", "--images", "d", "--boxes", "d"])
    told = capsys.readouterr().err
    note = f"images of masks/ that have the names of others, and are taken for photographs: {COUNT}; if they are masks,"
    assert f"note         {note} name the folder by --masks (init), or move it out of the images" in told
    (here / "d/masks/other.png").write_bytes((here / "d/masks" / f"{next(iter(made))}.png").read_bytes())
    assert masks_among(images_below(here / "d")) == {}  # one has no photograph: they may all be photographs


@pytest.mark.parametrize("folder", ["masks", "SegmentationClass", "voc/SegmentationObject"])
def test_what_folders_of_masks_are_called(folder):
    names = ["a/1.jpg", "b/2.jpg", "b/3.jpg", f"{folder}/1.png", f"{folder}/b/2.png"]
    assert masks_among(names) == {folder: 2}
    assert masks_among(["photos/1.jpg", "more/1.png"]) == {}
    assert masks_among(["masks/1.png"]) == {}


def test_a_folder_of_masks_elsewhere_or_the_same_one_leaves_nothing_out(tmp_path):
    for name in ("d/a.jpg", "d/masks/a.png", "d/masks2/b.png", "other/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    everything = ["a.jpg", "masks/a.png", "masks2/b.png"]
    for masks in (None, tmp_path / "d", tmp_path, tmp_path / "other", tmp_path / "d/mask"):
        assert all_names(tmp_path / "d", masks) == everything
    assert all_names(tmp_path / "d", tmp_path / "other/../d/masks") == ["a.jpg", "masks2/b.png"]
    (tmp_path / "d/masks/c.xcf").touch()
    assert other_names(tmp_path / "d") == ["masks/c.xcf"]
    assert other_names(tmp_path / "d", tmp_path / "d/masks") == []


def write_voc(folder, order):
    """A tree as of VOC, whose masks have the classes in this order, and a `labelmap.txt`."""
    made = own_data.pictures(COUNT)
    own_data.write_images(folder / "JPEGImages", made)
    own_data.write_voc_xml(folder / "Annotations", made)
    (folder / "SegmentationClass").mkdir()
    value = np.arange(256, dtype=np.uint8)
    value[1:4] = [1 + order.index(name) for name in own_data.FORMS]
    for image, each in made.items():
        write_mask(folder / f"SegmentationClass/{image}.png", value[each.masks()[0]])
    lines = ["# label:color_rgb:parts:actions", "background:0,0,0::", *(f"{name}:1,2,3::" for name in order)]
    (folder / "labelmap.txt").write_text("\n".join(lines) + "\n")


def init_voc(*more):
    main(["init", "mine", "--images", "JPEGImages", "--boxes", "Annotations", "--masks", "SegmentationClass", *more])
    return yaml.safe_load(Path("mine/config.yaml").read_text())["datasets"]["own"]["classes"]


@pytest.mark.parametrize("beside", [True, False])
def test_the_values_of_masks_are_those_of_labelmap(here, capsys, beside):
    write_voc(here, ["star", "ring", "crescent", "unseen"])
    if beside:
        (here / "labelmap.txt").rename(here / "SegmentationClass/labelmap.txt")
    assert init_voc() == ["star", "ring", "crescent", "unseen"]
    told = capsys.readouterr().err
    path = "SegmentationClass/labelmap.txt" if beside else here / "labelmap.txt"
    assert f"note         the values of masks are those of {path}: 1 star, 2 ring, 3 crescent, 4 unseen\n" in told
    assert "masks that show a class which their image has no box of" not in told
    assert init_voc("--classes", "ring", "star", "crescent", "--overwrite") == ["ring", "star", "crescent"]
    assert "labelmap" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("background:0,0,0::\nstar:1,2,3::\nring:3,2,1::\n", "has no class 'crescent' of the annotations: it has star"),
        ("star:1,2,3::\nring::\ncrescent::\n", "its first line is 'star', and 0 is the background in masks"),
        ("background:0,0,0::\nstar:::\nring:::\ncrescent:::\nstar:::\n", "list each name once"),
    ],
)
def test_a_labelmap_of_other_classes_is_refused(here, capsys, text, said):
    write_voc(here, list(own_data.FORMS))
    (here / "labelmap.txt").write_text(text)
    with pytest.raises(SystemExit):
        init_voc()
    *_, error = capsys.readouterr().err.strip().splitlines()
    assert error.startswith(f"boxsup: error: {here}/labelmap.txt: ")
    assert said in error
    assert error.endswith("; --classes gives the order of the masks' values")


def test_a_labelmap_of_another_form_is_not_read_and_a_note_says_so(here, capsys):
    write_voc(here, sorted(own_data.FORMS))
    (here / "labelmap.txt").write_text("???\nring\nstar\n")
    assert init_voc() == sorted(own_data.FORMS)
    said = f"{here}/labelmap.txt is not read: expected lines `name:r,g,b::`: line 1, '???'; --classes gives"
    assert said in capsys.readouterr().err


def test_names_in_a_labelmap(tmp_path):
    path = tmp_path / "labelmap.txt"
    path.write_bytes(
        "\ufeff# label\r\nbackground:0,0,0::\r\n\r\n Fla\u0308che :128,0,0:a,b:c\r\nignored:224,224,192::\r\n".encode()
    )
    assert read_labelmap(path) == (["background", "Fläche"], "")
    path.write_text("cat:1,2,3\n\ncat:3,4\n")
    assert read_labelmap(path) == ([], "line 3, 'cat:3,4'")
    path.write_text("# nothing\n")
    assert read_labelmap(path) == ([], "it has none")


def test_our_own_labelmap_is_read_whatever_classes_are_called(tmp_path):
    names = ["background", "a:b", "#1", "#2:x", "c:1,2,3", "# d", "e::", ":f", "1,2,3", "ä b"]
    (tmp_path / "labelmap.txt").write_text(labelmap(names))
    assert read_labelmap(tmp_path / "labelmap.txt") == (names, "")
