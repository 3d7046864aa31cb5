from __future__ import annotations

import cv2
import numpy as np
import pytest

from boxsup.config.proposals import SelectiveSearchSettings
from boxsup.errors import ConfigError
from boxsup.image.files import read_image, read_mask
from boxsup.proposals.selective_search import proposer, selective_search
from helpers.golden import check_golden
from helpers.scenes import best_overlap, check_odd_pool, digest, ious, odd_image, scene, two_rectangles


@pytest.fixture
def settings() -> SelectiveSearchSettings:
    """Settings of these tests' own: the golden pool must not move when a default does."""
    return SelectiveSearchSettings(
        method="selective_search",
        colour_spaces=("hsv", "lab"),
        similarities=("CTSF", "TSF"),
        scales=(50, 100),
        min_region=60,
        min_area=0.001,
        max_area=0.95,
        nms=0.9,
        max_candidates=2000,
        seed=0,
    )


def test_candidates_obey_the_settings(settings):
    small = settings.changed(min_area=0.01, max_area=0.5, nms=0.7, max_candidates=40)
    pool = selective_search(scene(), small, "a")
    matrix, size = pool.matrix(), pool.superpixels.size
    share = matrix @ np.bincount(pool.superpixels.ravel()) / size
    assert share.min() >= 0.01
    assert share.max() <= 0.5
    assert np.triu(ious(pool), 1).max() <= 0.7
    assert np.all(np.diff(pool.scores) <= 0)
    unlimited = selective_search(scene(), small.changed(max_candidates=10_000), "a")
    assert len(unlimited) > len(pool) == 40
    assert np.array_equal(unlimited.boxes[:40], pool.boxes)


def test_flat_rectangles_on_a_flat_ground_are_found(settings):
    image, masks = two_rectangles()
    pool = selective_search(image, settings, "a")
    assert all(best_overlap(pool, mask) > 0.9 for mask in masks)


def test_draws_follow_the_seed_and_the_image_id(settings):
    image = scene()
    first = digest(selective_search(image, settings, "a"))
    assert digest(selective_search(image, settings, "a")) == first
    assert digest(selective_search(image, settings, "b")) != first
    assert digest(selective_search(image, settings.changed(seed=1), "a")) != first


def test_threads_of_opencv_change_nothing(settings):
    before = cv2.getNumThreads()
    try:
        digests = set()
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            digests.add(digest(selective_search(scene(1), settings, "a")))
    finally:
        cv2.setNumThreads(before)
    assert len(digests) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 5000), (5000, 3), (40, 40)])
@pytest.mark.parametrize("flat", [True, False])
def test_odd_images_have_candidates(settings, shape, flat):
    check_odd_pool(selective_search(odd_image(shape, flat), settings, "a"), shape, flat)


def test_an_image_whose_memory_is_not_in_order_is_no_different(settings):
    image = scene()
    flipped = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    assert digest(selective_search(flipped, settings, "a")) == digest(selective_search(image, settings, "a"))


def test_every_colour_space_and_similarity_works_together(settings):
    everything = settings.changed(
        colour_spaces=("hsv", "lab", "rgi", "h", "i"),
        similarities=("CTSF", "TSF", "F", "S"),
        scales=(50, 100, 150, 300),
    )
    proposer(everything)
    quality, fast = selective_search(scene(), everything, "a"), selective_search(scene(), settings, "a")
    assert len(quality) > len(fast)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("colour_spaces", ("hsv", "cmyk"), r"colour_spaces\.1: expected one of hsv, lab, rgi, h, i"),
        ("colour_spaces", (), "colour_spaces"),
        ("similarities", ("CTX",), r"similarities\.0: expected text like"),
        ("similarities", ("",), "similarities"),
        ("scales", (0,), "scales"),
        ("min_region", -1, "min_region"),
        ("min_area", 1.0, "min_area"),
        ("max_area", 0.0005, "max_area: .* above min_area"),
        ("nms", 0.0, "nms"),
        ("max_candidates", 0, "max_candidates: expected a number above 0, got 0"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, key, value, message):
    with pytest.raises(ConfigError, match=f"settings.{message}"):
        proposer(settings.changed(**{key: value}))


def test_photographs_have_many_candidates_and_most_large_objects_among_them(settings, voc_mini):
    ids = (voc_mini / "ImageSets" / "Segmentation" / "val.txt").read_text().split()[::30]
    best = []
    for image_id in ids:
        pool = selective_search(read_image(voc_mini / "JPEGImages" / f"{image_id}.jpg"), settings, image_id)
        assert 500 <= len(pool) <= settings.max_candidates
        objects = read_mask(voc_mini / "SegmentationObject" / f"{image_id}.png")
        counts = np.zeros((pool.regions, 256))
        np.add.at(counts, (pool.superpixels, objects), 1)
        present = np.flatnonzero(counts.sum(axis=0))
        counts = counts[:, present[present < 255]]  # void counts for nobody
        common = pool.matrix() @ counts
        union = common.sum(axis=1, keepdims=True) + counts.sum(axis=0) - common
        large = counts.sum(axis=0)[1:] > 0.01 * objects.size
        best += list((common / union).max(axis=0)[1:][large])
    assert len(best) >= 4
    assert np.mean(np.array(best) > 0.5) >= 0.75


def test_golden_pool(settings):
    # The bytes were equal with OpenCV, numba and numpy held to SSE2 and with AVX-512.
    pool = selective_search(scene(), settings, "golden")
    check_golden("proposals", (len(pool), pool.regions, digest(pool)[:16]), (127, 49, "8dce537b492e2008"))
