"""The union of splits, and what stands in its way."""

import pandas as pd
import pytest

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.catalogue.union import join
from boxsup.cli import main
from boxsup.commands.join import run
from boxsup.errors import DataError

CLASSES = ("background", "cat", "dog")


def part(images, classes=CLASSES):
    rows = [(image, f"{image}.jpg", 4, 5, "", "") for image in images]
    boxes = [(image, 1, 0, 0, 2 + number, 3, 0, 1) for number, image in enumerate(images)]
    columns = list(IMAGE_COLUMNS), list(BOX_COLUMNS)
    return Catalogue(pd.DataFrame(rows, columns=columns[0]), pd.DataFrame(boxes, columns=columns[1]), classes)


def test_tables_stand_one_after_the_other():
    whole = join({"first": part("ab"), "second": part("c"), "third": part(["0001"])})
    assert whole.ids == ["a", "b", "c", "0001"]
    assert whole.boxes["x1"].tolist() == [2, 3, 2, 2]
    assert whole.boxes.index.tolist() == [0, 1, 2, 3]
    assert whole.classes == CLASSES


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"first": part("ab"), "second": part("cb")}, r"^second: image b is in first too; .* must have different ids"),
        ({"first": part("a"), "second": part("b", CLASSES[:2])}, r"^second: its classes are not those of first"),
        ({"first": part("a"), "second": part("b", (*CLASSES[:1], "dog", "cat"))}, "in the same order"),
    ],
)
def test_ids_and_classes_that_collide_are_named(parts, message):
    with pytest.raises(DataError, match=message):
        join(parts)


def test_parts_whose_label_maps_no_store_could_hold_together_are_told_of_at_once(tmp_path):
    for name, image, size in (("x", "a", (9, 65_000)), ("y", "b", (65_000, 9))):
        tables = part(image)
        tables.images[["height", "width"]] = size
        write_catalogue(tmp_path / name, tables)
        (tmp_path / name / "problems.csv").write_text("image,file,problem\n")
    words = r"label maps of 65000×65000 pixels \(width×height\), as wide as a and as high as b"
    with pytest.raises(DataError, match=words):
        run(parts=[tmp_path / "x", tmp_path / "y"], out=tmp_path / "union")


def test_problems_of_all_parts_are_listed(tmp_path):
    for name, images in (("x", "ab"), ("y", "c")):
        write_catalogue(tmp_path / name, part(images))
        (tmp_path / name / "problems.csv").write_text(f"image,file,problem\n{name}0,{name}.jpg,no such image\n")
    main(["join", "--parts", str(tmp_path / "x"), str(tmp_path / "y"), "--out", str(tmp_path / "union")])
    assert pd.read_csv(tmp_path / "union/problems.csv")["image"].tolist() == ["x0", "y0"]
    assert {path.name for path in (tmp_path / "union").glob("[!.]*")} == {
        "images.csv",
        "boxes.csv",
        "classes.csv",
        "problems.csv",
    }
