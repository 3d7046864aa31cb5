from __future__ import annotations

import cv2
import numpy as np
import pytest

from boxsup.config.proposals import GeodesicSettings, Transforms
from boxsup.contours.gradient import gradient
from boxsup.errors import ConfigError
from boxsup.image.files import read_image, read_mask
from boxsup.proposals.geodesic import critical_sets, geodesic, proposer
from boxsup.proposals.methods import build_settings
from helpers.golden import check_golden
from helpers.scenes import best_overlap, check_odd_pool, digest, ious, odd_image, scene, two_rectangles


@pytest.fixture
def settings() -> GeodesicSettings:
    """Settings of these tests' own: the golden pool must not move when a default does."""
    return GeodesicSettings(
        method="geodesic",
        contours="gradient",
        superpixels=300,
        transforms=Transforms(power=3, floor=0.002, colour=0.2, seeds=60, levels=8, backgrounds=("none", "border")),
        min_area=0.001,
        max_area=0.8,
        nms=0.9,
        max_candidates=2000,
        seed=0,
    )


def changed(settings, **changes):
    """Settings with some values changed, of the method or of its transforms."""
    deep = {key: changes.pop(key) for key in list(changes) if key in Transforms.model_fields}
    return settings.changed(transforms=settings.transforms.changed(**deep), **changes)


@pytest.fixture
def pool_of(settings):
    """The pool of an image under changed settings, with contours that nobody trained."""

    def make(image, **changes):
        return geodesic(image, gradient(image), changed(settings, **changes))

    return make


def numbers(members):
    return [np.flatnonzero(row).tolist() for row in members]


@pytest.mark.slow
def test_level_sets_stand_before_the_widest_gaps():
    """Sorted values 0, 1, 5, 7: gaps 1, 4, 2 after shares of 0.1, 0.3, 0.6."""
    reach, share = np.array([[5.0, 0.0, 7.0, 1.0]]), np.array([0.3, 0.1, 0.4, 0.2])
    assert numbers(critical_sets(reach, share, 1, (0, 1))) == [[1, 3]]
    assert numbers(critical_sets(reach, share, 9, (0, 1))) == [[1, 3], [0, 1, 3], [1]]
    assert numbers(critical_sets(reach, share, 9, (0.2, 0.5))) == [[1, 3]]
    assert numbers(critical_sets(reach, share, 9, (0.7, 0.9))) == []


def test_values_that_are_equal_are_not_parted():
    reach, share = np.array([[0.0, 2.0, 2.0, 3.0]]), np.full(4, 0.25)
    assert numbers(critical_sets(reach, share, 9, (0, 1))) == [[0], [0, 1, 2]]


def test_of_two_sets_much_alike_the_one_of_the_wider_gap_stands():
    """Shares of 0.5 and 0.6: an IoU of 5 / 6."""
    reach, share = np.array([[0.0, 2.0, 5.0]]), np.array([0.5, 0.1, 0.4])
    assert numbers(critical_sets(reach, share, 9, (0, 1))) == [[0, 1]]


def test_the_transforms_take_turns():
    """The second's first set comes before the first's second one, and first of all: its gap times root of area."""
    reach = np.array([[0.0, 3.0, 5.0], [9.0, 4.0, 0.0]])
    share = np.array([0.3, 0.3, 0.4])
    assert numbers(critical_sets(reach, share, 9, (0, 1))) == [[1, 2], [0], [2], [0, 1]]


def test_one_superpixel_has_no_level_sets():
    assert critical_sets(np.zeros((2, 1)), np.ones(1), 5, (0, 1)).shape == (0, 1)


def test_candidates_obey_the_settings(pool_of):
    pool = pool_of(scene(), min_area=0.01, max_area=0.5, nms=0.7, max_candidates=20)
    share = pool.matrix() @ np.bincount(pool.superpixels.ravel()) / pool.superpixels.size
    assert share.min() >= 0.01
    assert share.max() <= 0.5
    assert np.triu(ious(pool), 1).max() <= 0.7
    assert np.all(np.diff(pool.scores) <= 0)
    assert len(pool) == 20
    assert len(pool_of(scene(), min_area=0.01, max_area=0.5, nms=0.7)) > 20
    # A level set of each kind, and the seed itself.
    assert len(pool_of(scene(), seeds=1, levels=1)) <= 3
    assert len(pool_of(scene(), seeds=1, levels=1, backgrounds=("border",))) <= 2
    assert pool_of(scene(), superpixels=30).regions <= 30


def test_flat_rectangles_on_a_flat_ground_are_found(pool_of):
    image, masks = two_rectangles()
    for backgrounds in (("none",), ("border",)):
        pool = pool_of(image, backgrounds=backgrounds)
        assert all(best_overlap(pool, mask) > 0.9 for mask in masks)


def test_two_superpixels_are_two_candidates(settings):
    """A line of contour between two halves of one colour: each half is a seed, and the other's level set."""
    contours = np.zeros((20, 30), np.float32)
    contours[:, 14:16] = 1
    pool = geodesic(np.zeros((20, 30, 3), np.uint8), contours, settings)
    assert pool.regions == 2
    assert sorted(map(tuple, pool.matrix().tolist())) == [(False, True), (True, False)]


def test_nothing_is_drawn(settings):
    image = scene()
    pools = {digest(proposer(settings)(image, image_id)) for image_id in "aab"}
    pools.add(digest(proposer(settings.changed(seed=1))(image, "a")))
    assert len(pools) == 1


def test_an_image_whose_memory_is_not_in_order_is_no_different(settings):
    image, contours = scene(), gradient(scene())
    flipped = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    assert digest(geodesic(flipped, contours, settings)) == digest(geodesic(image, contours, settings))


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 5000), (5000, 3), (40, 40)])
@pytest.mark.parametrize("flat", [True, False])
def test_odd_images_have_candidates(pool_of, shape, flat):
    check_odd_pool(pool_of(odd_image(shape, flat)), shape, flat)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("contours", "canny", "contours: expected one of network, gradient, got 'canny'"),
        ("superpixels", 0, "settings.superpixels: expected a number above 0, got 0"),
        ("power", 0, "settings.power: expected a number above 0"),
        ("floor", 0.0, "settings.floor"),
        ("colour", -0.1, "settings.colour"),
        ("seeds", 0, "settings.seeds"),
        ("levels", 0, "settings.levels"),
        ("backgrounds", (), "settings.backgrounds"),
        ("backgrounds", ("learned",), "settings.backgrounds.0: expected one of none, border, got"),
        ("nms", 0.0, "settings.nms"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, key, value, message):
    with pytest.raises(ConfigError, match=message):
        proposer(changed(settings, **{key: value}))


def test_photographs_have_many_candidates_and_most_objects_among_them(config, voc_mini):
    settings = build_settings(config["proposals"]["geodesic"] | {"contours": "gradient"}, "geodesic")
    propose, best = proposer(settings), []
    for image_id in (voc_mini / "ImageSets" / "Segmentation" / "val.txt").read_text().split()[::40]:
        pool = propose(read_image(voc_mini / "JPEGImages" / f"{image_id}.jpg"), image_id)
        assert 500 < len(pool) <= settings.max_candidates
        objects = read_mask(voc_mini / "SegmentationObject" / f"{image_id}.png")
        counts = np.zeros((pool.regions, 256))
        np.add.at(counts, (pool.superpixels, objects), 1)
        counts = counts[:, :255]  # void counts for nobody
        common = pool.matrix() @ counts
        union = common.sum(axis=1, keepdims=True) + counts.sum(axis=0) - common
        best += list((common / np.maximum(union, 1)).max(axis=0)[np.unique(objects[(objects > 0) & (objects < 255)])])
    assert np.mean(best) > 0.6


def test_golden_pool(settings):
    # The contours are whole numbers over 255, so that no rounding of a library decides.
    image = scene()
    edges = cv2.morphologyEx(cv2.medianBlur(image, 5).max(axis=2), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    pool = geodesic(image, edges.astype(np.float32) / np.float32(255), settings)
    check_golden("proposals", (len(pool), pool.regions, digest(pool)[:16]), (507, 294, "cf21fc762c98fa0f"))
