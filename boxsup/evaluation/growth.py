"""Whether the next hour of labelling should go into boxes, masks or reviews, from scores at two or three sizes.

The error of a network falls with the number n of training images as a·n^-b (Hestness et al., 2017). The law is fitted
to the logarithms of the errors at the sizes that were tried. How sure that is follows from the scatter of seeds at one
size and of sizes about the law: the fit is drawn many times with both, by Student's t, since few runs say little of
their own scatter. Where there is no scatter to see, with two sizes of one seed each, there is no advice.

Between a split with boxes and the same split with masks, the score is taken to go linearly with the share of images
that have masks. Nothing here knows how hard the images are: an hour buys images like those that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.random import generator

DRAWS = 4000
HOUR = 3600.0  # s
SURE = 0.9  # probability of being the best, from which on an offer is advised

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """An experiment: how many training images it had, and the scores of its seeds, each in (0, 1)."""

    images: int
    scores: tuple[float, ...]

    @property
    def errors(self) -> NDArray[np.float64]:
        """Natural logarithms of 1 - score, one per seed."""
        return np.asarray(np.log(1 - np.array(self.scores)))


@dataclass(frozen=True)
class Growth:
    """Draws of the law log(1 - score) = level - slope · log(images)."""

    level: Draws
    slope: Draws

    def scores(self, images: float) -> Draws:
        """The score at a number of images, one per draw."""
        return np.asarray(1 - np.exp(self.level - self.slope * np.log(images)))


@dataclass(frozen=True)
class Offer:
    """What an hour of a kind of labelling buys.

    Attributes:
        kind: `boxes`, `masks` or `reviews`.
        seconds: For an image.
        gain: Gain of the score, in [-1, 1], one per draw.
    """

    kind: str
    seconds: float
    gain: Draws

    @property
    def images(self) -> float:
        """Images an hour."""
        return HOUR / self.seconds


def fit(boxes: Sequence[Size], masks: Sequence[Size]) -> tuple[Growth, Growth | None]:
    """Fit the law to experiments on boxes, and to those on masks.

    Args:
        boxes: At least two sizes. The scores of those with as many images are taken as seeds of one size.
        masks: A single size is taken to grow with the slope of boxes; none: there is no second law.

    Raises:
        DataError: There are too few sizes, or nothing tells how much chance is in the scores.
    """
    boxes, masks = _merged(boxes), _merged(masks)
    if len(boxes) < 2:
        raise DataError("a single number of images says nothing of growth: give scores of boxes at two numbers or more")
    deviation, freedom = _scatter(boxes, masks)
    draws = generator(0, "growth")
    # One scatter for all: how far off it may be is the same for boxes and masks.
    deviations = deviation * np.sqrt(freedom / draws.chisquare(freedom, DRAWS))
    of_boxes = _drawn(boxes, deviations, draws)
    if not masks:
        return of_boxes, None
    if len(masks) > 1:
        return of_boxes, _drawn(masks, deviations, draws)
    [single] = masks
    there = single.errors.mean() + deviations / np.sqrt(len(single.scores)) * draws.standard_normal(DRAWS)
    return of_boxes, Growth(there + of_boxes.slope * np.log(single.images), of_boxes.slope)


def offers(growths: tuple[Growth, Growth | None], images: int, seconds: Sequence[tuple[str, float]]) -> list[Offer]:
    """Return what an hour of each kind of labelling brings.

    Args:
        growths: See `fit`.
        images: Number of images that have boxes now.
        seconds: Kinds of labelling and the seconds for an image of each; `masks` and `reviews` need a law of masks.
            `reviews` turn the masks of images that are there into true ones; the other kinds add images.
    """
    of_boxes, of_masks = growths
    now = of_boxes.scores(images)
    found = []
    for kind, each in seconds:
        bought = HOUR / each
        if kind == "boxes":
            found.append(Offer(kind, each, of_boxes.scores(images + bought) - now))
        elif of_masks is not None:
            total = images + bought * (kind == "masks")
            share = min(1.0, bought / total)
            plain = of_boxes.scores(total)
            found.append(Offer(kind, each, plain + share * (of_masks.scores(total) - plain) - now))
    return found


def best(found: Sequence[Offer]) -> str:
    """Return the kind that is the best at its slowest against all others at their fastest; "" if none surely is.

    >>> slow, fast = Offer("boxes", 80.0, np.full(9, 0.02)), Offer("boxes", 16.0, np.full(9, 0.05))
    >>> best([slow, fast, Offer("masks", 120.0, np.full(9, 0.01))])
    'boxes'
    """
    kinds = list(dict.fromkeys(offer.kind for offer in found))
    if len(kinds) < 2:
        return ""
    for kind in kinds:
        own = min((offer for offer in found if offer.kind == kind), key=lambda offer: float(np.median(offer.gain)))
        others = np.max([offer.gain for offer in found if offer.kind != kind], axis=0)
        if np.mean((own.gain > others) & (own.gain > 0)) >= SURE:
            return kind
    return ""


def _merged(sizes: Sequence[Size]) -> list[Size]:
    """The sizes, each once, with the scores of all that have as many images."""
    scores: dict[int, tuple[float, ...]] = {}
    for size in sizes:
        scores[size.images] = scores.get(size.images, ()) + size.scores
    return [Size(images, own) for images, own in scores.items()]


def _scatter(boxes: Sequence[Size], masks: Sequence[Size]) -> tuple[float, int]:
    """The deviation of a seed's logarithm of the error, and its degrees of freedom: of seeds and about the laws."""
    squares, freedom = 0.0, 0
    for sizes in (boxes, masks):
        errors = [size.errors for size in sizes]
        squares += sum(float(((own - own.mean()) ** 2).sum()) for own in errors)
        freedom += sum(len(own) - 1 for own in errors)
        if len(sizes) > 2:
            x, y, weights = _means(sizes)
            level, slope = _line(x, y, weights)
            squares += float((weights * (y - level + slope * x) ** 2).sum())
            freedom += len(sizes) - 2
    if not freedom or squares <= 0:
        raise DataError(
            "these scores do not tell how much of them is chance: "
            "give two seeds of one size (240=42.1,42.9) or a third size"
        )
    return float(np.sqrt(squares / freedom)), freedom


def _drawn(sizes: Sequence[Size], deviations: Draws, draws: np.random.Generator) -> Growth:
    x, y, weights = _means(sizes)
    noise = draws.standard_normal((DRAWS, len(sizes))) * deviations[:, None] / np.sqrt(weights)
    level, slope = _line(x, y + noise, weights)
    return Growth(level, slope)


def _means(sizes: Sequence[Size]) -> tuple[Draws, Draws, Draws]:
    """Logarithms of sizes, mean logarithms of errors, numbers of seeds."""
    return (
        np.log([float(size.images) for size in sizes]),
        np.array([size.errors.mean() for size in sizes]),
        np.array([float(len(size.scores)) for size in sizes]),
    )


def _line(x: Draws, y: Draws, weights: Draws) -> tuple[Draws, Draws]:
    """Level and falling slope of weighted least squares; the last axis of `y` is that of `x`."""
    middle = np.average(x, weights=weights)
    spread = (weights * (x - middle) ** 2).sum()
    rising = ((weights * (x - middle)) * y).sum(axis=-1) / spread
    return (weights * y).sum(axis=-1) / weights.sum() - rising * middle, -rising
