import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.config.build import build
from boxsup.config.inference import CrfSettings
from boxsup.inference.crf import crf_marginals, dense_crf, relevant_labels

SILENT = CrfSettings(
    iterations=5,
    spatial_xy=3.0,
    spatial_weight=0.0,
    bilateral_xy=30.0,
    bilateral_rgb=5.0,
    bilateral_weight=0.0,
    least_probability=0.1,
)  # no weight on any neighbour


@pytest.fixture
def settings(config):
    return build(CrfSettings, config["defaults"]["inference"]["crf"], "crf")


def halves(height=30, width=50, split=20, confidence=0.6, wrong=0.25):
    """A dark and a bright half, and scores that are wrong at a quarter of the pixels."""
    random = np.random.default_rng(0)
    truth = np.zeros((height, width), np.uint8)
    truth[:, split:] = 1
    image = np.where(truth[..., None] == 1, 190, 60) + random.normal(0, 3, (height, width, 3))
    seen = np.where(random.random(truth.shape) < wrong, 1 - truth, truth)
    probabilities = np.stack([np.where(seen == label, confidence, 1 - confidence) for label in (0, 1)])
    return image.astype(np.uint8), np.log(probabilities).astype(np.float32), truth


def test_a_noisy_picture_gets_cleaner(settings):
    image, scores, truth = halves()
    assert (scores.argmax(axis=0) != truth).mean() > 0.2
    assert (dense_crf(image, scores, settings) != truth).mean() < 0.002


def test_colours_tell_where_the_border_is(settings):
    image, scores, truth = halves()
    blind = dense_crf(np.full_like(image, 100), scores, settings.changed(spatial_weight=0.0))
    seeing = dense_crf(image, scores, settings.changed(spatial_weight=0.0))
    assert (seeing != truth).mean() < 0.002
    assert (blind != truth).mean() > 0.05


def test_grey_levels_are_levels_and_not_differences(settings):
    # A difference of 4 levels is well within the appearance kernel of 5, one of 130 far outside: were the picture
    # scaled or its mean taken off before a cast to uint8, the two would not differ so.
    image, scores, truth = halves()
    low = np.where(truth[..., None] == 1, 104, 100).repeat(3, axis=2).astype(np.uint8)
    only_colour = settings.changed(spatial_weight=0.0)
    assert (dense_crf(low, scores, only_colour) != truth).mean() > 0.05
    assert (dense_crf(image, scores, only_colour) != truth).mean() < 0.002


def test_a_confident_prediction_stays(settings):
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, (20, 31)).astype(np.uint8)
    scores = np.where(labels == np.arange(3)[:, None, None], 0.0, -60.0).astype(np.float32)
    image = random.integers(0, 256, (20, 31, 3), dtype=np.uint8)
    np.testing.assert_array_equal(dense_crf(image, scores, settings), labels)


@given(
    sides=st.tuples(st.integers(2, 4), st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**32),
)
def test_without_weights_it_is_the_best_score(sides, seed):
    random = np.random.default_rng(seed)
    logits = random.normal(size=sides)
    scores = (logits - np.log(np.exp(logits).sum(axis=0))).astype(np.float32)
    image = random.integers(0, 256, (*sides[1:], 3), dtype=np.uint8)
    got = dense_crf(image, scores, SILENT)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, scores.argmax(axis=0))


def test_labels_that_no_pixel_finds_likely_stay_out(settings):
    image, scores, truth = halves()
    others = np.full((19, *truth.shape), np.log(1e-3), np.float32)
    others[4] = np.log(0.35)
    all_scores = np.concatenate([others[:5], scores, others[5:]])
    np.testing.assert_array_equal(relevant_labels(all_scores, settings), [4, 5, 6])
    whole = crf_marginals(image, all_scores, settings).argmax(axis=0)
    np.testing.assert_array_equal(dense_crf(image, all_scores, settings), whole)
    np.testing.assert_array_equal(relevant_labels(all_scores, settings.changed(least_probability=0.0)), np.arange(21))


def test_the_most_likely_label_of_a_pixel_always_takes_part(settings):
    scores = np.log(np.full((21, 2, 2), 0.04, np.float32))
    scores[7, 1, 1] = np.log(0.09)
    np.testing.assert_array_equal(relevant_labels(scores, settings), [0, 7])


def test_a_label_alone_is_the_answer(settings):
    image, _, _ = halves(5, 6, 2)
    sure = np.stack([np.zeros((5, 6)), np.full((5, 6), -40.0)]).astype(np.float32)
    assert (dense_crf(image, sure, settings) == 0).all()


def test_what_is_handed_in_stays_as_it_is(settings):
    image, scores, _ = halves(12, 14, 6)
    image.setflags(write=False)
    scores.setflags(write=False)
    first = dense_crf(image, scores, settings)
    np.testing.assert_array_equal(dense_crf(image[:, ::-1][:, ::-1], np.asfortranarray(scores), settings), first)


def test_its_workers_need_no_torch():
    code = "import sys, boxsup.inference.crf; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
