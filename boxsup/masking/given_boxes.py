"""Boxes and labels as users of Python have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from boxsup.catalogue.names import class_name
from boxsup.catalogue.readers.segments import pixel_box
from boxsup.errors import DataError
from boxsup.image.boxes import Corners

Label = str | int
EXPECTED = "expected B×4 numbers x0, y0, x1, y1 in pixels"


def given_boxes(boxes: ArrayLike, height: int, width: int, name: str = "boxes") -> list[Corners]:
    """Return boxes as half-open pixel corners.

    A border between pixels is rounded to the nearest one, halves upwards, as `boxsup masks` does; a box thinner than a
    pixel becomes one pixel wide.

    >>> given_boxes([[0.4, 0.5, 2.6, 3]], height=4, width=5)
    [(0, 1, 3, 3)]

    Args:
        boxes: B×4 numbers x0, y0, x1, y1 in pixels, the corners of boxes on the plane: (0, 0) is the upper left corner
            of the image, and its first pixel ends at (1, 1). One box may be given without the outer brackets.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        name: How an error message calls them.

    Raises:
        DataError: They are not such numbers; a box is empty or not inside the image; or all numbers are shares of the
            image instead of pixels.
    """
    try:
        # `tolist` also reads a tensor that is on a GPU, or has a gradient
        given = np.asarray(boxes.tolist() if hasattr(boxes, "tolist") else boxes)
        array = given.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name}: {EXPECTED} ({' '.join(str(error).split())})") from error
    if not array.size:
        return []
    array = array[None] if array.shape == (4,) else array
    if array.ndim != 2 or array.shape[1] != 4:
        raise DataError(f"{name}: {EXPECTED}, got {'×'.join(map(str, array.shape)) or 'one number'}")
    if np.issubdtype(given.dtype, np.floating) and array.min() >= 0 and array.max() <= 1:
        raise DataError(f"{name}: all numbers are at most 1; expected pixels, not shares of the image's sides")
    return [_corners(box, height, width, f"{name}[{index}]") for index, box in enumerate(array.tolist())]


def _corners(box: list[float], height: int, width: int, name: str) -> Corners:
    shown = ", ".join(f"{value:g}" for value in box)
    x0, y0, x1, y1 = box
    if not np.isfinite(box).all():
        raise DataError(f"{name}: {shown}: a corner is not a number")
    if x1 <= x0 or y1 <= y0:
        meant = "; corners are meant, not x, y, width, height" if x1 > 0 and y1 > 0 else ""
        raise DataError(f"{name}: {shown}: x1 must be above x0, and y1 above y0{meant}")
    try:
        return pixel_box(box, height, width, f"{name}: {shown}:")
    except ValueError as error:
        raise DataError(f"{error}; cut it at the border") from error


def given_labels(labels: Sequence[Label] | None, boxes: int, name: str = "labels") -> list[Label | None]:
    """Return one label per box: the name or number that the user has for its class, or None.

    Names are as readers of annotations have them, without spaces around.

    >>> given_labels(np.array([3, 5]), 2)
    [3, 5]

    Args:
        labels: A sequence, an array or a tensor of B texts or whole numbers; None for no labels.
        boxes: B, the number of boxes.
        name: How an error message calls them.

    Raises:
        DataError: There are more or fewer labels than boxes, or they are neither texts that are not empty nor whole
            numbers.
    """
    if labels is None:
        return [None] * boxes
    if isinstance(labels, str):
        raise DataError(f"{name}: expected one label for each box, got the text {labels!r}")
    given: Any = labels.tolist() if hasattr(labels, "tolist") else labels  # of torch, pandas and numpy
    alone = isinstance(given, str) or not isinstance(given, Iterable)
    values = [given] if alone else [_plain(value) for value in given]
    if len(values) != boxes:
        raise DataError(f"{name}: {len(values)} labels for {boxes} boxes; expected one for each")
    whole = [int(value) for value in values if isinstance(value, int) and not isinstance(value, bool)]
    texts = [class_name(value) for value in values if isinstance(value, str)]
    if len(whole) != boxes and len(texts) != boxes:
        raise DataError(f"{name}: expected texts, or whole numbers")
    if "" in texts:
        raise DataError(f"{name}: label {texts.index('')} is empty; name its class, or give the image no labels")
    return [*(whole if len(whole) == boxes else texts)]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever the user has
    """A number or a text of Python for an array or a tensor without axes."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
