"""What is taken for what: the confusion matrix as a heat map, and its largest entries in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.evaluation.measured import measured_classes
from boxsup.report.shared.templates import percent

CLASSES = 40  # rows and columns at most: those with the most pixels
LARGEST = 8  # entries in words
LEAST = 0.005  # share below which a cell stays empty


def confusion_section(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """The heat map of a confusion matrix.

    Args:
        confusion: C×(C+1) from `confusion_matrix`: truth by row, prediction by column, the last for void.
        classes: C names by label.

    Returns:
        Empty without pixels; else `names` of rows and columns, `rows` of cells, each with its `share` of the true
        class's pixels, in [0, 1], and the `text` in it, none where the truth has too few; `largest`, confusions as
        (true, predicted, per cent); and `left_out`, how many classes there is no room for.
    """
    if not confusion.sum():
        return {}
    pixels = confusion.sum(axis=1)
    shares = confusion[:, : len(classes)] / np.maximum(pixels, 1)[:, None]
    shares[~measured_classes(pixels)] = 0.0  # a share of a handful of pixels says nothing
    kept = np.sort(np.argsort(-pixels, kind="stable")[:CLASSES])
    rows = [[_cell(shares[truth, found]) for found in kept] for truth in kept]
    names = [classes[label] for label in kept]
    wrong = np.where(np.eye(len(classes), dtype=bool), 0.0, shares)
    wrong[0] = wrong[:, 0] = 0.0  # of the background there is so much that nothing is a large share of it
    order = np.argsort(-wrong, axis=None, kind="stable")[:LARGEST]
    pairs = [divmod(int(place), len(classes)) for place in order if wrong.flat[place] >= LEAST]
    return {
        "names": names,
        "rows": list(zip(names, rows, strict=True)),
        "largest": [(classes[truth], classes[found], percent(wrong[truth, found])) for truth, found in pairs],
        "left_out": len(classes) - len(kept),
    }


def _cell(share: float) -> dict[str, str]:
    return {"share": f"{share:.3f}", "text": f"{100 * share:.0f}" if share >= LEAST else ""}
