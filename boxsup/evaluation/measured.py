"""The basis of a score: on how many images, objects and classes it stands, and whether it means anything.

By the VOC protocol a mean IoU is over the classes. If the true masks show only background, it would be 100 % whatever
the network has learned; over a handful of pixels it is luck. Such scores are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue
from boxsup.evaluation.confusion import iou_per_class, mean_iou
from boxsup.near import first_few

MIN_PIXELS = 100  # of a class in all true masks together: a 10×10 square, where one row more or less is a tenth
MIN_CLASSES = 2  # measured classes, with the background: a single one is right wherever nothing else is predicted


@dataclass(frozen=True)
class Basis:
    """What a score is computed from.

    Attributes:
        classes: C names by class number, the background first.
        pixels: C, number of pixels of each class in the true masks, without void.
        images: Number of images with a true mask.
        objects: Number of objects annotated in these images, without crowds; 0 if no object is annotated.
    """

    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    images: int
    objects: int

    @property
    def measured(self) -> NDArray[np.bool_]:
        """C: whether each class is measured; see `measured_classes`."""
        return measured_classes(self.pixels)

    @property
    def counts(self) -> dict[str, int]:
        """`images`, `objects`, and `classes`, the number of measured classes without the background."""
        return {"images": self.images, "objects": self.objects, "classes": int(self.measured[1:].sum())}

    @property
    def over(self) -> str:
        """In words, for instance "40 images, 96 objects, 6 of 6 classes and the background"."""
        all_classes = len(self.classes) - 1
        classes = f"{self.counts['classes']} of {_counted(all_classes, 'class', 'classes')}"
        parts = [_counted(self.images, "image", "images"), _counted(self.objects, "object", "objects"), classes]
        background = " and the background" if self.measured[0] else ""
        return ", ".join(parts if self.objects else [parts[0], parts[2]]) + background

    @property
    def apart(self) -> str:
        """The classes that are not measured, in words; empty if all are."""
        absent = [name for name, count in zip(self.classes, self.pixels, strict=True) if not count]
        few = [name for name, count in zip(self.classes, self.pixels, strict=True) if 0 < count < MIN_PIXELS]
        texts = {"no pixel in the true masks": absent, f"fewer than {MIN_PIXELS} pixels": few}
        return "; ".join(f"{first_few(names)} ({text})" for text, names in texts.items() if names)

    @property
    def why_not(self) -> str:
        """Why nothing is measured; empty if something is."""
        if not self.images:
            return "no image has a true mask"
        if is_measured(self.pixels):
            return ""
        masks = (
            "the true mask of 1 image shows" if self.images == 1 else f"the true masks of {self.images:,} images show"
        )
        if not self.pixels[1:].any():
            return f"{masks} no class, only background or void"
        if self.measured.any():
            return f"{masks} {self.classes[int(self.measured.argmax())]} alone{self._few()}"
        return f"{masks} a handful of pixels{self._few()}"

    def _few(self) -> str:
        """Say how many pixels the unmeasured classes have."""
        few = [
            f"{name} {count}" for name, count in zip(self.classes, self.pixels, strict=True) if 0 < count < MIN_PIXELS
        ]
        return f" (pixels of {first_few(few)}; {MIN_PIXELS} are needed)" if few else ""

    def notes(self) -> list[str]:
        """Say why each class, and then the mean, is not measured: C + 1 texts, empty for what is measured."""
        reasons = [*(self._note(int(count)) for count in self.pixels), self.why_not]
        return [f"not measured: {reason}" if reason else "" for reason in reasons]

    def _note(self, count: int) -> str:
        """Say why a class with `count` pixels is not measured; empty if it is."""
        if not count:
            return "no pixel in the true masks"
        if count < MIN_PIXELS:
            return f"{count} pixels in the true masks, {MIN_PIXELS} are needed"
        return "no other class is" if self.why_not else ""


def basis_of(catalogue: Catalogue, pixels: NDArray[np.int64]) -> Basis:
    """Return the basis of a split's scores.

    Args:
        catalogue: The split; its images with a true mask are counted.
        pixels: C, number of pixels of each class in these masks: the row sums of a confusion matrix.
    """
    images = {row.image for row in catalogue.rows() if row.mask}
    counted = catalogue.boxes["image"].isin(images) & (catalogue.boxes["crowd"] == 0)
    return Basis(catalogue.classes, pixels, len(images), int(counted.sum()))


def basis_from(evaluation: pd.DataFrame) -> Basis:
    """Return the basis of a table of `boxsup evaluation` that is indexed by class."""
    first = evaluation.iloc[0]
    pixels = evaluation["truth_pixels"].to_numpy(np.int64)[:-1]
    return Basis(tuple(map(str, evaluation.index[:-1])), pixels, int(first["images"]), int(first["objects"]))


def measured_classes(pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of C classes have MIN_PIXELS in the true masks, given their `pixels` there.

    Example:
        >>> measured_classes(np.array([5000, 99, 100]))
        array([ True, False,  True])
    """
    return np.asarray(pixels >= MIN_PIXELS)


def is_measured(pixels: NDArray[np.int64]) -> bool:
    """Return whether a mean over the classes means anything: at least MIN_CLASSES of them are measured.

    >>> is_measured(np.array([5000, 99, 100]))
    True
    """
    return int(measured_classes(pixels).sum()) >= MIN_CLASSES


def measured_iou(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the IoU of each class that is measured.

    A class that is not in the truth has no IoU even if it is predicted; the pixels that it takes count against their
    true class.

    Args:
        confusion: C×(C+1) from `confusion_matrix`, the sum over all images.

    Returns:
        C float64 in [0, 1]; NaN for a class that is not measured, and for all if fewer than MIN_CLASSES are.

    Example:
        >>> measured_iou(np.array([[800, 200, 0], [0, 800, 0]]))
        array([0.8, 0.8])
    """
    pixels = confusion.sum(axis=1)
    kept = measured_classes(pixels) & is_measured(pixels)
    return np.where(kept, iou_per_class(confusion), np.nan)


def measured_mean(confusion: NDArray[np.int64]) -> float:
    """Average `measured_iou` over the measured classes; NaN if nothing is measured.

    >>> measured_mean(np.array([[800, 200, 0], [0, 800, 0]]))
    0.8
    """
    iou = measured_iou(confusion)
    return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")


def image_score(confusion: NDArray[np.int64]) -> float:
    """Return `mean_iou` of a single image, for sorting images; NaN if its true mask shows no object.

    >>> image_score(np.array([[8, 2, 0], [0, 8, 0]])), image_score(np.array([[9, 1, 0], [0, 0, 0]]))
    (0.8, nan)
    """
    return mean_iou(confusion) if confusion[1:].any() else float("nan")


def score_text(value: float) -> str:
    """Format a score in [0, 1].

    Example:
        >>> score_text(0.4257), score_text(float("nan"))
        ('42.6 %', 'not measured')
    """
    return "not measured" if np.isnan(value) else f"{100 * value:.1f} %"


def basis_text(table: pd.DataFrame) -> str:
    """Say what the scores of a table are computed from, given its columns `images`, `objects` and `classes`.

    >>> basis_text(pd.DataFrame({"images": [40], "objects": [96], "classes": [6]}))
    '40 images, 96 objects, 6 classes'
    """
    images, objects, classes = (int(table[name].iloc[0]) for name in ("images", "objects", "classes"))
    parts = [_counted(images, "image", "images"), _counted(objects, "object", "objects")]
    return ", ".join([*(parts if objects else parts[:1]), _counted(classes, "class", "classes")])


def _counted(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
