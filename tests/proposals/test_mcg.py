from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from boxsup.config.proposals import McgSettings, SimilarityTree, Transforms
from boxsup.contours.gradient import gradient
from boxsup.errors import ConfigError
from boxsup.image.files import read_image, read_mask
from boxsup.proposals.mcg import mcg, proposer
from helpers.golden import check_golden
from helpers.scenes import best_overlap, check_odd_pool, digest, ious, odd_image, scene, two_rectangles

TRANSFORMS = {"power": 3, "floor": 0.002, "colour": 0.2, "seeds": 40, "levels": 5, "backgrounds": ("none", "border")}


@pytest.fixture
def settings() -> McgSettings:
    """Settings of these tests' own: the golden pool must not move when a default does."""
    return McgSettings(
        method="mcg",
        contours="gradient",
        scales=(1.0,),
        superpixels=300,
        leaves=100,
        contour_trees=(0.0, 2.5),
        similarity_trees=(
            SimilarityTree(space="lab", similarities="CTSF", contour=1.0),
            SimilarityTree(space="rgi", similarities="TSF", contour=0.5),
        ),
        combinations=(199, 300, 100, 50),
        transforms=(Transforms(**TRANSFORMS),),
        diverse=1.0,
        min_area=0.001,
        max_area=0.95,
        nms=0.9,
        max_candidates=2000,
        seed=0,
    )


@pytest.fixture
def pool_of(settings):
    """The pool of an image under changed settings, with contours that nobody trained."""

    def make(image, image_id="a", **changes):
        return mcg(image, gradient(image), settings.changed(**changes), image_id)

    return make


def test_candidates_obey_the_settings(pool_of):
    pool = pool_of(scene(), min_area=0.01, max_area=0.5, nms=0.7, max_candidates=40)
    share = pool.matrix() @ np.bincount(pool.superpixels.ravel()) / pool.superpixels.size
    assert share.min() >= 0.01
    assert share.max() <= 0.5
    assert np.triu(ious(pool), 1).max() <= 0.7
    assert np.all(np.diff(pool.scores) <= 0)
    assert len(pool) == 40
    assert len(pool_of(scene(), min_area=0.01, max_area=0.5, nms=0.7)) > 40


def test_flat_rectangles_on_a_flat_ground_are_found(pool_of):
    image, masks = two_rectangles()
    pool = pool_of(image)
    assert all(best_overlap(pool, mask) > 0.9 for mask in masks)


def test_two_that_touch_are_found_alone_and_together(pool_of):
    image = np.full((90, 120, 3), 40, np.uint8)
    image[30:60, 20:60], image[30:60, 60:100] = (250, 60, 60), (60, 60, 250)
    masks = np.zeros((3, 90, 120), bool)
    masks[0, 30:60, 20:60] = masks[1, 30:60, 60:100] = masks[2, 30:60, 20:100] = True
    pool = pool_of(image, contour_trees=(0.0,), similarity_trees=())
    assert all(best_overlap(pool, mask) > 0.9 for mask in masks)


def test_singles_come_first_and_level_sets_among_them(pool_of):
    """Without level sets, the first candidates are those of a pool of singles alone."""
    singles = pool_of(scene(), combinations=(199, 0, 0, 0), transforms=(), nms=1.0)
    pairs = pool_of(scene(), transforms=(), nms=1.0)
    masks = [{pool.mask(i).tobytes() for i in range(len(singles))} for pool in (singles, pairs)]
    assert masks[0] == masks[1]
    mixed = pool_of(scene(), nms=1.0)
    first = {mixed.mask(i).tobytes() for i in range(len(singles))}
    assert 0.1 < len(first & masks[0]) / len(first) < 0.9


def test_those_that_differ_come_first(pool_of):
    plain, diverse = pool_of(scene()), pool_of(scene(), diverse=0.5)
    greatest = np.maximum.accumulate(np.triu(ious(diverse), 1).max(axis=0))
    different = int(np.argmax(greatest > 0.5))
    assert different > 50
    assert np.triu(ious(plain), 1)[:, :different].max() > 0.5
    assert np.triu(ious(diverse), 1).max() <= 0.9


def test_draws_follow_the_seed_and_the_image_id(pool_of):
    image = scene()
    first = digest(pool_of(image))
    assert digest(pool_of(image)) == first
    assert digest(pool_of(image, "b")) != first
    assert digest(pool_of(image, seed=1)) != first


@pytest.mark.slow
def test_threads_change_nothing():
    """With the network, whose sums could depend on how they are split; here and in a process with other numbers."""
    code = (
        "import sys, yaml; sys.path.insert(0, 'tests'); import cv2; cv2.setNumThreads(int(sys.argv[1]))\n"
        "from helpers.scenes import digest, scene; from boxsup.proposals.methods import build_settings, make_proposer\n"
        "settings = build_settings(yaml.safe_load(open('config.yaml'))['proposals']['mcg'], 'mcg')\n"
        "print(digest(make_proposer(settings)(scene(), 'a')))"
    )
    digests = set()
    for threads in ("1", "2"):
        environment = os.environ | dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads
        )
        run = [sys.executable, "-c", code, threads]
        digests.add(subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 5000), (5000, 3), (40, 40)])
@pytest.mark.parametrize("flat", [True, False])
def test_odd_images_have_candidates(pool_of, shape, flat):
    check_odd_pool(pool_of(odd_image(shape, flat)), shape, flat)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("contours", "canny", "contours: expected one of network, gradient, got 'canny'"),
        ("superpixels", 0, "settings.superpixels: expected a number above 0, got 0"),
        ("scales", (0.0,), r"settings\.scales\.0: expected a number above 0, got 0\.0"),
        ("leaves", 0, "settings.leaves"),
        ("contour_trees", (-1.0,), r"settings\.contour_trees\.0: expected a number of 0 or more"),
        ("contour_trees", (), "settings.similarity_trees: expected one or more trees"),
        (
            "similarity_trees",
            ({"space": "cmyk", "similarities": "TSF", "contour": 1.0},),
            r"settings\.similarity_trees\.0\.space: expected one of hsv, lab",
        ),
        (
            "similarity_trees",
            ({"space": "lab", "similarities": "XY", "contour": 1.0},),
            r"settings\.similarity_trees\.0\.similarities: expected text like",
        ),
        ("combinations", (1, 2, 3), "settings.combinations: expected 4 or more values"),
        ("combinations", (0, 2, 3, 4), "settings.combinations"),
        ("transforms", ({**TRANSFORMS, "seeds": 0},), r"settings\.transforms\.0\.seeds: expected a number above 0"),
        ("diverse", 1.1, "settings.diverse"),
        ("nms", 0.0, "settings.nms"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, key, value, message):
    changes = {key: value} | ({"similarity_trees": ()} if value == () else {})
    with pytest.raises(ConfigError, match=message):
        proposer(settings.changed(**changes))


def test_photographs_have_many_candidates_and_most_objects_among_them(settings, voc_mini):
    propose = proposer(settings.changed(contours="network", superpixels=800, leaves=320))
    best = []
    for image_id in (voc_mini / "ImageSets" / "Segmentation" / "val.txt").read_text().split()[::40]:
        pool = propose(read_image(voc_mini / "JPEGImages" / f"{image_id}.jpg"), image_id)
        objects = read_mask(voc_mini / "SegmentationObject" / f"{image_id}.png")
        assert len(pool) > 300
        best += [best_overlap(pool, objects == value) for value in np.unique(objects[(objects > 0) & (objects < 255)])]
    assert np.mean(best) > 0.7


def test_golden_pool(settings):
    # The contours are whole numbers over 255, so that no rounding of a library decides.
    image = scene()
    edges = cv2.morphologyEx(cv2.medianBlur(image, 5).max(axis=2), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    pool = mcg(image, edges.astype(np.float32) / np.float32(255), settings, "golden")
    check_golden("proposals", (len(pool), pool.regions, digest(pool)[:16]), (496, 268, "85c72fe50463d0de"))
