"""Stores of many images: which store has an image, ids beyond what attributes hold, tables written row by row."""

import numpy as np
import pytest
import zarr

from boxsup.errors import StoreError
from boxsup.labels.overlaps import Overlaps, overlaps_writer
from boxsup.store import groups, shards
from boxsup.store.arrays import ColumnWriter, write_array
from boxsup.store.labels import Labels, labels_writer
from boxsup.store.shards import ImageIndex


def write(path, ids):
    """A store of overlaps in which an image's table holds the length of its id."""
    with overlaps_writer(path, ids, {"seed": len(ids)}) as writer:
        for image in ids:
            writer.append(np.full((1, 1), len(image), np.float32))


def test_more_stores_than_are_open_at_a_time(tmp_path):
    paths = [tmp_path / f"{index}.zarr" for index in range(shards.OPEN + 3)]
    for index, path in enumerate(paths):
        write(path, [f"{'x' * index}-{row}" for row in range(index)])  # the first has none
    overlaps = Overlaps(paths)
    assert len(overlaps) == len(list(overlaps)) == sum(range(len(paths)))
    for image in (*overlaps, *reversed(list(overlaps))):
        assert overlaps[image].tolist() == [[len(image)]]
    assert "y" not in overlaps
    with pytest.raises(KeyError):
        overlaps["y"]
    assert [attributes["seed"] for attributes in overlaps.attributes] == list(range(len(paths)))


def test_an_image_in_two_stores_is_named(tmp_path):
    write(tmp_path / "a.zarr", ["one", "two"])
    write(tmp_path / "b.zarr", ["three", "two"])
    with pytest.raises(StoreError, match=r"b\.zarr: image two is in .*a\.zarr too"):
        Overlaps([tmp_path / "a.zarr", tmp_path / "b.zarr"])


def test_ids_of_many_images_are_rows_of_bytes(tmp_path, monkeypatch):
    ids, sizes = ["größe", "b", "", "d" * 300], np.ones((4, 2), np.int64)
    monkeypatch.setattr(groups, "IDS_AT_ONCE", 3)
    for name, most in (("few", 4), ("many", 3)):
        monkeypatch.setattr(groups, "IDS_IN_ATTRIBUTES", most)
        with labels_writer(tmp_path / f"{name}.zarr", ids, sizes, {}) as writer:
            for number, image in enumerate(ids):
                writer.append(image, labels=np.full((1, 1), number, np.uint8))
    few, many = Labels(tmp_path / "few.zarr"), Labels(tmp_path / "many.zarr")
    assert ("images" in few.attributes, "images" in many.attributes) == (True, False)
    assert list(few) == list(many) == ids
    assert [int(many[image].item()) for image in ids] == [0, 1, 2, 3]
    (tmp_path / "many.zarr/images_offsets/zarr.json").write_text("{}")
    with pytest.raises(StoreError):
        Labels(tmp_path / "many.zarr")


def test_an_index_of_many_ids():
    ids = [f"im{number}" for number in range(5000)]
    index = ImageIndex(ids)
    assert [index[image] for image in ids] == list(range(5000))
    assert index.twice() is None
    assert ImageIndex(["a", "b", "a"]).twice() == (0, 2)
    assert len(ImageIndex([])) == 0


@pytest.mark.parametrize("shape", [(0,), (7,), (50_000, 3)])
def test_a_table_written_in_pieces_has_the_bytes_of_one_written_at_once(tmp_path, shape):
    values = np.random.default_rng(0).random(shape).astype(np.float32)
    values[: len(values) // 2] = 0  # chunks that are left out
    made = {name: zarr.create_group(store=tmp_path / name, zarr_format=3) for name in ("pieces", "once")}
    write_array(made["once"], "table", values)
    writer = ColumnWriter(made["pieces"], "table", len(values), values[:1])
    for start in range(0, len(values), 4999):
        writer.append(values[start : start + 4999])
    writer.close()
    files = [sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in made]
    assert [path.relative_to(tmp_path / "pieces") for path in files[0]] == [
        path.relative_to(tmp_path / "once") for path in files[1]
    ]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
