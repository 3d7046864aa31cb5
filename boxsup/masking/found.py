"""The masks of an image as users of Python get them: to look at, to save, to hand on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from boxsup.image.boxes import Corners, on_image
from boxsup.image.drawing import draw_objects
from boxsup.image.packed import LazySequence, packed
from boxsup.image.palette import colour_id
from boxsup.image.showing import html_picture, html_table, png_bytes
from boxsup.labels.choice import Choice, chosen_pixels
from boxsup.masking.given_boxes import Label
from boxsup.masking.handing_on import (
    Detected,
    black_and_white,
    coco_content,
    save_mask,
    save_masks,
    supervision_detections,
)
from boxsup.masking.quality import Measures
from boxsup.near import counted
from boxsup.proposals.pool import Pool


@dataclass(frozen=True, eq=False)
class CandidateMask:
    """One of a box's best candidate segments, and what it costs the box.

    Attributes:
        box: The box, half-open pixel corners.
        overlap_cost: E_o, 0 or more: how much the candidate misses of the box and leaks out of it.
        object_cost: E_b in [0, 1], its distance from what the object network sees in the box.
        network_cost: E_r in [0, 1], its disagreement with the trained network; 0 if none was asked.
        cost: The weighted sum of the three.
        expected_iou: Expected IoU of the candidate with the object, by which candidates are ranked.
    """

    box: Corners
    overlap_cost: float
    object_cost: float
    network_cost: float
    cost: float
    expected_iou: float
    _pool: Pool = field(repr=False)
    _index: int = field(repr=False)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """H×W, the pixels of the candidate in the box."""
        return on_image(chosen_pixels(self._index, self.box, self._pool, None), self.box, self._pool.superpixels.shape)

    def _repr_png_(self) -> bytes:
        return png_bytes(black_and_white(self.mask))


def candidate_masks(
    pool: Pool, choice: Choice | None, box: Corners, weights: tuple[float, float]
) -> list[CandidateMask]:
    """The best candidates of a box, the best first; none if no candidate was weighed.

    Args:
        pool: The candidates of the image.
        choice: What the box weighed.
        box: The box.
        weights: λ and μ, the weights of E_r and E_b.
    """
    found = []
    for rank, index in enumerate(() if choice is None else choice.best.tolist()):
        assert choice is not None
        overlap, network, objects, expected = (
            float(of[rank]) for of in (choice.overlap, choice.regression, choice.object, choice.expected_iou)
        )
        cost = overlap + weights[0] * network + weights[1] * objects
        found.append(CandidateMask(box, overlap, objects, network, cost, expected, pool, index))
    return found


@packed
@dataclass(frozen=True, eq=False)
class ObjectMask:
    """The mask of a box.

    Attributes:
        pixels: The same as `mask`.
        box: The box, half-open pixel corners x0, y0, x1, y1; its pixels are `image[y0:y1, x0:x1]`.
        label: The label that was given with the box, or None.
        score: The IoU that the mask probably has with the object, in [0, 1].
        flags: Why a person should look at it, by `boxsup.masking.quality.FLAGS`; empty if nothing is odd.
        candidates: The best candidate segments, the best first; the mask is the first of them, made sharper. Empty if
            no candidate fits: the mask is then what the object map sees, or the rectangle.
        measures: What the score is made from; None for a box without a mask.
    """

    pixels: NDArray[np.bool_]
    box: Corners
    label: Label | None
    score: float
    flags: tuple[str, ...]
    candidates: tuple[CandidateMask, ...]
    measures: Measures | None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """H×W, true on the object; all false for a box that lost its pixels to others (`disjoint`)."""
        return self.pixels

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the mask: `.png`, black and white, 255 on the object; or `.npy`, H×W bool.

        Args:
            path: The file. One that we wrote before is replaced.
            overwrite: Whether to keep a file that is in the way under a dated name, instead of raising an error.

        Raises:
            DataError: The name has another ending.
            StoreError: A file is in the way that is not ours, or nothing can be written there.
        """
        return save_mask(path, self.mask, overwrite)

    def __repr__(self) -> str:
        label = "" if self.label is None else f"{self.label!r}, "
        flags = f", {' '.join(self.flags)}" if self.flags else ""
        box = ", ".join(map(str, self.box))
        return f"ObjectMask({label}score {self.score:.2f}, box ({box}), {int(self.mask.sum()):,} pixels{flags})"

    def _repr_png_(self) -> bytes:
        return png_bytes(black_and_white(self.mask))


class ImageMasks(Sequence[ObjectMask]):
    """The masks of an image's boxes, in the order of the boxes.

    Attributes:
        image: The image, H×W×3 uint8 RGB.
        name: The path of the image; "" if it was given as pixels.
        classes: Names of the classes that `to_coco` and `to_supervision` number; empty if labels are numbers or there
            are none.
    """

    def __init__(
        self, image: NDArray[np.uint8], name: str, objects: Sequence[ObjectMask], classes: Sequence[str]
    ) -> None:
        """Hold the masks of an image; `boxsup.Masker` makes them."""
        self.image, self.name, self.classes = image, name, tuple(classes)
        self._objects = tuple(objects)

    def __len__(self) -> int:
        return len(self._objects)

    @overload
    def __getitem__(self, index: int) -> ObjectMask: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ObjectMask]: ...

    def __getitem__(self, index: int | slice) -> ObjectMask | Sequence[ObjectMask]:
        return self._objects[index]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """B×H×W, all masks; memory grows with both."""
        stack = np.zeros((len(self), *self.image.shape[:2]), np.bool_)
        for row, item in zip(stack, self._objects, strict=True):
            row[:] = item.mask
        return stack

    @property
    def scores(self) -> NDArray[np.float32]:
        """B scores."""
        return np.array([item.score for item in self._objects], np.float32)

    @property
    def boxes(self) -> NDArray[np.int64]:
        """B×4 half-open pixel corners."""
        return np.array([item.box for item in self._objects], np.int64).reshape(-1, 4)

    @property
    def labels(self) -> list[Label | None]:
        """B labels."""
        return [item.label for item in self._objects]

    def overlay(self, boxes: bool = True) -> NDArray[np.uint8]:
        """Draw the masks over the image in grey, H×W×3 uint8 RGB; each object has a colour.

        Args:
            boxes: Whether to draw the boxes with their labels and scores too.
        """
        masks = LazySequence(lambda item: item.mask, self._objects)
        names = [" ".join(filter(None, (_text(item.label), f"{item.score:.2f}"))) for item in self._objects]
        return draw_objects(self.image, masks, self.boxes if boxes else self.boxes[:0], names if boxes else [])

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write all masks to a file: `.png`, `.jpg` or `.json`.

        `.png` has VOC's palette and the number of the object at each pixel, 1 for the first box; the smaller object is
        in front. `.jpg` is the overlay. `.json` is COCO's, with exact masks.

        Args:
            path: The file. One that we wrote before is replaced.
            overwrite: Whether to keep a file that is in the way under a dated name, instead of raising an error.

        Raises:
            DataError: The name has another ending, or there are more objects than a PNG has values.
            StoreError: A file is in the way that is not ours, or nothing can be written there.
        """
        return save_masks(path, self._detected(), self.overlay, overwrite)

    def to_coco(self) -> dict[str, Any]:
        """COCO's `images`, `annotations` and `categories`; the image has the id 1.

        A category's id is the label if labels are numbers; otherwise names are numbered from 1 in the order of
        `classes`. Boxes without labels are of the category `object`. A box whose pixels all belong to others, by
        `disjoint`, is left out, as in what `boxsup masks` writes.
        """
        return coco_content([self._detected()])

    def to_supervision(self) -> Any:  # noqa: ANN401 - a package that need not be installed
        """`supervision.Detections` with masks; scores as `confidence`, names as `data["class_name"]`.

        `class_id` is the label if labels are numbers; otherwise names are numbered from 0 in the order of `classes`.
        Boxes are left out as in `to_coco`.

        Raises:
            ConfigError: The package supervision is not installed.
        """
        return supervision_detections(self._detected(), self.masks)

    def _detected(self) -> Detected:
        height, width = self.image.shape[:2]
        return Detected(self.name, height, width, self._objects, self.classes)

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        flagged = sum(bool(item.flags) for item in self._objects)
        listed = "".join(f"\n  {item!r}" for item in self._objects[:5])
        more = f"\n  and {len(self) - 5:,} more" if len(self) > 5 else ""
        of = f" of {self.name}" if self.name else ""
        return f"ImageMasks({len(self)} boxes{of}, {height}×{width} pixels, {flagged} worth a look){listed}{more}"

    def _repr_html_(self) -> str:
        rows = [
            (colour_id(index + 1), (f"[{index}]", _text(item.label), f"{item.score:.2f}", " ".join(item.flags)))
            for index, item in enumerate(self._objects)
        ]
        picture = html_picture(self.overlay(), f"{len(self)} masks over the image")
        return picture + html_table(["", "label", "score", "worth a look"], rows)

    def _repr_png_(self) -> bytes:
        return png_bytes(self.overlay())


class MaskBatch(Sequence[ImageMasks]):
    """The masks of several images, in their order."""

    def __init__(self, images: Sequence[ImageMasks]) -> None:
        """Hold the masks of images; `boxsup.Masker` makes them."""
        self._images = tuple(images)

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> ImageMasks: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ImageMasks]: ...

    def __getitem__(self, index: int | slice) -> ImageMasks | Sequence[ImageMasks]:
        return self._images[index]

    def to_coco(self) -> dict[str, Any]:
        """COCO's `images`, `annotations` and `categories`, as of one image; images are numbered from 1."""
        return coco_content([image._detected() for image in self._images])

    def __repr__(self) -> str:
        boxes = sum(map(len, self._images))
        return f"MaskBatch({counted(len(self), 'image')}, {counted(boxes, 'box', 'boxes')})"

    def _repr_html_(self) -> str:
        pictures = [html_picture(image.overlay(), image.name, side=320) for image in self._images[:12]]
        more = f"<p>and {len(self) - 12:,} more images</p>" if len(self) > 12 else ""
        return " ".join(pictures) + more


def _text(label: Label | None) -> str:
    return "" if label is None else str(label)
