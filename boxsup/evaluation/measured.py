"""What a score is over, and whether anything was measured at all.

By the VOC protocol a mean IoU is over the classes. Where the true masks show the background alone it would be 100 %
whatever the network has learned, and over a handful of pixels it is a matter of luck: such a score is not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue
from boxsup.evaluation.confusion import iou_per_class, mean_iou
from boxsup.near import first_few

MIN_PIXELS = 100  # of a class in all true masks together: a square of 10×10, where a row more or less is a tenth
MIN_LABELS = 2  # that are measured, the background among them: one alone is right wherever nothing else is predicted


@dataclass(frozen=True)
class Basis:
    """What a score is over.

    Attributes:
        classes: C names by label, the background first.
        pixels: C, of each in the true masks, void left out.
        images: How many have a true mask.
        objects: Annotated in these, crowds left out; 0 where no object is annotated.
    """

    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    images: int
    objects: int

    @property
    def measured(self) -> NDArray[np.bool_]:
        """C: the classes that scores are over; see `measured_labels`."""
        return measured_labels(self.pixels)

    @property
    def counts(self) -> dict[str, int]:
        """`images`, `objects`, and `classes`: how many are measured, the background left out."""
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
        """The classes that are not measured, in words; empty where all are."""
        absent = [name for name, count in zip(self.classes, self.pixels, strict=True) if not count]
        few = [name for name, count in zip(self.classes, self.pixels, strict=True) if 0 < count < MIN_PIXELS]
        texts = {"no pixel in the true masks": absent, f"fewer than {MIN_PIXELS} pixels": few}
        return "; ".join(f"{first_few(names)} ({text})" for text, names in texts.items() if names)

    @property
    def why_not(self) -> str:
        """Why nothing is measured; empty where something is."""
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
        """How many pixels there are of what is not measured."""
        few = [
            f"{name} {count}" for name, count in zip(self.classes, self.pixels, strict=True) if 0 < count < MIN_PIXELS
        ]
        return f" (pixels of {first_few(few)}; {MIN_PIXELS} are needed)" if few else ""

    def notes(self) -> list[str]:
        """C + 1 texts for a table: of each class why it is not measured, then of the mean; empty where they are."""
        own = [self._note(int(count)) for count in self.pixels]
        return [f"not measured: {note}" if note else "" for note in (*own, self.why_not)]

    def _note(self, count: int) -> str:
        """Why a class of so many pixels is not measured; empty where it is."""
        if not count:
            return "no pixel in the true masks"
        if count < MIN_PIXELS:
            return f"{count} pixels in the true masks, {MIN_PIXELS} are needed"
        return "no other class is" if self.why_not else ""


def basis_of(catalogue: Catalogue, pixels: NDArray[np.int64]) -> Basis:
    """What scores of a split are over.

    Args:
        catalogue: Its images; those with a true mask are counted.
        pixels: C, of each class in these masks: the rows' sums of a confusion matrix.
    """
    images = {row.image for row in catalogue.rows() if row.mask}
    counted = catalogue.boxes["image"].isin(images) & (catalogue.boxes["crowd"] == 0)
    return Basis(catalogue.classes, pixels, len(images), int(counted.sum()))


def basis_in(evaluation: pd.DataFrame) -> Basis:
    """The same, of a table of `boxsup evaluation` indexed by class."""
    first = evaluation.iloc[0]
    pixels = evaluation["truth_pixels"].to_numpy(np.int64)[:-1]
    return Basis(tuple(map(str, evaluation.index[:-1])), pixels, int(first["images"]), int(first["objects"]))


def measured_labels(pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of C classes have MIN_PIXELS in the true masks, by their `pixels` there."""
    return np.asarray(pixels >= MIN_PIXELS)


def is_measured(pixels: NDArray[np.int64]) -> bool:
    """Whether a mean over the classes says anything: MIN_LABELS of them are measured."""
    return int(measured_labels(pixels).sum()) >= MIN_LABELS


def measured_iou(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of each class that is measured.

    A class that the truth does not have is counted apart, also where it is predicted: the pixels that it takes are
    missed by their true class.

    Args:
        confusion: C×(C+1) from `confusion_matrix`, the sum over all images.

    Returns:
        C float64 in [0, 1]; NaN of a class that is not measured, and of all where fewer than MIN_LABELS are.
    """
    pixels = confusion.sum(axis=1)
    kept = measured_labels(pixels) & is_measured(pixels)
    return np.where(kept, iou_per_class(confusion), np.nan)


def measured_mean(confusion: NDArray[np.int64]) -> float:
    """The mean of `measured_iou` over the classes that are measured; NaN where nothing is."""
    iou = measured_iou(confusion)
    return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")


def image_score(confusion: NDArray[np.int64]) -> float:
    """`mean_iou` of a single image, to set images in order; NaN where its true mask shows no object."""
    return mean_iou(confusion) if confusion[1:].any() else float("nan")


def score_text(value: float) -> str:
    """A score in [0, 1] in words: per cent, or that it was not measured."""
    return "not measured" if np.isnan(value) else f"{100 * value:.1f} %"


def over_in(table: pd.DataFrame) -> str:
    """What the scores of a table are over, by its columns `images`, `objects` and `classes`, in words."""
    images, objects, classes = (int(table[name].iloc[0]) for name in ("images", "objects", "classes"))
    parts = [_counted(images, "image", "images"), _counted(objects, "object", "objects")]
    return ", ".join([*(parts if objects else parts[:1]), _counted(classes, "class", "classes")])


def _counted(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
