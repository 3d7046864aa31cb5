import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boxsup
from boxsup.errors import DataError, StoreError, UnknownImageError
from boxsup.image.files import read_mask
from boxsup.store import arrays
from boxsup.store.arrays import Ragged, RaggedWriter
from boxsup.store.groups import create_group, open_group
from boxsup.store.labels import labels_writer
from boxsup.store.limits import check_stack


def write(path, maps, attributes=None):
    sizes = np.array([labels.shape for labels in maps.values()])
    with labels_writer(path, list(maps), sizes, attributes or {}) as writer:
        for image, labels in maps.items():
            writer.append(image, labels=labels)


def some_maps(count, seed=0):
    random = np.random.default_rng(seed)
    return {f"{i}": random.integers(0, 256, random.integers(1, 20, 2), dtype=np.uint8) for i in range(count)}


@pytest.mark.parametrize("per_shard", [1, 3, 256])
def test_maps_come_back_exactly_whatever_the_shards(tmp_path, monkeypatch, per_shard):
    monkeypatch.setattr(arrays, "SHARD_IMAGES", per_shard)
    maps = some_maps(7)
    write(tmp_path / "a.zarr", maps, {"seed": 3})
    labels = boxsup.open_labels(tmp_path / "a.zarr")
    assert list(labels) == list(maps)
    assert labels.attributes["seed"] == 3
    for image, expected in maps.items():
        np.testing.assert_array_equal(labels[image], expected)


def test_equal_content_is_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, some_maps(5))
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) > 3
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_snakemakes_time_stamp_in_the_folder_does_not_matter(tmp_path):
    maps = some_maps(2)
    write(tmp_path / "a.zarr", maps)
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    np.testing.assert_array_equal(boxsup.open_labels(tmp_path / "a.zarr")["1"], maps["1"])


def test_a_map_of_another_size_or_out_of_turn_is_refused_and_nothing_is_left(tmp_path):
    def wrong_size():
        with labels_writer(tmp_path / "a", ["x"], np.array([[2, 3]]), {}) as writer:
            writer.append("x", labels=np.zeros((3, 2), np.uint8))

    def out_of_turn():
        with labels_writer(tmp_path / "a", ["x", "y"], np.array([[2, 3]] * 2), {}) as writer:
            writer.append("y", labels=np.zeros((2, 3), np.uint8))

    with pytest.raises(StoreError, match="expected 2×3 pixels, got 3×2"):
        wrong_size()
    with pytest.raises(StoreError, match="expected labels of x, got y"):
        out_of_turn()
    assert list(tmp_path.iterdir()) == []


def test_maps_that_could_not_be_read_are_refused_before_the_first(tmp_path):
    sizes = np.array([(20_000, 5_000), (5_000, 20_000), (30, 40)], np.int32)
    words = (
        r"label maps of 20000×20000 pixels \(width×height\), as wide as wide and as high as high: a store pads all its "
        "maps alike, to at most 268,435,456 pixels; lower `megapixels` of the data set"
    )
    with pytest.raises(DataError, match=words), labels_writer(tmp_path / "a", ["high", "wide", "small"], sizes, {}):
        pytest.fail("a map would be made")
    assert list(tmp_path.iterdir()) == []
    check_stack(["a"], np.array([(2**14, 2**14)]))
    with pytest.raises(DataError, match="pixels"):
        check_stack(["a"], np.array([(2**14, 2**14 + 1)]))


def test_a_row_that_could_not_be_read_is_refused(tmp_path):
    writer = RaggedWriter(create_group(tmp_path / "a", {"kind": "rows", "images": ["x", "y"]}), "iou", np.float32)
    writer.append(np.arange(10))
    with pytest.raises(DataError, match=r"^y: 67,108,865 numbers of its iou; a store has at most 67,108,864 of an im"):
        writer.append(np.broadcast_to(np.float32(0), 2**26 + 1))
    writer.append(np.arange(1))
    writer.close()
    np.testing.assert_array_equal(Ragged(open_group(tmp_path / "a", "rows"), "iou")[0], np.arange(10))


def test_other_folders_are_refused_by_name(tmp_path):
    (tmp_path / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    with pytest.raises(StoreError, match="expected a store of label maps"):
        boxsup.open_labels(tmp_path)
    (tmp_path / "012.zarr").mkdir()
    with pytest.raises(StoreError, match=r"012\.zarr: not a readable zarr store"):
        boxsup.open_labels(tmp_path / "012.zarr")
    with pytest.raises(StoreError, match=r"013\.zarr: no such store; did you mean .*/012\.zarr\?"):
        boxsup.open_labels(tmp_path / "013.zarr")


@pytest.mark.slow
@settings(max_examples=20)
@given(lengths=st.lists(st.integers(0, 40), max_size=12), ahead=st.integers(1, 5), random=st.randoms())
def test_ragged_rows_come_back_in_any_order_over_chunk_and_shard_bounds(tmp_path_factory, lengths, ahead, random):
    path = tmp_path_factory.mktemp("ragged") / "a"
    rows = [np.arange(length, dtype=np.int32) * 7 + i for i, length in enumerate(lengths)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "RAGGED_CHUNK_BYTES", 16)  # 4 numbers a chunk
        patch.setattr(arrays, "SHARD_BYTES", 64)  # 2 chunks a shard
        writer = RaggedWriter(create_group(path, {"kind": "rows", "images": []}), "values", np.int32)
        for row in rows:
            writer.append(row)
        writer.close()
    stored = Ragged(open_group(path, "rows"), "values", ahead)
    assert len(stored) == len(rows)
    for row in [*range(len(rows)), *random.sample(range(len(rows)), len(rows))]:
        np.testing.assert_array_equal(stored[row], rows[row])


def test_a_missing_image_lists_what_there_is(tmp_path):
    maps = {f"train_{number:04}": np.zeros((2, 3), np.uint8) for number in range(1, 9)}
    write(tmp_path / "a.zarr", maps)
    labels = boxsup.open_labels(tmp_path / "a.zarr")
    for image, message in (
        ("train_001", "no image 'train_001'; did you mean train_0001 or"),
        ("2007_000032", "its 8 images are train_0001, train_0002, train_0003, train_0004, train_0005 and 3 more"),
    ):
        with pytest.raises(UnknownImageError) as info:
            labels[image]
        assert isinstance(info.value, KeyError)
        assert message in str(info.value)
        assert not str(info.value).startswith(("'", '"'))
        assert image not in labels
        assert labels.get(image) is None


def test_a_store_shows_itself_and_saves_its_maps(tmp_path):
    maps = {"a": np.array([[0, 1], [2, 255]], np.uint8), "b": np.zeros((3, 2), np.uint8)}
    write(tmp_path / "a.zarr", maps, {"classes": ["background", "cat", "<dog>"]})
    labels = boxsup.open_labels(tmp_path / "a.zarr")
    assert repr(labels) == f"Labels('{tmp_path / 'a.zarr'}', 2 images, 3 classes: a, b)"
    page = labels._repr_html_()
    assert page.count("<img") == 2
    assert "&lt;dog&gt;" in page
    assert "<dog>" not in page
    np.testing.assert_array_equal(read_mask(labels.save("a", tmp_path / "a.png")), maps["a"])
    with pytest.raises(UnknownImageError):
        labels.save("c", tmp_path / "c.png")
