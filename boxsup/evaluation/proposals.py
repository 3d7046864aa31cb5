"""How well candidate segments fit the objects of an image: the protocol of MCG's benchmark.

Each object is compared with the best candidate among the first n, for growing budgets n. Void pixels do not count,
neither as part of an object nor of a candidate. Measures over a data set:

- J_i, instance level: the mean over all objects of the best IoU;
- J_c, class level: for each class, the pixels that its objects and their best candidates have in common, divided by the
  pixels of their unions, both summed over all objects of the class, so that large objects weigh more; then the mean
  over classes;
- recall: the share of objects whose best IoU is above a threshold.

Source: Arbeláez, Pont-Tuset, Barron, Marques, Malik (CVPR 2014) and its extension (TPAMI 2017), as their released code
has it (`jponttuset/mcg`, `benchmark/src/segmented/eval_one.m` and `eval_proposals.m`: `jaccard_object`,
`jaccard_class`, `recall_05`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from boxsup.image import VOID
from boxsup.image.boxes import box_iou
from boxsup.proposals.pool import Pool

BUDGETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)  # candidates, best scores first; then all of them
BUDGET_NAMES = (*map(str, BUDGETS), "all")
RECALLS = {"recall_50": 0.5, "recall_70": 0.7, "recall_85": 0.85}
UNKNOWN = 0  # class of an object whose class is not known


@dataclass(frozen=True, eq=False)
class Matches:
    """M objects and the best candidate for each, within K budgets: those of `BUDGETS`, then all candidates.

    Attributes:
        objects: M int64 numbers in the object map, rising within an image.
        class_ids: M int64 classes 1…C-1, or UNKNOWN.
        areas: M int64 pixels.
        boxes: M×4 int64, the objects' tight half-open boxes: pixel corners x0, y0, x1, y1.
        best: M×K int64, the first candidate with the greatest IoU; -1 if there is none.
        intersection: M×K int64, pixels that the object and its best candidate have in common.
        union: M×K int64, pixels of their union without void; the object's area if there is no candidate.
        box_iou: M×K float64 in [0, 1], the greatest IoU of the object's box with a candidate's tight box.
    """

    objects: NDArray[np.int64]
    class_ids: NDArray[np.int64]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]
    best: NDArray[np.int64]
    intersection: NDArray[np.int64]
    union: NDArray[np.int64]
    box_iou: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def iou(self) -> NDArray[np.float64]:
        """M×K: IoU of each object with its best candidate, in [0, 1]."""
        return self.intersection / self.union


def match_objects(pool: Pool, objects: NDArray[np.uint8], classes: NDArray[np.uint8] | None = None) -> Matches:
    """Find the best candidates for the objects of an image, by superpixel × object counts and one product of matrices.

    Args:
        pool: The candidates.
        objects: H×W, 0 background, 1… objects, 255 void.
        classes: H×W label map, 0 background, 1…C-1 classes, 255 void; an object has the class of most of its pixels.
            None if the classes are unknown.

    Raises:
        ValueError: The maps have another size than the pool.

    Example:
        >>> from boxsup.proposals.pool import make_pool
        >>> halves = make_pool(np.array([[0, 1]]), np.eye(2, dtype=bool), np.array([2.0, 1.0]))
        >>> float(match_objects(halves, np.array([[1, 1]], np.uint8)).iou[0, -1])
        0.5
    """
    for mask in (objects, objects if classes is None else classes):
        if mask.shape != pool.superpixels.shape:
            raise ValueError(f"expected masks of the pool's size {pool.superpixels.shape}, got {mask.shape}")
    numbers = np.setdiff1d(objects, (0, VOID)).astype(np.int64)
    column = np.zeros(VOID + 1, np.int64)
    column[numbers] = np.arange(1, len(numbers) + 1)
    known = objects != VOID
    counts = _counts(pool.superpixels[known], column[objects[known]], pool.regions, len(numbers) + 1)
    boxes = _boxes(column[objects])
    overlaps = box_iou(boxes, pool.boxes).astype(np.float64)
    best, intersection, union = _best(pool.matrix(), counts)
    return Matches(
        numbers,
        _classes(column[objects], classes, len(numbers)),
        counts.sum(axis=0)[1:],
        boxes,
        best,
        intersection,
        union,
        np.stack([overlaps[:, :end].max(axis=1, initial=0.0) for end in _ends(len(pool))], axis=1),
    )


def concatenate(matches: Sequence[Matches]) -> Matches:
    """Join the objects of several images, at least one."""
    columns = {field.name: [getattr(part, field.name) for part in matches] for field in fields(Matches)}
    return Matches(**{name: np.concatenate(parts) for name, parts in columns.items()})


def summary_table(matches: Matches, candidates: Sequence[int]) -> pd.DataFrame:
    """Compute the measures of a data set, one row per budget.

    Args:
        matches: All objects.
        candidates: Number of candidates of each image.

    Returns:
        `budget` (1…2000, all), `candidates` (mean number within the budget), `j_i`, `j_c`, `recall_50`, `recall_70`,
        `recall_85` and `best_box_iou` (mean over objects), all in [0, 1]; NaN if there is nothing to measure.
    """
    counts, iou = np.asarray(candidates), matches.iou
    table = pd.DataFrame({"budget": BUDGET_NAMES})
    table["candidates"] = [np.minimum(counts, budget).mean() for budget in (*BUDGETS, np.inf)]
    table["j_i"] = _mean(iou)
    table["j_c"] = class_level(matches)
    for name, threshold in RECALLS.items():
        table[name] = _mean(iou > threshold)
    table["best_box_iou"] = _mean(matches.box_iou)
    return table


def class_level(matches: Matches) -> NDArray[np.float64]:
    """Compute J_c for each budget: K float64 in [0, 1]; NaN if no object has a known class."""
    present = np.setdiff1d(matches.class_ids, UNKNOWN)
    of_class = present[:, None] == matches.class_ids  # classes × objects
    return _mean((of_class @ matches.intersection) / np.maximum(of_class @ matches.union, 1))


def objects_table(image: str, matches: Matches) -> pd.DataFrame:
    """Make a table with one row per object: `image`, `object`, `label`, `area`, its box, and how well it is covered.

    `best` (a candidate's index) and `best_box_iou` are over all candidates, `iou_N` is over the first N.
    """
    table = pd.DataFrame({"image": image, "object": matches.objects, "label": matches.class_ids, "area": matches.areas})
    table[["x0", "y0", "x1", "y1"]] = matches.boxes
    table["best_box_iou"], table["best"] = matches.box_iou[:, -1], matches.best[:, -1]
    table[[f"iou_{name}" for name in BUDGET_NAMES]] = matches.iou
    return table


def _counts(superpixels: NDArray[np.uint16], columns: NDArray[np.int64], regions: int, width: int) -> NDArray[np.int64]:
    """R×(M+1): pixels of each superpixel in the background (column 0) and in each object."""
    pairs = superpixels.astype(np.int64) * width + columns
    return np.bincount(pairs, minlength=regions * width).reshape(regions, width).astype(np.int64)


def _best(
    matrix: NDArray[np.bool_], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Best candidate, intersection and union, each M×K; see `Matches`."""
    areas = counts.sum(axis=0)[1:]
    if not len(matrix):
        shape = len(areas), len(BUDGET_NAMES)
        return np.full(shape, -1), np.zeros(shape, np.int64), np.repeat(areas[:, None], shape[1], axis=1)
    # 64-bit floats: BLAS multiplies them, and they hold counts of pixels exactly.
    common = np.rint(matrix.astype(np.float64) @ counts).astype(np.int64)
    union = common.sum(axis=1, keepdims=True) + areas - common[:, 1:]
    common = common[:, 1:]
    iou = common / union
    best = np.stack([iou[:end].argmax(axis=0) for end in _ends(len(matrix))], axis=1).astype(np.int64)
    row = np.arange(len(areas))[:, None]
    return best, common[best, row], union[best, row]


def _boxes(columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """M×4 tight boxes of the regions 1…M of a map."""
    slices = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(columns)]
    return np.array(slices, np.int64).reshape(-1, 4)


def _classes(columns: NDArray[np.int64], classes: NDArray[np.uint8] | None, count: int) -> NDArray[np.int64]:
    """M classes: the class of most pixels of each region 1…M, UNKNOWN if it has none."""
    if classes is None:
        return np.full(count, UNKNOWN)
    pairs = np.bincount((columns * (VOID + 1) + classes).ravel(), minlength=(count + 1) * (VOID + 1))
    votes = pairs.reshape(count + 1, VOID + 1)[1:, 1:VOID]
    return np.where(votes.any(axis=1), votes.argmax(axis=1) + 1, UNKNOWN)


def _ends(candidates: int) -> tuple[int, ...]:
    return (*BUDGETS, candidates)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average over the rows; NaN if there are none."""
    mean = values.mean(axis=0) if len(values) else np.full(values.shape[1], np.nan)
    return np.asarray(mean, np.float64)
