import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from boxsup.image.boxes import box_iou
from boxsup.labels.candidates import Candidates
from boxsup.labels.costs import cross_entropy_costs, distances, expectation, overlap_costs
from boxsup.labels.soft_masks import MAX_PROBABILITY, soft_masks
from helpers.updates import CENTRED, OURS, PAPER, SCORES, SIX

L = np.log(4)  # d = log p_background - log p_label of the six pixels is -L, -L, -L, 0, L, L


def test_cross_entropy_of_six_pixels_as_the_paper_prints_it():
    constant = -(3 * np.log(0.2) + np.log(0.5) + 2 * np.log(0.8))
    expected = constant + np.array([[-2 * L, -3 * L, -L + 2 * L, -3 * L + 2 * L]])
    np.testing.assert_allclose(cross_entropy_costs(SCORES, SIX, PAPER), expected)


def test_cross_entropy_of_six_pixels_centred_in_the_box():
    # In the box d is -L, -L, -L, 0 with mean -3L/4: centred -L/4 three times and 3L/4; divided by the box's 4 pixels.
    expected = np.array([[-2 * L / 4, 0, -L / 4 + 3 * L / 4, 0]]) / 4
    np.testing.assert_allclose(cross_entropy_costs(SCORES, SIX, CENTRED), expected, atol=1e-12)


def test_a_clamp_bounds_what_a_pixel_counts():
    settings = CENTRED.changed(clamp=0.5)
    expected = np.array([[-2 * L / 4, -3 * L / 4 + 0.5, -L / 4 + 0.5, -3 * L / 4 + 0.5]]) / 4
    np.testing.assert_allclose(cross_entropy_costs(SCORES, SIX, settings), expected)


def test_overlap_of_six_pixels_as_the_paper_has_it():
    np.testing.assert_allclose(overlap_costs(SIX, CENTRED), [[0.5, 0, 2 / 3, 1 / 3]])
    np.testing.assert_allclose(overlap_costs(SIX, PAPER), np.array([[0.5, 0, 2 / 3, 1 / 3]]) / 4)


def test_coverage_of_six_pixels():
    # Tight boxes cover 1/2, all, 1/2 and all of the box; of the segments 0, 0, 1/2 and 1/3 lie outside it.
    expected = [[0.5, 0, 0.5 + 1.5 / 2, 1.5 / 3]]
    np.testing.assert_allclose(overlap_costs(SIX, OURS), expected, atol=1e-6)
    ranked = np.array(expected) + 0.1 * np.log([1, 2, 3, 4])
    np.testing.assert_allclose(overlap_costs(SIX, OURS.changed(rank=0.1)), ranked, atol=1e-6)


def test_agreement_of_six_pixels():
    # Mean log-odds of the label: L on the first superpixel, L/2 on the second; the third is not in the box. Expected
    # to fill half of the box, the first alone reaches it: t = L, and m is 1/2 there and σ(-L/2) = 1/3 on the second.
    expected = np.array([[0.5, 0.5, 0.0]], np.float32)
    costs = distances(SIX, soft_masks(SCORES, SIX, expected))
    # The first differs by 1/2 a pixel, in or out; the second by 2/3 where it is in, by 1/3 where it is out.
    differences = np.array([[2 / 2 + 2 / 3, 2 / 2 + 4 / 3, 2 / 2 + 4 / 3, 2 / 2 + 4 / 3]])
    np.testing.assert_allclose(costs, differences / 4, rtol=1e-6)


@pytest.mark.parametrize("shift", [-4.0, 3.0])
def test_agreement_asks_where_the_network_sees_the_label_and_not_how_much(shift):
    odds = np.array([[2.0, 2.0, -1.0, -1.0, 0.0, 0.0]])
    expected = np.array([[0.7, 0.2, 0.1]], np.float32)
    costs = [
        distances(SIX, soft_masks(np.stack([-np.logaddexp(0, o), -np.logaddexp(0, -o)]), SIX, expected))
        for o in (odds, odds + shift)
    ]
    np.testing.assert_allclose(costs[0], costs[1], rtol=1e-5)


def test_a_network_that_is_sure_costs_no_infinity():
    with np.errstate(divide="ignore"):
        scores = np.log(np.array([[[0, 0, 1, 1, 1, 1]], [[1, 1, 0, 0, 0, 0]]], float))
    costs = distances(SIX, soft_masks(scores, SIX, np.array([[1.0, 0, 0]], np.float32)))
    assert np.isfinite(costs).all()
    assert costs.argmin() == 0


def test_the_expectation_weighs_candidates_by_their_cost():
    costs = np.array([[0.0, 0.05, 1.0, 1.0]])
    np.testing.assert_array_equal(expectation(SIX, costs, OURS.changed(temperature=0.0)), [[1, 0, 0]])
    soft = expectation(SIX, costs, OURS)  # the second weighs e⁻¹ as much as the first, the others e⁻²⁰
    np.testing.assert_allclose(soft, [[1, np.exp(-1) / (1 + np.exp(-1)), 0]], atol=1e-6)


def random_scene(seed):
    """Superpixels, candidates, boxes and scores of all kinds."""
    random = np.random.default_rng(seed)
    height, width, regions, count, boxes = *random.integers(2, 9, 2), *random.integers(1, 7, 3)
    superpixels = random.integers(0, regions, (height, width))
    superpixels.ravel()[: min(regions, superpixels.size)] = np.arange(min(regions, superpixels.size))
    regions = superpixels.max() + 1
    members = random.random((count, regions)) < 0.5
    members[np.arange(count), random.integers(0, regions, count)] = True
    x0, y0 = random.integers(0, width - 1, boxes), random.integers(0, height - 1, boxes)
    corners = np.stack([x0, y0, random.integers(x0 + 1, width + 1), random.integers(y0 + 1, height + 1)], axis=1)
    logits = random.normal(size=(1 + boxes, height, width)) * 3
    scores = (logits - np.log(np.exp(logits).sum(axis=0))).astype(np.float32)
    masks = members[:, superpixels]
    tight = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        tight.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    tight = np.array(tight)
    return Candidates(superpixels, members.astype(np.float32), tight, corners, box_iou(corners, tight)), scores, masks


def dense_cross_entropy(scores, candidates, masks, settings):
    """E_r straight from Eq. 3, candidate by candidate and pixel by pixel, on dense masks."""
    costs = np.empty((len(candidates.boxes), len(masks)))
    shape = candidates.superpixels.shape
    for b, (x0, y0, x1, y1) in enumerate(candidates.boxes):
        region = np.zeros(shape, bool)
        region[y0:y1, x0:x1] = True
        if settings.region == "image":
            region[:] = True
        cross_entropy = -scores[[0, 1 + b]].astype(np.float64)  # of calling p background, and the label
        if settings.centre:
            difference = cross_entropy[1] - cross_entropy[0]
            cross_entropy = np.stack([np.zeros_like(difference), difference - difference[region].mean()])
        if settings.clamp:
            cross_entropy[1] = cross_entropy[0] + np.clip(
                cross_entropy[1] - cross_entropy[0], -settings.clamp, settings.clamp
            )
        pixels = {"none": 1, "image": candidates.superpixels.size, "box": (x1 - x0) * (y1 - y0)}[settings.norm]
        for s, mask in enumerate(masks):
            costs[b, s] = np.where(mask, cross_entropy[1], cross_entropy[0])[region].sum() / pixels
    return costs


@pytest.mark.parametrize(
    ("region", "norm", "centre", "clamp"),
    list(itertools.product(["box", "image"], ["none", "image", "box"], [False, True], [0.0, 1.5])),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_superpixel_sums_equal_dense_masks(region, norm, centre, clamp, seed):
    candidates, scores, masks = random_scene(seed)
    settings = PAPER.changed(region=region, norm=norm, centre=centre, clamp=clamp)
    ours = cross_entropy_costs(scores, candidates, settings)
    np.testing.assert_allclose(ours, dense_cross_entropy(scores, candidates, masks, settings), rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_coverage_equals_dense_masks(seed):
    candidates, _, masks = random_scene(seed)
    costs = overlap_costs(candidates, OURS)
    for b, (x0, y0, x1, y1) in enumerate(candidates.boxes):
        box = np.zeros(candidates.superpixels.shape, bool)
        box[y0:y1, x0:x1] = True
        for n, (mask, tight) in enumerate(zip(masks, candidates.tight, strict=True)):
            sides = np.minimum([x1, y1], tight[2:]) - np.maximum([x0, y0], tight[:2])
            covered = np.clip(sides, 0, None).prod() / box.sum()
            assert costs[b, n] == pytest.approx(1 - covered + 1.5 * (mask & ~box).sum() / mask.sum(), abs=1e-5)


@given(seed=st.integers(0, 2**32 - 1))
def test_agreement_equals_dense_masks(seed):
    candidates, scores, masks = random_scene(seed)
    expected = expectation(candidates, overlap_costs(candidates, OURS), OURS)
    costs = distances(candidates, soft_masks(scores, candidates, expected))
    for b, (x0, y0, x1, y1) in enumerate(candidates.boxes):
        box = np.zeros(candidates.superpixels.shape, bool)
        box[y0:y1, x0:x1] = True
        p = np.exp(scores[1 + b].astype(np.float64))
        odds = np.log(p) - np.log(1 - np.minimum(p, MAX_PROBABILITY))
        mean = np.full(box.shape, -np.inf)
        for region in np.unique(candidates.superpixels[box]):
            pixels = box & (candidates.superpixels == region)
            mean[pixels] = odds[pixels].mean()
        filled = {level: (mean >= level).sum() for level in np.unique(mean[box])}
        target = expected[b][candidates.superpixels][box].sum()
        assume(all(abs(pixels - target) > 1e-3 for pixels in filled.values()))  # rounding may tip the scale there
        threshold = max((level for level, pixels in filled.items() if pixels > target), default=mean[box].min())
        soft = 1 / (1 + np.exp(threshold - mean))
        for n, mask in enumerate(masks):
            assert costs[b, n] == pytest.approx(np.abs(mask - soft)[box].mean(), abs=2e-5)
