"""Keeps the masks of an image's objects packed, so that memory does not grow with the product of objects and pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.image.boxes import tight_box

C = TypeVar("C")
S = TypeVar("S")
T = TypeVar("T")
Pixels = NDArray[np.bool_]


def packed(owner: type[C]) -> type[C]:
    """A decorator that lets a dataclass keep its field `pixels`, an H×W bool mask or None, packed.

    The mask is kept as runs within its tight box. It is unpacked whenever the field is read.

    Args:
        owner: The dataclass.
    """
    owner.pixels = _PackedField()  # type: ignore[attr-defined]
    return owner


class _PackedField:
    """The descriptor of the field; the `__init__` of the dataclass writes through it."""

    def __get__(self, instance: object, owner: type) -> Pixels | None:
        stored = vars(instance)["pixels"]
        return None if stored is None else _unpack(*stored)

    def __set__(self, instance: object, pixels: Pixels | None) -> None:
        vars(instance)["pixels"] = None if pixels is None else _pack(pixels)


class LazySequence(Sequence[T], Generic[S, T]):
    """A sequence whose items are computed whenever they are asked for.

    >>> LazySequence(str.upper, ["a", "b"])[1]
    'B'
    """

    def __init__(self, function: Callable[[S], T], arguments: Sequence[S]) -> None:
        """Item i is `function(arguments[i])`."""
        self._function, self._arguments = function, arguments

    def __len__(self) -> int:
        return len(self._arguments)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - as Sequence has it
        return self._function(self._arguments[index])


def _pack(pixels: Pixels) -> tuple[tuple[int, ...], tuple[int, int], dict[str, Any] | None]:
    """The size of a mask, the upper left corner (y, x) of its tight box, and the runs in the box; None if empty."""
    box = tight_box(pixels)
    if box is None:
        return pixels.shape, (0, 0), None
    x0, y0, x1, y1 = box
    return pixels.shape, (y0, x0), coco_mask.encode(np.asfortranarray(pixels[y0:y1, x0:x1], np.uint8))


def _unpack(shape: tuple[int, ...], corner: tuple[int, int], runs: dict[str, Any] | None) -> Pixels:
    pixels = np.zeros(shape, np.bool_)
    if runs is not None:
        window = coco_mask.decode(runs)
        (top, left), (height, width) = corner, window.shape
        pixels[top : top + height, left : left + width] = window
    return pixels
