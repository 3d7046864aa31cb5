from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from boxsup.errors import DataError, StoreError
from boxsup.proposals.pool import distinct_rows, make_pool
from boxsup.proposals.pool_store import Pools, find_pool, find_pools, pools_writer
from boxsup.random import generator
from boxsup.store.groups import create_group

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9))
count = st.shared(st.integers(0, 12), key="count")


def pool_of(images: np.ndarray) -> tuple:
    """A pool of N×H×W masks, one superpixel a pixel, better ones first."""
    height, width = images.shape[1:]
    pixels = np.arange(height * width).reshape(height, width)
    return make_pool(pixels, images.reshape(len(images), -1), np.arange(len(images), 0, -1.0))


def random_pool(seed: int, height: int, width: int, candidates: int):
    draws = generator(seed, "test")
    superpixels = draws.integers(0, 30, (height, width))
    return make_pool(superpixels, draws.random((candidates, 30)) < 0.4, draws.random(candidates))


def same(a, b) -> bool:
    names = ("superpixels", "members", "boxes", "scores")
    return all(
        getattr(a, name).dtype == getattr(b, name).dtype and np.array_equal(getattr(a, name), getattr(b, name))
        for name in names
    )


@given(masks)
def test_every_distinct_mask_comes_back_in_its_order(images):
    expected = list({mask.tobytes(): mask for mask in images if mask.any()}.values())
    pool = pool_of(images)
    assert len(pool) == len(expected)
    assert all(np.array_equal(pool.mask(i), mask) for i, mask in enumerate(expected))


@given(masks)
def test_boxes_touch_their_masks_on_all_sides(images):
    pool = pool_of(images)
    for i, (x0, y0, x1, y1) in enumerate(pool.boxes):
        ys, xs = np.nonzero(pool.mask(i))
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (x0, y0, x1, y1)


@given(masks)
def test_superpixels_are_no_more_than_needed_and_in_raster_order(images):
    pool = pool_of(images)
    signatures = {tuple(images[:, y, x]) for y, x in np.ndindex(images.shape[1:])}
    assert pool.regions == len(signatures)
    numbers, first = np.unique(pool.superpixels, return_index=True)
    assert np.array_equal(numbers, np.arange(pool.regions))
    assert np.all(np.diff(first) > 0)


@given(masks)
def test_matrix_and_mask_agree(images):
    pool = pool_of(images)
    matrix = pool.matrix()
    assert matrix.shape == (len(pool), pool.regions)
    assert matrix.dtype == bool
    assert all(np.array_equal(matrix[i][pool.superpixels], pool.mask(i)) for i in range(len(pool)))


def test_candidates_are_sorted_by_score_and_the_best_of_equal_ones_counts():
    matrix = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    pool = make_pool(np.array([[0, 1, 2]]), matrix, np.array([0.1, 0.5, 0.9, 2.0]))
    assert pool.scores.tolist() == pytest.approx([0.9, 0.5])
    assert pool.boxes.tolist() == [[0, 0, 1, 1], [1, 0, 2, 1]]


def test_superpixel_numbers_may_be_missing():
    pool = make_pool(np.array([[5, 5], [2, 2]]), np.eye(6, dtype=bool), np.ones(6))
    assert pool.superpixels.tolist() == [[0, 0], [1, 1]]
    assert sorted(pool.boxes.tolist()) == [[0, 0, 2, 1], [0, 1, 2, 2]]


def test_more_superpixels_than_uint16_holds_are_refused():
    pixels = np.arange(260 * 260).reshape(260, 260)
    bits = (pixels.reshape(1, -1) >> np.arange(17)[:, None]) & 1  # all pixels differ
    with pytest.raises(DataError, match="67,600 superpixels, at most 65,535"):
        make_pool(pixels, bits.astype(bool), np.ones(17))


@given(hnp.arrays(np.bool_, st.tuples(count, st.integers(1, 12))))
def test_distinct_rows_are_the_first_of_equal_ones(matrix):
    seen: dict[bytes, int] = {}
    for i, row in enumerate(matrix):
        seen.setdefault(row.tobytes(), i)
    assert distinct_rows(matrix).tolist() == list(seen.values())


def test_pools_come_back_from_two_shards(tmp_path):
    pools = {f"im{i}": random_pool(i, 7 + i, 20 - i, 3 * i) for i in range(5)}  # the first one has no candidates
    names = list(pools)
    for shard, part in enumerate((names[:2], names[2:])):
        sizes = np.array([pools[name].superpixels.shape for name in part])
        with pools_writer(tmp_path / f"{shard}.zarr", part, sizes, {"settings": {"seed": shard}}) as writer:
            for name in part:
                writer.append(name, pools[name])
    read = Pools([tmp_path / "0.zarr", tmp_path / "1.zarr"])
    assert list(read) == names
    assert [a["settings"]["seed"] for a in read.attributes] == [0, 1]
    assert all(same(read[name], pools[name]) for name in names)
    assert len(read["im0"]) == 0


def test_pools_are_found_once_also_beside_shards_of_another_run(tmp_path):
    made = {image: random_pool(seed, 6, 7, 5) for seed, image in enumerate("abc")}
    for name, images in {"0-of-1": "abc", "0-of-2": "ab", "1-of-2": "c"}.items():
        with pools_writer(tmp_path / f"p/{name}.zarr", list(images), np.array([[6, 7]] * len(images)), {}) as writer:
            for image in images:
                writer.append(image, made[image])
    found = list(find_pools([tmp_path / "none", tmp_path / "p"], ["c", "x", "a", "c"]))
    assert [image for image, _ in found] == ["c", "a"]
    assert all(same(pool, made[image]) for image, pool in found)
    assert same(find_pool([tmp_path / "p"], "b"), made["b"])
    with pytest.raises(StoreError, match="p: no candidates of x; make them again"):
        find_pool([tmp_path / "p"], "x")


def test_a_store_of_no_images_is_a_store(tmp_path):
    with pools_writer(tmp_path / "x.zarr", [], np.zeros((0, 2), int), {}):
        pass
    assert len(Pools([tmp_path / "x.zarr"])) == 0


def test_an_image_too_large_to_be_read_is_refused_before_its_candidates_are_made(tmp_path):
    words = r"^b: 13000×12000 pixels \(width×height\); a store has maps of at most 134,217,728; lower `megapixels`"
    sizes = np.array([(9, 9), (12_000, 13_000)], np.int32)
    with pytest.raises(DataError, match=words), pools_writer(tmp_path / "x.zarr", ["a", "b"], sizes, {}):
        pytest.fail("candidates would be made")
    assert list(tmp_path.iterdir()) == []


def test_an_image_in_two_shards_is_refused(tmp_path):
    pool = random_pool(0, 4, 5, 3)
    for name in ("a", "b"):
        with pools_writer(tmp_path / name, ["one"], np.array([[4, 5]]), {}) as writer:
            writer.append("one", pool)
    with pytest.raises(StoreError, match=r"image one is in .*a too"):
        Pools([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize(
    ("image", "size", "message"),
    [("two", (4, 5), "expected the pool of one, got two"), ("one", (5, 4), "one: expected 5×4 pixels, got 4×5")],
)
def test_a_wrong_image_leaves_no_store(tmp_path, image, size, message):
    path = tmp_path / "x.zarr"
    with pytest.raises(StoreError, match=message), pools_writer(path, ["one"], np.array([size]), {}) as writer:
        writer.append(image, random_pool(0, 4, 5, 3))
    assert not list(tmp_path.iterdir())


def test_a_missing_image_leaves_no_store(tmp_path):
    with (
        pytest.raises(RuntimeError, match="expected 2 pools, got 1"),
        pools_writer(tmp_path / "x.zarr", ["one", "two"], np.array([[4, 5]] * 2), {}) as writer,
    ):
        writer.append("one", random_pool(0, 4, 5, 3))
    assert not list(tmp_path.iterdir())


def test_other_stores_are_refused(tmp_path):
    create_group(tmp_path / "x.zarr", {"kind": "label maps"})
    with pytest.raises(StoreError, match="expected a store of candidate pools, got label maps"):
        Pools([tmp_path / "x.zarr"])
