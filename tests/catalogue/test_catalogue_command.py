import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.errors import StoreError
from boxsup.image.files import write_mask
from helpers.commands import run_boxsup

SIZE = (20, 30)  # height, width
TABLES = {"images.csv", "boxes.csv", "classes.csv"}
XML = """<annotation><object><name>cat</name><difficult>1</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>20</ymax></bndbox></object></annotation>"""


@pytest.fixture
def tree(tmp_path):
    """A good tree of three images: a and b with masks, c with its box only; a with an object mask too."""
    root = tmp_path / "tree"
    for folder in ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (root / folder).mkdir(parents=True)
    for number, image in enumerate("abc"):
        pixels = np.random.default_rng(number).integers(0, 255, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"JPEGImages/{image}.jpg")
        (root / f"Annotations/{image}.xml").write_text(XML)
        if image != "c":
            mask = np.zeros(SIZE, np.uint8)
            mask[3, 4], mask[5] = 1, 255
            write_mask(root / f"SegmentationClass/{image}.png", mask)
    write_mask(root / "SegmentationObject/a.png", np.full(SIZE, 7, np.uint8))
    (root / "ImageSets/Segmentation/train.txt").write_text("a\nb\nc\n")
    return root


def catalogue(root, out, *, classes=("cat",), on_problem="stop", workers=1, name="train", masks="SegmentationClass"):
    settings = {"format": "voc", "root": root, "split": json.dumps({"list": name, "masks": masks})}
    settings |= {"classes": json.dumps(classes), "workers": workers, "on-problem": on_problem, "out": out}
    return run_boxsup("catalogue", *(part for key, value in settings.items() for part in (f"--{key}", value)))


def test_a_split_of_images_only_needs_neither_masks_nor_annotations(tree, tmp_path):
    for image in "abc":
        (tree / f"Annotations/{image}.xml").unlink()
        (tree / f"SegmentationClass/{image}.png").unlink(missing_ok=True)
    assert catalogue(tree, tmp_path / "stopped").returncode == 1
    result = catalogue(tree, tmp_path / "out", masks="none")
    assert result.returncode == 0, result.stderr
    made = read_catalogue(tmp_path / "out")
    assert made.ids == ["a", "b", "c"]
    assert made.boxes.empty
    assert not made.images["mask"].any()


def test_images_whose_label_maps_no_store_could_hold_are_told_of_at_once(tree, tmp_path):
    for image, size in (("a", (65_000, 1)), ("b", (1, 65_000))):
        Image.new("L", size).save(tree / f"JPEGImages/{image}.jpg")
        (tree / f"Annotations/{image}.xml").write_text("<annotation/>")
        for kind in ("Class", "Object"):
            (tree / f"Segmentation{kind}/{image}.png").unlink(missing_ok=True)
    result = catalogue(tree, tmp_path / "out", masks="none")
    assert result.returncode == 1
    words = "label maps of 65000×65000 pixels (width×height), as wide as a and as high as b: a store pads all its maps "
    assert result.stderr.strip().splitlines()[-1].startswith(f"boxsup: error: {words}")
    assert "lower `megapixels` of the data set" in result.stderr
    assert not (tmp_path / "out/images.csv").exists()


def test_other_tools_trees_are_read_by_their_own_endings_and_names(tree, tmp_path):
    Image.open(tree / "JPEGImages/a.jpg").save(tree / "JPEGImages/a.png")
    (tree / "JPEGImages/a.jpg").unlink()
    (tree / "JPEGImages/b.jpg").rename(tree / "JPEGImages/b.JPG")
    (tree / "Annotations/b.xml").rename(tree / "Annotations/b.XML")
    (tree / "SegmentationClass/b.png").rename(tree / "SegmentationClass/b.PNG")
    (tree / "JPEGImages/c.jpg").rename(tree / "JPEGImages/e\u0301.jpg")
    (tree / "Annotations/c.xml").rename(tree / "Annotations/\u00e9.xml")
    (tree / "ImageSets/Segmentation/train.txt").write_text("a\nb\n\u00e9\n")
    result = catalogue(tree, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    made = read_catalogue(tmp_path / "out")
    assert [len(made.boxes_of(image)) for image in ("a", "b", "\u00e9")] == [1, 1, 1]
    assert [Path(path).name for path in made.images["path"]] == ["a.png", "b.JPG", "e\u0301.jpg"]
    assert [bool(mask) for mask in made.images["mask"]] == [True, True, False]


def test_a_tree_that_counts_from_zero_must_say_so(tree, tmp_path):
    for image in "abc":
        (tree / f"Annotations/{image}.xml").write_text(XML.replace(">2<", ">0.4<"))
    result = catalogue(tree, tmp_path / "out")
    assert result.returncode == 1
    assert "a.xml: it seems to count from 0 (object 1 begins at 0.4): say `corners: plane`" in result.stderr
    settings = json.dumps({"list": "train", "masks": "SegmentationClass", "corners": "plane"})
    where = ["--root", str(tree), "--out", str(tmp_path / "out")]
    main(["catalogue", "--format", "voc", *where, "--split", settings, "--classes", '["cat"]', "--on-problem", "stop"])
    assert read_catalogue(tmp_path / "out").boxes[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 3, 30, 20]] * 3


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def unknown_value(root):
    mask = np.zeros(SIZE, np.uint8)
    mask[0, 0] = 2
    write_mask(root / "SegmentationClass/b.png", mask)


def other_size(root):
    write_mask(root / "SegmentationClass/b.png", np.zeros((SIZE[1], SIZE[0]), np.uint8))


def objects_of_another_size(root):
    write_mask(root / "SegmentationObject/b.png", np.zeros((SIZE[1], SIZE[0]), np.uint8))


def in_colour(root):
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(root / "SegmentationClass/b.png")


def external_entity(root):
    secret = root.parent / "secret.txt"
    secret.write_text("cat")
    doctype = f'<!DOCTYPE annotation [<!ENTITY e SYSTEM "file://{secret}">]>'
    (root / "Annotations/b.xml").write_text(doctype + XML.replace("<name>cat", "<name>&e;"))


def more_ids(*ids):
    def change(root):
        edit(root / "ImageSets/Segmentation/train.txt", "c\n", "c\n" + "".join(f"{image}\n" for image in ids))

    return change


# What is done to the good tree; the image, file and words of the one problem that must be found.
DAMAGES = {
    "truncated image": (lambda root: truncate(root / "JPEGImages/b.jpg"), "b", "JPEGImages/b.jpg", "truncated"),
    "text as image": (
        lambda root: (root / "JPEGImages/b.jpg").write_text("<html>"),
        "b",
        "JPEGImages/b.jpg",
        "not a readable image",
    ),
    "id without image": (more_ids("d"), "d", "JPEGImages/d.jpg", "no such image"),
    "no mask and no annotation": (
        lambda root: (root / "Annotations/c.xml").unlink(),
        "c",
        "Annotations/c.xml",
        "no such annotation, and the image has no mask either",
    ),
    "no XML": (lambda root: (root / "Annotations/b.xml").write_text("0 0.5 0.5"), "b", "Annotations/b.xml", "not XML"),
    "external entity": (external_entity, "b", "Annotations/b.xml", "DTD or entities"),
    "box outside": (lambda root: edit(root / "Annotations/b.xml", ">30<", ">31<"), "b", "b.xml", "object 1: box"),
    "box inside out": (lambda root: edit(root / "Annotations/b.xml", ">30<", ">1<"), "b", "b.xml", "inside out"),
    "unknown class": (lambda root: edit(root / "Annotations/b.xml", "cat", "cow"), "b", "b.xml", "unknown class 'cow'"),
    "mask of another size": (other_size, "b", "SegmentationClass/b.png", "has 20×30 pixels, its image 30×20"),
    "mask with an unknown label": (unknown_value, "b", "SegmentationClass/b.png", "holds 2; expected 0 to 1"),
    "object mask of another size": (
        objects_of_another_size,
        "b",
        "SegmentationObject/b.png",
        "has 20×30 pixels, its image 30×20",
    ),
    "text as object mask": (
        lambda root: (root / "SegmentationObject/b.png").write_text("no"),
        "b",
        "SegmentationObject/b.png",
        "not a readable mask",
    ),
    "mask in colour": (in_colour, "b", "SegmentationClass/b.png", "got mode RGB"),
    "truncated mask": (
        lambda root: truncate(root / "SegmentationClass/b.png"),
        "b",
        "SegmentationClass/b.png",
        "not a readable mask",
    ),
    "listed twice": (more_ids("b"), "b", "train.txt", "more than once"),
    "path in the list": (more_ids("../tree/JPEGImages/a"), "../tree/JPEGImages/a", "train.txt", "no image id"),
}


def is_one_line_error(result):
    lines = result.stderr.splitlines()
    return result.returncode == 1 and len(lines) == 1 and lines[0].startswith("boxsup: error: ")


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_kind_of_bad_input_stops_with_one_line_that_names_it(tree, tmp_path, damage):
    change, image, file, words = DAMAGES[damage]
    change(tree)
    out = tmp_path / "out"
    result = catalogue(tree, out)
    assert is_one_line_error(result), result.stderr
    assert file in result.stderr
    assert words in result.stderr
    assert "(the only problem)" in result.stderr
    assert str(out / "problems.csv") in result.stderr
    [row] = pd.read_csv(out / "problems.csv").to_dict("records")
    assert row["image"] == image
    assert row["file"].endswith(file)
    assert words in row["problem"]
    assert {path.name for path in out.glob("[!.]*")} == {"problems.csv"}


def test_all_problems_are_listed_and_counted(tree, tmp_path):
    truncate(tree / "JPEGImages/b.jpg")
    edit(tree / "Annotations/b.xml", "cat", "cow")
    edit(tree / "Annotations/c.xml", ">30<", ">1<")
    result = catalogue(tree, tmp_path / "out")
    assert is_one_line_error(result)
    assert "(the first of 3 problems in 2 images)" in result.stderr
    assert list(pd.read_csv(tmp_path / "out/problems.csv")["image"]) == ["b", "b", "c"]


def test_skip_keeps_the_good_images_and_says_what_it_left_out(tree, tmp_path):
    out = tmp_path / "out"
    truncate(tree / "JPEGImages/a.jpg")
    edit(tree / "Annotations/b.xml", ">30<", ">31<")
    result = catalogue(tree, out, on_problem="skip")
    assert result.returncode == 0, result.stderr
    assert "left out for 2 problems: 2 images" in result.stderr
    kept = read_catalogue(out)
    assert kept.ids == ["c"]
    assert list(kept.boxes["image"]) == ["c"]
    assert list(pd.read_csv(out / "problems.csv")["image"]) == ["a", "b"]


def test_skip_stops_where_no_image_is_left(tree, tmp_path):
    for image in "abc":
        (tree / f"JPEGImages/{image}.jpg").unlink()
    result = catalogue(tree, tmp_path / "out", on_problem="skip")
    assert is_one_line_error(result)
    assert "is left" in result.stderr


def test_what_an_earlier_run_wrote_does_not_outlast_a_stop(tree, tmp_path):
    out = tmp_path / "out"
    assert catalogue(tree, out).returncode == 0
    assert {path.name for path in out.glob("[!.]*")} == {"problems.csv", *TABLES}
    truncate(tree / "JPEGImages/a.jpg")
    assert is_one_line_error(catalogue(tree, out))
    assert {path.name for path in out.glob("[!.]*")} == {"problems.csv"}


@pytest.mark.parametrize(("content", "words"), [(None, "no such image list"), ("\n\n", "lists no image")])
def test_a_list_that_is_missing_or_empty_stops_also_with_skip(tree, tmp_path, content, words):
    path, out = tree / "ImageSets/Segmentation/train.txt", tmp_path / "out"
    path.unlink() if content is None else path.write_text(content)
    result = catalogue(tree, out, on_problem="skip")
    assert is_one_line_error(result)
    assert words in result.stderr
    assert list(pd.read_csv(out / "problems.csv")["file"]) == [str(path)]
    assert {file.name for file in out.glob("[!.]*")} == {"problems.csv"}


def test_the_tables_of_a_good_tree(tree, tmp_path):
    result = catalogue(tree, tmp_path / "out")
    assert result.returncode == 0, result.stderr
    read = read_catalogue(tmp_path / "out")
    assert read.classes == ("background", "cat")
    assert read.ids == ["a", "b", "c"]
    assert read.sizes.tolist() == [[20, 30]] * 3
    assert list(read.images["mask"]) == [str(tree / f"SegmentationClass/{image}.png") for image in "ab"] + [""]
    assert list(read.images["objects"]) == [str(tree / "SegmentationObject/a.png"), "", ""]
    assert read.boxes.to_numpy().tolist() == [[image, 1, 1, 2, 30, 20, 1, 0] for image in "abc"]
    assert (tmp_path / "out/problems.csv").read_text() == "image,file,problem\n"


def test_a_table_of_an_older_form_is_named(tree, tmp_path):
    out = tmp_path / "out"
    assert catalogue(tree, out).returncode == 0
    pd.read_csv(out / "images.csv").drop(columns="objects").to_csv(out / "images.csv", index=False)
    with pytest.raises(StoreError, match=r"images\.csv: no column 'objects'; make it again"):
        read_catalogue(out)


def test_masks_come_from_the_named_folder_first_and_need_no_annotation(tree, tmp_path):
    (tree / "Better").mkdir()
    write_mask(tree / "Better/c.png", np.ones(SIZE, np.uint8))
    (tree / "Annotations/c.xml").unlink()
    result = catalogue(tree, tmp_path / "out", masks="Better")
    assert result.returncode == 0, result.stderr
    read = read_catalogue(tmp_path / "out")
    folders = [path.split("/")[-2] for path in read.images["mask"]]
    assert folders == ["SegmentationClass", "SegmentationClass", "Better"]
    assert list(read.boxes["image"]) == ["a", "b"]
    assert "masks: Better 1, SegmentationClass 2" in result.stderr


@pytest.mark.slow
def test_tables_do_not_depend_on_the_workers(tree, tmp_path):
    # More images than one worker takes at a time, some of them wrong.
    images = [f"i{number:02d}" for number in range(50)]
    for number, image in enumerate(images):
        (tree / f"JPEGImages/{image}.jpg").write_bytes((tree / "JPEGImages/a.jpg").read_bytes())
        (tree / f"Annotations/{image}.xml").write_text(XML if number % 7 else XML.replace("cat", "cow"))
    (tree / "ImageSets/Segmentation/train.txt").write_text("\n".join(reversed(images)))
    for workers in (1, 2):
        result = catalogue(tree, tmp_path / f"out{workers}", on_problem="skip", workers=workers)
        assert result.returncode == 0, result.stderr
    assert len(read_catalogue(tmp_path / "out1").ids) == 42
    for table in (*TABLES, "problems.csv"):
        one = (tmp_path / "out1" / table).read_text().replace("out1", "out")
        assert one == (tmp_path / "out2" / table).read_text().replace("out2", "out")


def test_real_voc_files_agree_with_their_published_counts(voc_mini, config, tmp_path):
    counts = []
    for name in ("trainaug", "val"):
        out = tmp_path / name
        result = catalogue(voc_mini, out, name=name, classes=config["datasets"]["voc"]["classes"], workers=2)
        assert result.returncode == 0, result.stderr
        read = read_catalogue(out)
        counts.append((len(read.images), len(read.boxes), int(read.boxes["difficult"].sum())))
    assert np.sum(counts, axis=0).tolist() == [755, 1966, 327]
