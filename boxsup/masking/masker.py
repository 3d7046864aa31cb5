"""Masks for the boxes of many images, by a network and candidates that are made on the way."""

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
    """A trained network, an update and a method of proposals.

    Attributes:
        classes: Of the network, the background first.
        settings: All that masks depend on beside the image and its boxes, as JSON has it.
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
            model: Its checkpoint.
            threads: Of torch on the CPU.
            scales: Of the images, at which scores are averaged.
            update: How a box picks its candidate; see `boxsup.masking.box_masks.check_update`.
            proposals: What makes the candidates.

        Raises:
            StoreError: There is no such checkpoint.
            ConfigError: The update is one of which no quality is known.
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
        """Whether a class is one of the network's."""
        return name in self.classes[1:]

    def relabelled(self, record: Record, classes: Sequence[str]) -> Record:
        """The boxes of a record whose class the network knows by its name in `classes`, with the network's labels."""
        names = (classes[box.class_id] for box in record.boxes)
        pairs = [(box, name) for box, name in zip(record.boxes, names, strict=True) if self.knows(name)]
        boxes = [box._replace(class_id=self.classes.index(name)) for box, name in pairs]
        return Record(record.image, record.path, record.height, record.width, boxes=boxes)

    def parts(self, records: Sequence[Record], workers: int) -> Iterator[ImagePart]:
        """The images' parts, in order; candidates come from as many processes, on which results do not depend."""
        if not records:
            return
        calls = ((self._proposals, record.image, record.path) for record in records)
        made = map_in_processes(_propose, calls, workers, initializer=partial(cv2.setNumThreads, 1))
        for record, (pixels, pool) in zip(records, made, strict=True):
            scores = self._predictor.log_probabilities(pixels).cpu().numpy()
            boxes = to_catalogue([record], self.classes).boxes
            yield ImagePart(record, masks_of_boxes(record.image, pool, boxes, scores, self._update))


def _propose(settings: ProposalSettings, image: str, path: str) -> tuple[NDArray[np.uint8], Pool]:
    pixels = read_image(path)
    return pixels, _proposer(settings)(pixels, image)


@cache  # once a process
def _proposer(settings: ProposalSettings) -> Proposer:
    return make_proposer(settings)
