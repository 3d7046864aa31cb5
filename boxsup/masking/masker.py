"""Masks for the boxes of many images, from a network and from candidates that are made on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.check import to_catalogue
from boxsup.catalogue.records import Record
from boxsup.config.proposals import ProposalSettings
from boxsup.config.update import UpdateSettings
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor
from boxsup.machine.workers import map_in_processes
from boxsup.masking.box_masks import check_update, masks_of_boxes
from boxsup.masking.parts import ImagePart
from boxsup.proposals.methods import make_proposer, packages
from boxsup.proposals.pool import Pool
from boxsup.proposals.selection import Proposer
from boxsup.store.checksums import sha256_of
from boxsup.store.provenance import provenance


class Masker:
    """Makes masks for boxes with a trained network, an update and a proposal method.

    Attributes:
        classes: Names of the network's classes, the background first.
        settings: Everything that masks depend on besides the image and its boxes, as JSON values.
    """

    def __init__(
        self,
        model: Path,
        threads: int,
        scales: Sequence[float],
        update: UpdateSettings,
        proposals: ProposalSettings,
    ) -> None:
        """Read the network.

        Args:
            model: The network's checkpoint.
            threads: Number of torch's threads on the CPU.
            scales: Scales of the image over which scores are averaged.
            update: How a box chooses its candidate; see `boxsup.masking.box_masks.check_update`.
            proposals: Settings of the method that makes the candidates.

        Raises:
            StoreError: There is no such checkpoint.
            ConfigError: The quality score does not cover this update.
        """
        check_update(update)
        self._predictor = Predictor(model, threads, None, scales)
        self._update, self._proposals = update, proposals
        self.classes = self._predictor.classes
        self.settings: dict[str, Any] = {
            "model": sha256_of(model),
            "threads": threads,
            "scales": list(scales),
            "update": update.model_dump(),
            "proposals": proposals.model_dump(),
            "versions": provenance("masks", "numpy", "torch", *packages(proposals.method)),
        }

    def knows(self, name: str) -> bool:
        """Return whether the network knows a class."""
        return name in self.classes[1:]

    def relabelled(self, record: Record, classes: Sequence[str]) -> Record:
        """Return the record with only the boxes whose class the network knows, with the network's class numbers.

        Args:
            record: An image and its boxes.
            classes: Names of the record's classes, the background first.
        """
        names = (classes[box.class_id] for box in record.boxes)
        pairs = [(box, name) for box, name in zip(record.boxes, names, strict=True) if self.knows(name)]
        boxes = [box._replace(class_id=self.classes.index(name)) for box, name in pairs]
        return Record(record.image, record.path, record.height, record.width, boxes=boxes)

    def parts(self, records: Sequence[Record], workers: int) -> Iterator[ImagePart]:
        """Make the masks of images, in order; results do not depend on the number of worker processes."""
        if not records:
            return
        calls = ((self._proposals, record.image, record.path) for record in records)
        proposed = map_in_processes(_propose, calls, workers, initializer=partial(cv2.setNumThreads, 1))
        for record, (pixels, pool) in zip(records, proposed, strict=True):
            scores = self._predictor.log_probabilities(pixels).cpu().numpy()
            boxes = to_catalogue([record], self.classes).boxes
            yield ImagePart(record, masks_of_boxes(record.image, pool, boxes, scores, self._update))


def _propose(settings: ProposalSettings, image: str, path: str) -> tuple[NDArray[np.uint8], Pool]:
    pixels = read_image(path)
    return pixels, _proposer(settings)(pixels, image)


@cache  # once per process
def _proposer(settings: ProposalSettings) -> Proposer:
    return make_proposer(settings)
