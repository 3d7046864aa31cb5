"""Keeps the masks of an image's objects packed, so that memory does not grow with the product of objects and pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.image.boxes import Corners, tight_box

C = TypeVar("C")
S = TypeVar("S")
T = TypeVar("T")
Pixels = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PackedMask:
    """A mask of an image, kept as runs within its tight box: what is done with it costs what its box costs.

    Attributes:
        shape: H and W of the image.
        corner: Row and column of the upper left pixel of the tight box.
        runs: COCO's runs within the tight box; None for a mask without a pixel.
    """

    shape: tuple[int, int]
    corner: tuple[int, int] = (0, 0)
    runs: dict[str, Any] | None = None

    @classmethod
    def of(cls, pixels: Pixels | PackedMask) -> PackedMask:
        """Pack a mask, H×W; one that is packed comes back as it is."""
        if isinstance(pixels, PackedMask):
            return pixels
        return cls.within((pixels.shape[0], pixels.shape[1]), (0, 0), pixels)

    @classmethod
    def within(cls, shape: tuple[int, int], corner: tuple[int, int], pixels: Pixels) -> PackedMask:
        """Pack the mask that has these pixels, h×w, from this row and column on, and no others.

        Raises:
            ValueError: They are not all within the image.

        >>> PackedMask.within((9, 9), (4, 5), np.array([[False, True]])).box
        (6, 4, 7, 5)
        """
        if min(corner) < 0 or any(np.add(corner, pixels.shape) > shape):
            raise ValueError(f"a mask of {pixels.shape} at {corner} is not within an image of {shape}")
        box = tight_box(pixels)
        if box is None:
            return cls(shape)
        x0, y0, x1, y1 = box
        runs = coco_mask.encode(np.asfortranarray(pixels[y0:y1, x0:x1], np.uint8))
        return cls(shape, (corner[0] + y0, corner[1] + x0), runs)

    @property
    def box(self) -> Corners | None:
        """The tight box, half-open pixel corners; None without a pixel."""
        if self.runs is None:
            return None
        (top, left), (height, width) = self.corner, self.runs["size"]
        return left, top, left + width, top + height

    @property
    def area(self) -> int:
        """The number of pixels."""
        return 0 if self.runs is None else int(coco_mask.area(self.runs))

    @property
    def window(self) -> tuple[tuple[slice, slice], Pixels]:
        """The rows and columns of the tight box, and the mask's pixels there."""
        if self.runs is None:
            return np.s_[0:0, 0:0], np.zeros((0, 0), np.bool_)
        (top, left), (height, width) = self.corner, self.runs["size"]
        return np.s_[top : top + height, left : left + width], coco_mask.decode(self.runs).astype(np.bool_)

    def inside(self, box: Sequence[int] | NDArray[np.integer]) -> Pixels:
        """Return the mask's pixels in a box, h×w, given by half-open pixel corners within the image.

        >>> PackedMask.within((9, 9), (4, 5), np.array([[True]])).inside((4, 4, 6, 5))
        array([[False,  True]])
        """
        x0, y0, x1, y1 = (int(corner) for corner in box)
        pixels = np.zeros((y1 - y0, x1 - x0), np.bool_)
        (rows, columns), own = self.window
        top, bottom = max(y0, rows.start), min(y1, rows.stop)
        left, right = max(x0, columns.start), min(x1, columns.stop)
        if top < bottom and left < right:
            shared = own[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start]
            pixels[top - y0 : bottom - y0, left - x0 : right - x0] = shared
        return pixels

    def pixels(self) -> Pixels:
        """Unpack the mask, H×W."""
        pixels = np.zeros(self.shape, np.bool_)
        window, inside = self.window
        pixels[window] = inside
        return pixels

    def as_field(self) -> Pixels:
        """The mask for a constructor whose class is `packed`, which keeps it as it is."""
        return cast(Pixels, self)


def packed(owner: type[C]) -> type[C]:
    """A decorator that lets a dataclass keep its field `pixels`, an H×W bool mask or None, packed.

    It is unpacked whenever the field is read. `packed_mask` returns it as it is kept.

    Args:
        owner: The dataclass.
    """
    owner.pixels = _PackedField()  # type: ignore[attr-defined]
    return owner


def packed_mask(owner: object) -> PackedMask:
    """Return the mask of an object whose class is `packed`, as it is kept; it has one."""
    mask = packed_or_none(owner)
    assert mask is not None
    return mask


def packed_or_none(owner: object) -> PackedMask | None:
    """Return the mask of an object whose class is `packed`, as it is kept, if it has one."""
    mask: PackedMask | None = vars(owner)["pixels"]
    return mask


class _PackedField:
    """The descriptor of the field; the `__init__` of the dataclass writes through it."""

    def __get__(self, instance: object, owner: type) -> Pixels | None:
        mask = vars(instance)["pixels"]
        return None if mask is None else mask.pixels()

    def __set__(self, instance: object, pixels: Pixels | PackedMask | None) -> None:
        vars(instance)["pixels"] = None if pixels is None else PackedMask.of(pixels)


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
