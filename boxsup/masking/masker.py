"""Masks for the boxes of many images, from networks and from candidates that are made on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from boxsup.catalogue.check import to_catalogue
from boxsup.catalogue.records import Record
from boxsup.catalogue.tables import corners_of
from boxsup.config.proposals import ProposalSettings
from boxsup.image.files import read_image
from boxsup.image.scaling import MILLION
from boxsup.inference.scores import Predictor
from boxsup.machine.devices import device
from boxsup.machine.memory import giving_back
from boxsup.machine.workers import map_batches, map_in_processes, useful_processes
from boxsup.masking.box_masks import UNKNOWN, BoxMask, check_update, masks_of_boxes
from boxsup.masking.known_pools import KnownPools, results_around, stored_pool
from boxsup.masking.options import options_of_boxes
from boxsup.masking.parts import ImagePart
from boxsup.masking.recipe import Recipe
from boxsup.objects.viewer import ObjectViewer
from boxsup.proposals.methods import make_box_proposer, packages
from boxsup.proposals.pool import Pool
from boxsup.proposals.selection import BoxProposer
from boxsup.store.checksums import sha256_of
from boxsup.store.provenance import provenance

LARGE = 2**20  # pixels of an image whose arrays are given back to the system
# Seconds of work: of an image, of each million of its pixels, and for which a process with networks is worth its start.
IMAGE, MEGAPIXEL, WORTH_STARTING = 0.4, 0.2, 5.0


class MaskMaker:
    """Makes masks for boxes by a recipe: object networks, an update, a proposal method, perhaps a trained network.

    Attributes:
        classes: Names of the trained network's classes, the background first; empty without one.
        settings: Everything that masks depend on besides the image and its boxes, as JSON values.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Read the networks.

        Raises:
            StoreError: There is no such checkpoint or object network.
            ConfigError: The quality score does not cover this update.
        """
        check_update(recipe.update)
        self._recipe, self._predictor, model = recipe, None, recipe.model
        if model is not None:
            self._predictor = Predictor(model, 1, None, recipe.scales, megapixels=recipe.megapixels)
        self._viewer = ObjectViewer(recipe.objects, 1, recipe.shipped)
        self._known = KnownPools(results_around(model), recipe.proposals)
        self.classes = () if self._predictor is None else self._predictor.classes
        self.settings: dict[str, Any] = {
            "model": None if model is None else sha256_of(model),
            "objects": self._viewer.weights,
            "scales": None if model is None else list(recipe.scales),
            "megapixels": None if model is None else recipe.megapixels,
            "disjoint": recipe.disjoint,
            "update": recipe.update.model_dump(),
            "proposals": recipe.proposals.model_dump(),
            "versions": provenance("masks", "numpy", "torch", *packages(recipe.proposals.method)),
        }

    def knows(self, name: str) -> bool:
        """Return whether the trained network knows a class."""
        return name in self.classes[1:]

    def relabelled(self, record: Record, classes: Sequence[str]) -> Record:
        """Return the record with the trained network's class numbers, UNKNOWN for classes that it does not know.

        Args:
            record: An image and its boxes.
            classes: Names of the record's classes, the background first.
        """
        numbers = [self.classes.index(name) if self.knows(name) else UNKNOWN for name in classes]
        boxes = [box._replace(class_id=numbers[box.class_id]) for box in record.boxes]
        return Record(record.image, record.path, record.height, record.width, boxes=boxes)

    def known_pools(self, records: Sequence[Record]) -> dict[str, Path]:
        """Stores of candidates that the workflow made of these images, as `parts` takes them."""
        stores = ((record.image, self._known.store_of(record)) for record in records)
        return {image: store for image, store in stores if store is not None}

    def parts(self, records: Sequence[Record], workers: int, known: Mapping[str, Path]) -> Iterator[ImagePart]:
        """Make the masks of images, in order; results do not depend on the number of worker processes.

        On the CPU each process makes masks on its own, with one thread. If there is a GPU, this process runs the
        networks on it, and the others make candidates.

        Args:
            records: The images and their boxes.
            workers: Number of processes, at most: few images are made in this one.
            known: Stores of candidates by image; see `boxsup.masking.known_pools`. Results do not depend on them.
        """
        calls = ((record, known.get(record.image)) for record in records)
        if device().type == "cpu":
            processes = _useful_processes(records, workers)
            make = partial(MaskMaker, self._recipe) if processes > 1 else lambda: self
            yield from map_batches(_part_of_file, partial(_opened, make), calls, 1, processes)
            return
        asked = ((self._recipe.proposals, *call) for call in calls)
        proposed = map_in_processes(_propose_for_file, asked, workers, initializer=_prepare_process)
        for record, (pixels, pool) in zip(records, proposed, strict=True):
            yield ImagePart(record, self._masks(record, pixels, pool))

    def part(self, record: Record, known: Path | None = None) -> ImagePart:
        """Make the masks of one image as `parts` does; see `_prepare_process`."""
        pixels, pool = _propose_for_file(self._recipe.proposals, record, known)
        return ImagePart(record, self._masks(record, pixels, pool))

    def image_masks(self, record: Record, pixels: NDArray[np.uint8]) -> tuple[Pool, list[BoxMask | None]]:
        """Make the masks of one image whose pixels are at hand.

        Args:
            record: The image and its boxes, with the trained network's class numbers; see `relabelled`.
            pixels: H×W×3 uint8 RGB.

        Returns:
            The candidates of the image, and the masks as in `parts`.
        """
        torch.set_num_threads(1)  # as in `parts`: last bits of contours depend on it
        pool = _propose(self._recipe.proposals, record, pixels)
        return pool, self._masks(record, pixels, pool)

    def options(self, record: Record, known: Path | None = None) -> tuple[Pool, list[list[NDArray[np.bool_]]]]:
        """Make the candidates of an image again, and return them with the best ones of each box.

        See `boxsup.masking.options`.

        Args:
            record: The image and its boxes.
            known: A store of candidates that has those of the image; see `boxsup.masking.known_pools`.
        """
        torch.set_num_threads(1)  # as in `parts`
        pixels, pool = _propose_for_file(self._recipe.proposals, record, known)
        boxes, maps, scores = self._seen(record, pixels)
        return pool, options_of_boxes(record.image, pool, boxes, scores, maps, self._recipe.update)

    def _masks(self, record: Record, pixels: NDArray[np.uint8], pool: Pool) -> list[BoxMask | None]:
        boxes, maps, scores = self._seen(record, pixels)
        update, disjoint = self._recipe.update, self._recipe.disjoint
        with _little_kept(record):
            return masks_of_boxes(record.image, pool, boxes, scores, maps, update, disjoint)

    def _seen(
        self, record: Record, pixels: NDArray[np.uint8]
    ) -> tuple[pd.DataFrame, NDArray[np.uint8], NDArray[np.float32] | None]:
        """The table of an image's boxes, their object maps, and the semantic network's scores, if it is asked."""
        boxes = to_catalogue([record], self.classes).boxes
        maps, scores = self._viewer.maps(pixels, corners_of(boxes)), None
        if self._predictor is not None and (boxes["label"] != UNKNOWN).any():
            scores = self._predictor.log_probabilities(self._predictor.working_image(pixels)).cpu().numpy()
        return boxes, maps, scores


def _useful_processes(records: Sequence[Record], workers: int) -> int:
    """How many processes are worth their start.

    >>> large = Record("a", "a.jpg", 3000, 4000)
    >>> [_useful_processes([large] * count, 4) for count in (1, 4, 10)]
    [1, 2, 4]
    """
    seconds = [IMAGE + MEGAPIXEL * record.height * record.width / MILLION for record in records]
    return useful_processes(workers, len(records), float(np.mean(seconds or [0])), WORTH_STARTING)


def _part_of_file(maker: MaskMaker, batch: Sequence[tuple[Record, Path | None]]) -> ImagePart:
    ((record, known),) = batch
    part = maker.part(record, known)
    # What a box weighed goes no further: for thousands of boxes it is as large as the candidates.
    return replace(part, masks=[mask and replace(mask, choice=None) for mask in part.masks])


def _opened(make: Callable[[], MaskMaker]) -> MaskMaker:
    _prepare_process()
    return make()


def _prepare_process() -> None:
    """Give a process one thread; those of `boxsup.Masker` have the environment of a user's program."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _little_kept(record: Record) -> AbstractContextManager[None]:
    return giving_back() if record.height * record.width >= LARGE else nullcontext()


def _propose_for_file(settings: ProposalSettings, record: Record, known: Path | None) -> tuple[NDArray[np.uint8], Pool]:
    with _little_kept(record):
        pixels = read_image(record.path)
        return pixels, _propose(settings, record, pixels, None if known is None else stored_pool(known, record))


def _propose(settings: ProposalSettings, record: Record, pixels: NDArray[np.uint8], own: Pool | None = None) -> Pool:
    return _proposer(settings)(pixels, record.image, corners_of(to_catalogue([record], ()).boxes), own)


@cache  # once per process
def _proposer(settings: ProposalSettings) -> BoxProposer:
    return make_box_proposer(settings)
