"""The confusion matrix as a heat map, and its largest entries in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.evaluation.measured import measured_classes
from boxsup.report.shared.templates import percent

MAX_CLASSES = 40  # rows and columns: the classes with the most pixels
MAX_IN_WORDS = 8  # entries
MIN_SHARE = 0.005  # a cell with a smaller share stays empty


def confusion_section(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """The heat map of a confusion matrix.

    Args:
        confusion: C×(C+1) from `confusion_matrix`: truth by row, prediction by column, the last for void.
        classes: C names.

    Returns:
        An empty dict if no pixel was counted; otherwise `names` of the rows and columns; `rows` of cells, each with its
        `share` of the true class's pixels, in [0, 1], and its `text`, which is empty for classes with too few true
        pixels; `largest`, the largest confusions as (true, predicted, per cent); and `left_out`, the number of classes
        for which there is no room.
    """
    if not confusion.sum():
        return {}
    pixels = confusion.sum(axis=1)
    shares = confusion[:, : len(classes)] / np.maximum(pixels, 1)[:, None]
    shares[~measured_classes(pixels)] = 0.0  # a share of a handful of pixels says nothing
    kept = np.sort(np.argsort(-pixels, kind="stable")[:MAX_CLASSES])
    rows = [[_cell(shares[truth, predicted]) for predicted in kept] for truth in kept]
    names = [classes[label] for label in kept]
    wrong = np.where(np.eye(len(classes), dtype=bool), 0.0, shares)
    wrong[0] = wrong[:, 0] = 0.0  # confusions with the background would fill the list
    order = np.argsort(-wrong, axis=None, kind="stable")[:MAX_IN_WORDS]
    pairs = [divmod(int(index), len(classes)) for index in order if wrong.flat[index] >= MIN_SHARE]
    return {
        "names": names,
        "rows": list(zip(names, rows, strict=True)),
        "largest": [
            (classes[truth], classes[predicted], percent(wrong[truth, predicted])) for truth, predicted in pairs
        ],
        "left_out": len(classes) - len(kept),
    }


def _cell(share: float) -> dict[str, str]:
    return {"share": f"{share:.3f}", "text": f"{100 * share:.0f}" if share >= MIN_SHARE else ""}
