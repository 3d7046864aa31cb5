"""Calibration of an estimated IoU: worked by hand, and what chance alone makes of an estimate that is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from boxsup.evaluation.calibration import BINS, MIN_MASKS, calibration, reliability


def test_a_diagram_worked_by_hand() -> None:
    estimates = np.array([0.9, 0.1, 0.8, 0.3, 0.6])
    ious = np.array([1.0, 0.0, 0.6, 0.4, 0.5])
    table = reliability(estimates, ious, 2)
    assert table["masks"].tolist() == [3, 2]  # 0.1, 0.3, 0.6 and 0.8, 0.9
    np.testing.assert_allclose(table["estimate"], [1 / 3, 0.85])
    np.testing.assert_allclose(table["iou"], [0.3, 0.8])
    np.testing.assert_allclose(table["error"], [np.std([0, 0.4, 0.5], ddof=1) / 3**0.5, 0.2])


def test_an_error_and_a_bias_worked_by_hand() -> None:
    ious = np.repeat([0.2, 0.9], 50)
    estimates = np.repeat([0.3, 0.7], 50)  # five bins each, 0.1 above and 0.2 below
    found = calibration(estimates, ious)
    assert found.masks == 100
    assert (found.error, found.distance, found.chance) == pytest.approx((0.15, 0.15, 0), abs=1e-12)
    assert found.bias == pytest.approx(-0.05)
    assert found.rank == pytest.approx(1)
    assert calibration(ious, ious).error == pytest.approx(0, abs=1e-12)


def test_the_rank_correlation_is_scipys_also_with_ties() -> None:
    random = np.random.default_rng(0)
    estimates, ious = random.integers(0, 9, 60) / 9, random.random(60)
    assert calibration(estimates, ious).rank == pytest.approx(spearmanr(estimates, ious).statistic)


def test_of_a_right_estimate_the_error_is_what_chance_leaves() -> None:
    random = np.random.default_rng(1)
    found = []
    for _ in range(200):
        estimates = random.uniform(0.4, 1, 300)
        found.append(calibration(estimates, estimates + random.normal(0, 0.1, 300)))
    assert np.mean([each.error for each in found]) == pytest.approx(np.mean([each.chance for each in found]), rel=0.1)
    wrong = [calibration(each + 0.05, each + random.normal(0, 0.1, 300)) for each in [random.uniform(0.4, 1, 300)] * 9]
    assert np.mean([each.error for each in wrong]) > 2 * np.mean([each.chance for each in wrong])


def test_few_masks_say_nothing() -> None:
    few = np.linspace(0, 1, MIN_MASKS - 1)
    found = calibration(few, few)
    assert found.masks == MIN_MASKS - 1
    assert np.isnan([found.error, found.chance, found.bias, found.distance, found.rank]).all()
    assert len(reliability(few[: BINS - 3], few[: BINS - 3])) == BINS - 3


def test_of_no_masks_there_is_nothing_to_say() -> None:
    none = np.empty(0)
    assert reliability(none, none).empty
