"""Masks for boxes, asked for from Python: `boxsup.Masker()(image, boxes)`."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from boxsup.catalogue.records import BACKGROUND, Box, Record
from boxsup.errors import DataError
from boxsup.image.boxes import Corners, shorter_side
from boxsup.image.given import ImageLike, given_pixels
from boxsup.inference.trained import find_trained
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.found import ImageMasks, MaskBatch, ObjectMask, candidate_masks
from boxsup.masking.given_boxes import Label, given_boxes, given_labels
from boxsup.masking.masker import MaskMaker
from boxsup.masking.quality import flags, quality, seen_threshold
from boxsup.masking.settings import mask_recipe, mask_settings
from boxsup.proposals.pool import Pool

UNNAMED = ""  # the class of boxes without labels, which no trained network knows
NO_FILE = "image"  # the id of an image that is given as pixels
Path_ = str | os.PathLike[str]


class Masker:
    """Makes masks for boxes, of any class and without training; the masks are those of the command `boxsup masks`.

    Candidate segments are proposed in the image, a network that ships with the package looks into each box, the best
    candidate is chosen and made sharper. That takes seconds an image, most of them for the candidates. A GPU is used if
    there is one.

    Attributes:
        classes: Names of the trained model's classes; empty without a model.
    """

    def __init__(
        self,
        model: Path_ | None = None,
        *,
        objects: Path_ | Sequence[Path_] | None = None,
        disjoint: bool = False,
        proposals: str = "mcg_views",
        config: Path_ | None = None,
        scales: Sequence[float] | None = None,
    ) -> None:
        """Read the networks.

        Args:
            model: A trained model, such as `results/EXPERIMENT`, whose networks are asked; see `boxsup.load`. None:
                the network that ships with the package looks into the boxes.
            objects: Object networks of `boxsup objects`, one or several, in place of those of the model.
            disjoint: Whether a pixel belongs to one box only, the surest; masks of overlapping boxes overlap otherwise.
            proposals: Name of the proposals in the configuration.
            config: A YAML file whose keys are laid over config.yaml: `update`, `proposals`.
            scales: Scales of the image for the trained model, above 0 and at most 4; None: those of its run.

        Raises:
            ConfigError: A setting is wrong.
            StoreError: There is no such model or object network.
        """
        trained = None if model is None else find_trained(model)
        if isinstance(objects, str | os.PathLike):
            objects = [objects]
        networks = None if objects is None else [Path(path) for path in objects]
        settings = mask_settings(proposals, None if config is None else Path(config))
        recipe = mask_recipe(trained, networks, scales, settings, disjoint)
        if trained is not None and trained.note and scales is None:
            logging.getLogger(__name__).warning("%s", trained.note)
        self._weights = (settings[0].lambda_, settings[0].mu)
        with _threads_as_before():
            self._maker = MaskMaker(recipe)
        self.classes: tuple[str, ...] = self._maker.classes[1:]

    @overload
    def __call__(
        self, image: ImageLike, boxes: ArrayLike, labels: Sequence[Label] | None = None, *, name: str | None = None
    ) -> ImageMasks: ...

    @overload
    def __call__(
        self,
        image: list[ImageLike] | tuple[ImageLike, ...],
        boxes: Sequence[ArrayLike],
        labels: Sequence[Sequence[Label] | None] | None = None,
        *,
        name: Sequence[str] | None = None,
    ) -> MaskBatch: ...

    def __call__(self, image: Any, boxes: Any, labels: Any = None, *, name: Any = None) -> ImageMasks | MaskBatch:
        """Make a mask for each box of an image, or of each image in a list.

        Args:
            image: A path, H×W×3 uint8 RGB or H×W uint8 grey pixels, or a Pillow image. OpenCV reads BGR: give
                `image[..., ::-1]`. Or a list of these.
            boxes: B×4 numbers x0, y0, x1, y1 in pixels; the box holds `image[y0:y1, x0:x1]`. Floats are rounded to the
                nearest border between pixels, halves upwards. A list of boxes for each image of a list.
            labels: B names or B numbers of classes, if they are known. They change masks only if there is a trained
                model that knows the name. A list of labels for each image of a list.
            name: The image's id, by default the name of its file without its ending, or `image` for pixels. A small
                part of the candidates is drawn at random, keyed by it; so it takes the id that the command uses to make
                pixels give the command's masks. A list of names for a list of images.

        Returns:
            One mask per box, in order; for a list, one such sequence per image.

        Raises:
            DataError: An image cannot be read, a box is empty or not inside its image, or there are not as many labels
                as boxes.
        """
        if not isinstance(image, list | tuple):
            given = _given(image, boxes, labels, name)
            return self._one(given, self._numbered(given.labels))
        columns = {"boxes": boxes, "labels": labels, "name": name}
        for column, values in columns.items():
            if column == "boxes" or values is not None:
                _check_length(column, values, len(image))
        every: list[Any] = [[None] * len(image) if values is None else values for values in columns.values()]
        # All of them are checked before any work, which takes seconds an image.
        rows = enumerate(zip(image, *every, strict=True))
        checked = [_given(each, *own, f"[{number}]") for number, (each, *own) in rows]  # type: ignore[call-arg]
        numbered = self._numbered([label for given in checked for label in given.labels])
        return MaskBatch([self._one(given, numbered) for given in checked])

    def _numbered(self, labels: Sequence[Label | None]) -> list[str]:
        """The names of classes in the order in which they are numbered; none if no label is a name."""
        names = [label for label in labels if isinstance(label, str)]
        return list(dict.fromkeys([*self.classes, *names])) if names else []

    def _one(self, given: _Given, numbered: Sequence[str]) -> ImageMasks:
        """The masks of one image, whose classes are numbered as `numbered`."""
        pixels = given_pixels(given.image) if given.pixels is None else given.pixels
        if not given.corners:
            return ImageMasks(pixels, given.file, [], numbered)
        names = [name if isinstance(name, str) else UNNAMED for name in given.labels]
        known = (BACKGROUND, *dict.fromkeys(names))
        boxes = [Box(known.index(name), *box) for name, box in zip(names, given.corners, strict=True)]
        height, width = pixels.shape[:2]
        record = self._maker.relabelled(Record(given.name, given.file, height, width, boxes=boxes), known)
        with _threads_as_before():
            pool, masks = self._maker.image_masks(record, pixels)
        return ImageMasks(pixels, given.file, list(self._objects(masks, pool, given)), numbered)

    def _objects(self, masks: Sequence[BoxMask | None], pool: Pool, given: _Given) -> Iterator[ObjectMask]:
        least = seen_threshold([mask.measures.seen for mask in masks if mask is not None])
        for mask, box, label in zip(masks, given.corners, given.labels, strict=True):
            if mask is None:
                empty = np.zeros(pool.superpixels.shape, np.bool_)
                yield ObjectMask(empty, box, label, 0.0, ("nothing",), (), None)
                continue
            found = candidate_masks(pool, mask.choice, box, self._weights)
            score, odd = round(quality(mask.measures), 4), tuple(flags(mask.measures, shorter_side(box), least))
            yield ObjectMask(mask.pixels, box, label, score, odd, tuple(found), mask.measures)

    def __repr__(self) -> str:
        known = f", {len(self.classes)} classes of a trained model" if self.classes else ""
        proposals = self._maker.settings["proposals"]["method"]
        return f"Masker(any class{known}; candidates by {proposals})"


@dataclass(frozen=True)
class _Given:
    """An image with its boxes, checked.

    Attributes:
        image: As it was given.
        name: Its id.
        file: Its path; for pixels the name, if one was given, else "".
        corners: B boxes.
        labels: B labels.
        pixels: H×W×3 uint8 RGB; None for one of a list, whose pixels would fill the memory: it is read again.
    """

    image: ImageLike
    name: str
    file: str
    corners: list[Corners]
    labels: list[Label | None]
    pixels: NDArray[np.uint8] | None


def _given(
    image: ImageLike, boxes: ArrayLike, labels: Sequence[Label] | None, name: str | None, number: str = ""
) -> _Given:
    """An image with its boxes; `number` is what errors add to the names of arguments, "" for a single image."""
    pixels = given_pixels(image, f"image{number}")
    height, width = pixels.shape[:2]
    corners = given_boxes(boxes, height, width, f"boxes{number}")
    path = image if isinstance(image, str | os.PathLike) else getattr(image, "filename", "")  # Pillow's
    file = os.fspath(path) or name or ""
    own_labels = given_labels(labels, len(corners), f"labels{number}")
    return _Given(image, name or Path(file).stem or NO_FILE, file, corners, own_labels, None if number else pixels)


def _check_length(name: str, values: Any, images: int) -> None:  # noqa: ANN401 - whatever a user gives
    """Raise a DataError unless there is a value for each image."""
    if not hasattr(values, "__len__") or isinstance(values, str) or len(values) != images:
        got = f"{len(values)}" if hasattr(values, "__len__") else type(values).__name__
        raise DataError(f"{name}: expected a list with one entry for each of {images} images, got {got}")


@contextlib.contextmanager
def _threads_as_before() -> Iterator[None]:
    """Give torch its number of threads back: it is the user's process."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
