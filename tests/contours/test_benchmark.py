import numpy as np
import pytest

from boxsup.contours.benchmark import (
    benchmark_scores,
    count_matches,
    count_thin_matches,
    f_measure,
    precision_recall,
    thresholds,
)
from boxsup.contours.thinning import skeleton, suppress_non_maxima

SIZE = 80  # px; 0.0075 of the diagonal is 0.85 px: a pixel matches itself alone


def column(*xs, size=SIZE, height=SIZE):
    lines = np.zeros((size, size), bool)
    lines[:height, list(xs)] = True
    return lines


def test_counts_by_hand():
    thin = np.zeros((SIZE, SIZE), np.float32)
    thin[:, 20], thin[:, 40], thin[:, 60] = 0.8, 0.5, 0.3
    # One annotator drew columns 20 and 40, the other the upper half of 20, and 70.
    truth = np.stack([column(20, 40), column(20, height=40) | column(70)])
    counts = count_thin_matches(thin, truth, np.array([0.2, 0.4, 0.6, 0.9]))
    all_true = 2 * SIZE + SIZE + 40
    assert counts.tolist() == [
        # matched truth: first + second annotator; their sum; found with a partner in either; found
        [160 + 40, all_true, 160, 240],
        [160 + 40, all_true, 160, 160],
        [80 + 40, all_true, 80, 80],
        [0, all_true, 0, 0],
    ]


def test_precision_counts_a_pixel_that_any_annotator_drew():
    thin = column(20, 40).astype(np.float32)
    counts = count_thin_matches(thin, np.stack([column(20), column(40)]), np.array([0.5]))
    precision, recall = precision_recall(counts)
    assert (precision.item(), recall.item()) == (1.0, 1.0)


def test_lines_one_pixel_off_match_in_a_large_image_only():
    for size, expected in ((80, 0), (160, 160)):  # 0.85 and 1.70 px
        thin = column(20, size=size, height=size).astype(np.float32)
        counts = count_thin_matches(thin, column(21, size=size, height=size)[None], np.array([0.5]))
        assert counts[0, [0, 2]].tolist() == [expected, expected]


def test_nothing_found_and_nothing_to_find_score_0():
    counts = count_thin_matches(np.zeros((9, 9), np.float32), np.zeros((1, 9, 9), bool), thresholds(3))
    assert not counts.any()
    assert benchmark_scores([counts], thresholds(3)) == (0, 0.25, 0, 0)


def test_scores_by_hand():
    # Image 1 is best at the first threshold, image 2 at the second.
    first = np.array([[8, 10, 8, 10], [2, 10, 2, 2]])
    second = np.array([[10, 10, 10, 30], [8, 10, 8, 8]])
    scores = benchmark_scores([first, second], np.array([0.25, 0.75]))
    # Sums: R 18/20, P 18/40, F .6; R 10/20, P 10/10, F .667. Between them, part a from the first to the second:
    part = np.linspace(0, 1, 100)
    recall, precision = 0.9 - 0.4 * part, 0.45 + 0.55 * part
    f = 2 * precision * recall / (precision + recall)
    assert scores.ods == pytest.approx(f.max())
    assert scores.threshold == pytest.approx(0.25 + 0.5 * part[f.argmax()])
    # OIS: R (8 + 8) / 20, P (8 + 8) / 18.
    assert scores.ois == pytest.approx(2 * 16 / (20 + 18))
    # AP: precision falls linearly from 1 at recall .5 to .45 at .9; 41 recalls, mean .725.
    assert scores.ap == pytest.approx(41 * 0.725 / 100)


def test_a_perfect_detector_scores_1():
    counts = np.array([[10, 10, 10, 10]] * 3)
    assert benchmark_scores([counts, counts], thresholds(3))[:3:2] == (1.0, 1.0)


def test_f_is_the_harmonic_mean():
    assert f_measure(np.array([0.5, 0.0]), np.array([1.0, 0.0])) == pytest.approx([2 / 3, 0])


def test_no_image_is_refused():
    with pytest.raises(ValueError, match="one image"):
        benchmark_scores([], thresholds(3))


def test_thresholds_are_those_of_the_benchmark():
    levels = thresholds()
    assert len(levels) == 99
    assert levels[[0, -1]] == pytest.approx([0.01, 0.99])


@pytest.mark.parametrize("turn", [0, 1])
def test_a_blurred_line_is_thinned_to_its_ridge(turn):
    profile = np.exp(-0.5 * ((np.arange(41) - 20) / 2.0) ** 2)
    blurred = np.rot90(np.tile(profile, (41, 1)), turn).astype(np.float32)
    thin = np.rot90(suppress_non_maxima(blurred), -turn)
    assert (thin[10:30].argmax(axis=1) == 20).all()
    assert ((thin[10:30] > 0.01).sum(axis=1) == 1).all()
    # Triangle [1 2 1] / 4 over the profile, and nothing faded in the middle.
    assert thin[20, 20] == pytest.approx(0.5 + 0.5 * np.exp(-0.125), rel=1e-5)


def test_a_slanted_ridge_stays_connected():
    y, x = np.mgrid[:61, :61]
    distance = (x - 0.6 * y - 12) / np.hypot(1, 0.6)
    thin = skeleton(suppress_non_maxima(np.exp(-0.5 * (distance / 2) ** 2).astype(np.float32)) > 0.5)
    assert (thin[8:53].sum(axis=1) >= 1).all()
    assert np.abs(distance[thin]).max() < 1


def test_strengths_fade_at_the_border():
    thin = suppress_non_maxima(np.tile(np.float32([0, 0, 1, 0, 0]), (21, 9)))
    ridge = thin[:, 22]
    assert ridge[10] == pytest.approx(0.5)
    assert ridge[:6] == pytest.approx(0.5 * np.arange(6) / 5)


def test_a_thick_line_becomes_one_pixel_wide_up_to_the_border():
    thick = np.zeros((9, 30), bool)
    thick[3:6] = True
    thin = skeleton(thick)
    assert (thin.sum(axis=0)[2:-2] == 1).all()
    assert (skeleton(thin) == thin).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 3)])
def test_tiny_maps_are_counted(shape):
    counts = count_matches(np.ones(shape, np.float32), np.ones((2, *shape), bool), thresholds(3))
    assert counts.shape == (3, 4)
    assert (counts[:, 1] == 2 * np.prod(shape)).all()
