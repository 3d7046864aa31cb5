"""Masks of many objects of an image in memory that does not grow with objects times pixels."""

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
    """Let a dataclass keep its field `pixels`, an H×W mask or None, packed: each look at it unpacks it anew.

    A mask is kept as runs in the least box that holds it.
    """
    owner.pixels = _Packed()  # type: ignore[attr-defined]
    return owner


class _Packed:
    """The field: a descriptor that the dataclass's own `__init__` writes through."""

    def __get__(self, instance: object, owner: type) -> Pixels | None:
        held = vars(instance)["pixels"]
        return None if held is None else _unpacked(*held)

    def __set__(self, instance: object, pixels: Pixels | None) -> None:
        vars(instance)["pixels"] = None if pixels is None else _packed(pixels)


class LazySequence(Sequence[T], Generic[S, T]):
    """What a function makes of each of some things, made when it is asked for."""

    def __init__(self, make: Callable[[S], T], things: Sequence[S]) -> None:
        self._make, self._things = make, things

    def __len__(self) -> int:
        return len(self._things)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - as Sequence has it
        return self._make(self._things[index])


def _packed(pixels: Pixels) -> tuple[tuple[int, ...], tuple[int, int], dict[str, Any] | None]:
    """The size of a mask, the upper left corner of its least box, and the runs in that; None without a pixel."""
    box = tight_box(pixels)
    if box is None:
        return pixels.shape, (0, 0), None
    x0, y0, x1, y1 = box
    return pixels.shape, (y0, x0), coco_mask.encode(np.asfortranarray(pixels[y0:y1, x0:x1], np.uint8))


def _unpacked(shape: tuple[int, ...], corner: tuple[int, int], runs: dict[str, Any] | None) -> Pixels:
    pixels = np.zeros(shape, np.bool_)
    if runs is not None:
        window = coco_mask.decode(runs)
        (top, left), (height, width) = corner, window.shape
        pixels[top : top + height, left : left + width] = window
    return pixels
