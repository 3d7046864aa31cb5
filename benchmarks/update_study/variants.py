"""The variants of one step: each makes the masks of an image's boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scenes import Scene
from sources import CENTRED, Block, Masks

from boxsup.config.inference import CrfSettings
from boxsup.config.update import UpdateSettings
from boxsup.image.boxes import box_areas
from boxsup.inference.crf import crf_marginals
from boxsup.labels.choice import Chosen, choose, ranking
from boxsup.labels.costs import cross_entropy_costs, expectation, overlap_costs, regression_costs
from boxsup.labels.grabcut import grabcut
from boxsup.labels.soft_masks import soft_masks

Step = Callable[[Scene, UpdateSettings], Masks]


def by_update(scene: Scene, chosen: UpdateSettings) -> Masks:
    """The package's own update."""
    generators = [np.random.default_rng(row) for row in range(len(scene.labels))]
    choices = choose(scene.candidates, scene.scores, chosen, generators)
    return [scene.pool.mask(choice.chosen) if choice.chosen != Chosen.RECTANGLE else None for choice in choices]


def without_network(scene: Scene, chosen: UpdateSettings) -> Masks:
    return by_update(replace(scene, scores=None), chosen)


def costs_of(scene: Scene, chosen: UpdateSettings) -> NDArray[np.float64]:
    overlap = overlap_costs(scene.candidates, chosen)
    regression, _ = regression_costs(scene.scores, scene.candidates, overlap, chosen)
    return overlap + chosen.lambda_ * regression


def best_of(scene: Scene, chosen: UpdateSettings, costs: NDArray[np.float64]) -> Masks:
    """Each box's best candidate from costs, or its rectangle."""
    ranks, _ = ranking(scene.candidates, costs, expectation(scene.candidates, costs, chosen), chosen)
    fits = scene.candidates.iou.max(axis=1) >= chosen.fallback_iou
    return [scene.pool.mask(int(best)) if fit else None for best, fit in zip(ranks[:, 0], fits, strict=True)]


def by_soft_iou(scene: Scene, chosen: UpdateSettings) -> Masks:
    """E_r = 1 - soft IoU with a mask of where the network sees the label, in place of the mean distance from it."""
    overlap = overlap_costs(scene.candidates, chosen)
    expected = expectation(scene.candidates, overlap, chosen)
    masks = soft_masks(scene.scores, scene.candidates, expected)
    return best_of(scene, chosen, overlap + chosen.lambda_ * (1 - scene.candidates.soft_iou(masks)))


def score_wins(scene: Scene, chosen: UpdateSettings) -> Masks:
    """Where segments overlap, the label of the higher score, in place of the smaller box."""
    return contested(scene, by_update(scene, chosen), scene.scores[1:])


def expectation_wins(scene: Scene, chosen: UpdateSettings) -> Masks:
    """Where segments overlap, the box whose candidates are expected there most, in place of the smaller box."""
    expected = expectation(scene.candidates, costs_of(scene, chosen), chosen)
    return contested(scene, by_update(scene, chosen), expected[:, scene.pool.superpixels])


def contested(scene: Scene, masks: Masks, values: NDArray[np.floating]) -> Masks:
    """Masks clipped to their boxes that overlap nowhere: a pixel goes to the one of the greatest value (B×H×W)."""
    clipped = np.zeros(values.shape, bool)
    for row, (mask, window) in enumerate(zip(masks, scene.candidates.windows(), strict=True)):
        clipped[row][window] = True if mask is None else mask[window]
    winners = np.where(clipped, values, -np.inf).argmax(axis=0)
    return [mask & (winners == row) for row, mask in enumerate(clipped)]


def jointly(weight: float) -> Step:
    """Two sweeps in which a segment pays for what the other boxes' candidates are expected to hold."""

    def step(scene: Scene, chosen: UpdateSettings) -> Masks:
        costs = costs_of(scene, chosen)
        pixels = np.bincount(scene.candidates.superpixels.ravel(), minlength=scene.candidates.members.shape[1])
        adjusted = costs.copy()
        for _ in range(2):
            held = expectation(scene.candidates, adjusted, chosen) * scene.candidates.inside / pixels
            for row in range(len(costs)):
                others = np.delete(held, row, axis=0).max(axis=0, initial=0)
                taken = scene.candidates.members @ (scene.candidates.inside[row] * others)
                adjusted[row] = costs[row] + weight * taken / np.maximum(scene.candidates.clipped[row], 1)
        return best_of(scene, chosen, adjusted)

    return step


def by_rank(scene: Scene, chosen: UpdateSettings) -> Masks:
    """E_r by a candidate's rank among the 100 that overlap the box best, from 0 to 1."""
    overlap = overlap_costs(scene.candidates, chosen)
    regression = cross_entropy_costs(scene.scores, scene.candidates, chosen)
    costs = overlap + 10
    for row in range(len(costs)):
        near = np.argsort(overlap[row], kind="stable")[:100]
        costs[row, near] = overlap[row, near] + chosen.lambda_ * regression[row, near].argsort().argsort() / len(near)
    return best_of(scene, chosen, costs)


def by_filling(rates: NDArray[np.float64], weight: float) -> Step:
    """A candidate pays for what it fills of its box more or less than its class is expected to, as a share of it."""

    def step(scene: Scene, chosen: UpdateSettings) -> Masks:
        filled = scene.candidates.clipped / box_areas(scene.candidates.boxes)[:, None]
        return best_of(scene, chosen, costs_of(scene, chosen) + weight * abs(filled - rates[scene.labels][:, None]))

    return step


def majority(scene: Scene, chosen: UpdateSettings) -> Masks:
    """No candidate at all: the superpixels that more than half of the expectation holds."""
    expected = expectation(scene.candidates, costs_of(scene, chosen), chosen)
    masks = (expected > 0.5)[:, scene.pool.superpixels]
    return [mask if mask.any() else None for mask in masks]


def fallback_grabcut(scene: Scene, chosen: UpdateSettings) -> Masks:
    """GrabCut where no candidate fits."""
    masks = by_update(scene, chosen)
    return masks if all(mask is not None for mask in masks) else [
        mask if mask is not None else grabcut(scene.pixels, box)
        for mask, box in zip(masks, scene.candidates.boxes, strict=True)
    ]  # fmt: skip


def crf_first(crf: CrfSettings) -> Step:
    """The dense CRF over the scores of the image's labels before the update."""

    def step(scene: Scene, chosen: UpdateSettings) -> Masks:
        _, first, where = np.unique(scene.labels, return_index=True, return_inverse=True)
        scores = scene.scores[np.concatenate(([0], 1 + first))]
        refined = np.log(np.maximum(crf_marginals(scene.pixels, scores, crf), 1e-6))
        return by_update(replace(scene, scores=refined[np.concatenate(([0], 1 + where))]), chosen)

    return step


def oracle(scene: Scene, chosen: UpdateSettings, truth: NDArray[np.uint8]) -> Masks:
    """The candidate with the most IoU, in the box, with the true pixels of the box's class."""
    masks: Masks = []
    for row, (window, label) in enumerate(zip(scene.candidates.windows(), scene.labels, strict=True)):
        counted = np.bincount(
            scene.pool.superpixels[window].ravel(), (truth[window] == label).ravel(), scene.candidates.members.shape[1]
        )
        shares = counted / np.maximum(scene.candidates.inside[row], 1)
        one = replace(scene.candidates, boxes=scene.candidates.boxes[row : row + 1])
        masks.append(scene.pool.mask(int(one.soft_iou(shares[None].astype(np.float32)).argmax())))
    return masks


@dataclass(frozen=True)
class Variant:
    """One row of the table of steps."""

    question: str
    name: str
    over: tuple[Block, ...] = ()
    step: Step = by_update
    scores: str = "plain"
    state: str = "half"


def step_variants(paper: Block, crf: CrfSettings, rates: NDArray[np.float64]) -> list[Variant]:
    """The questions of one step, each with its answers; `rates`: what a class fills of its boxes, by label."""
    alike = np.full_like(rates, rates[1:].mean())
    literal = {**paper, "k": 1}
    image = {**CENTRED, "lambda": 3.0, "norm": "image", "centre": False, "clamp": 0.0}
    plain = [
        Variant("bounds", "rectangles"),
        Variant("bounds", "oracle"),
        Variant("bounds", "default"),
        Variant("E_o alone", "1 - IoU of tight boxes, cheapest", (CENTRED,), without_network),
        Variant("E_o alone", "1 - IoU of tight boxes, expected IoU", ({"overlap": "tight_box"},), without_network),
        Variant("E_o alone", "coverage, cheapest", ({"temperature": 0.0, "rank": 0.0},), without_network),
        Variant("E_o alone", "coverage, expected IoU", ({"rank": 0.0},), without_network),
        Variant("E_o alone", "coverage and rank, expected IoU", (), without_network),
        Variant("scaling", "paper, literally: E_o / N + 3 E_r", (literal,)),
        Variant("scaling", "E_o + 3 E_r / N", ({**literal, "overlap_norm": "none", "norm": "image"},)),
        Variant(
            "scaling", "the same in the box", ({**literal, "overlap_norm": "none", "norm": "image", "region": "box"},)
        ),
        Variant("scaling", "the same, clipped, rectangle where none fits", (image,)),
        Variant("scaling", "centred in the box, / box, λ 0.5", (CENTRED,)),
        Variant("scaling", "the same, λ 3", ({**CENTRED, "lambda": 3.0},)),
        Variant("scaling", "by rank among 100, λ 0.5", (CENTRED,), by_rank),
        Variant("scaling", "centred, expected IoU, λ 0.1", ({"regression": "cross_entropy", "lambda": 0.1},)),
        Variant("scaling", "centred, expected IoU, λ 0.3", ({"regression": "cross_entropy", "lambda": 0.3},)),
    ]
    plain += [Variant("λ", str(value), ({"lambda": value},)) for value in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)]
    plain += [
        Variant("E_r: 1 - soft IoU, λ", str(value), ({"lambda": value},), by_soft_iou) for value in (0.25, 0.5, 1.0)
    ]
    plain += [Variant("temperature", str(value), ({"temperature": value},)) for value in (0.0, 0.02, 0.05, 0.1, 0.2)]
    plain += [Variant("leak", str(value), ({"leak": value},)) for value in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)]
    plain += [Variant("rank", str(value), ({"rank": value},)) for value in (0.0, 0.005, 0.01, 0.02, 0.04)]
    plain += [Variant("k, one draw", str(value), ({"k": value},)) for value in (1, 2, 5, 10)]
    plain += [
        Variant("rectangle below IoU", str(value), ({"fallback_iou": value},)) for value in (0.0, 0.3, 0.4, 0.5, 0.6)
    ]
    plain += [
        Variant("no candidate fits", "GrabCut", step=fallback_grabcut),
        Variant("clip", "no", ({"clip": False},)),
        Variant("other boxes", "pay 0.2 for what others hold", step=jointly(0.2)),
        Variant("other boxes", "pay 0.4 for what others hold", step=jointly(0.4)),
        Variant("who wins an overlap", "the higher score", step=score_wins),
        Variant("who wins an overlap", "of whom more is expected", step=expectation_wins),
        Variant("expected filling", "one rate, 0.1", step=by_filling(alike, 0.1)),
        Variant("expected filling", "one rate, 0.3", step=by_filling(alike, 0.3)),
        Variant("expected filling", "a rate a class, 0.1", step=by_filling(rates, 0.1)),
        Variant("expected filling", "a rate a class, 0.3", step=by_filling(rates, 0.3)),
        Variant("trim and grow", "superpixels held by half", step=majority),
        Variant("scores", "dense CRF first", step=crf_first(crf)),
        Variant("scores", "and mirrored", scores="mirrored"),
        Variant("scores", "scales 0.7, 1, 1.4", scores="scales"),
    ]
    for state in ("young", "old"):
        plain += [
            Variant("age of the network", "default", state=state),
            Variant("age of the network", "paper, literally", (literal,), state=state),
            Variant("age of the network", "centred in the box, / box, λ 0.5", (CENTRED,), state=state),
        ]
    return plain
