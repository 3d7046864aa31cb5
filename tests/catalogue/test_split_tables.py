"""A job that reads some rows of a split sees what a job that reads all of it sees."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from boxsup.catalogue.row_starts import BLOCK, ROWS
from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, read_catalogue, write_catalogue
from boxsup.errors import StoreError

ODD_NAMES = {3: "=1+1", 70: 'a "quoted", name', 71: "two\nlines", 128: "'=x", 190: "größe"}


@pytest.fixture
def folder(tmp_path):
    """Tables of 200 images, four blocks, with nought to four boxes each, and names that CSV must quote or escape."""
    draws = np.random.default_rng(0)
    ids = [ODD_NAMES.get(number, f"im{number:03d}") for number in range(200)]
    images = [(name, f"/data/{name}.jpg", 9, 9 + index, "", f"{name}.png") for index, name in enumerate(ids)]
    boxes = [(name, 1, 0, 0, 5, index, 0, 1) for name in ids for index in range(draws.integers(5))]
    frames = pd.DataFrame(images, columns=list(IMAGE_COLUMNS)), pd.DataFrame(boxes, columns=list(BOX_COLUMNS))
    write_catalogue(tmp_path, Catalogue(*frames, ("background", "cat")))
    return tmp_path


def assert_equal(found, expected):
    for name in ("images", "boxes"):
        assert_frame_equal(getattr(found, name), getattr(expected, name), check_index_type=False)
    assert found.classes == expected.classes


@pytest.mark.parametrize("rows_known", [True, False])
def test_shards_rows_and_parts_are_those_of_the_whole(folder, rows_known):
    if not rows_known:  # as in results of earlier versions
        (folder / ROWS).unlink()
    whole, split = read_catalogue(folder), SplitTables(folder)
    assert (len(split), split.box_count, split.classes) == (200, len(whole.boxes), whole.classes)
    for index in range(7):
        assert_equal(split.shard(index, 7), whole.shard(index, 7))
    assert list(split.rows()) == [split.row(index) for index in range(200)] == list(whole.rows())
    assert list(split.ids) == whole.ids
    assert (split.ids[-1], split.ids[60:75]) == (whole.ids[-1], whole.ids[60:75])
    assert (split.sizes == whole.sizes).all()
    boxes = pd.concat([part.boxes for part in split.parts(BLOCK)])
    assert_frame_equal(boxes, whole.boxes, check_index_type=False)  # each box with its place in the whole table


def test_a_part_within_a_block_keeps_the_places_of_its_boxes(folder):
    whole, part = read_catalogue(folder), SplitTables(folder).part(70, 72)
    assert part.ids == whole.ids[70:72]
    for image in part.ids:
        assert_frame_equal(part.boxes_of(image), whole.boxes_of(image), check_index_type=False)


def test_a_subset_is_in_the_order_of_the_split(folder):
    whole, wanted = read_catalogue(folder), ["im150", "two\nlines", "im000"]
    found = SplitTables(folder).subset(wanted)
    assert found.ids == ["im000", "two\nlines", "im150"]
    assert_frame_equal(found.boxes, whole.boxes[whole.boxes["image"].isin(wanted)], check_index_type=False)
    assert not len(SplitTables(folder).subset(["unknown"]).images)


def test_tables_of_other_columns_or_another_order_are_read_whole(folder):
    whole = read_catalogue(folder)
    for name, change in (
        ("boxes.csv", lambda table: table.iloc[::-1]),
        ("images.csv", lambda table: table[[*table.columns[::-1]]]),
    ):
        change(pd.read_csv(folder / name, dtype=str, keep_default_na=False)).to_csv(folder / name, index=False)
        split = SplitTables(folder)
        assert list(split.rows()) == list(whole.rows())
        assert sum(len(part.boxes) for part in split.parts()) == len(whole.boxes)


def test_a_table_that_was_edited_is_read_as_it_is(folder):
    path = folder / "images.csv"
    path.write_text(path.read_text().replace("/data/im199.jpg", "/data/other.jpg.jpg"))
    assert SplitTables(folder).row(199).path == "/data/other.jpg.jpg"
    path.write_text(path.read_text().replace("/data/im198.jpg", "/data/IM198.jpg"))  # of the same size
    assert SplitTables(folder).row(198).path == "/data/IM198.jpg"


def test_a_split_without_images(tmp_path):
    empty = (pd.DataFrame(columns=list(columns)) for columns in (IMAGE_COLUMNS, BOX_COLUMNS))
    write_catalogue(tmp_path, Catalogue(*empty, ("background",)))
    split = SplitTables(tmp_path)
    assert (len(split), split.box_count, list(split.rows()), list(split.parts())) == (0, 0, [], [])


@pytest.mark.parametrize("name", ["images.csv", "boxes.csv", "classes.csv"])
def test_a_missing_table_is_named_in_one_line(folder, name):
    (folder / name).unlink()
    with pytest.raises(StoreError, match=f"{name}: .*make it again"):
        SplitTables(folder)
