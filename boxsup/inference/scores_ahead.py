"""Scores of the classes that an image's boxes ask for, which a network computes in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue
from boxsup.inference.scores import Predictor


class ScoresAhead:
    """A network's scores of many images, computed while the boxes of earlier images choose."""

    def __init__(self, predictor: Predictor, catalogue: Catalogue, images: Sequence[str]) -> None:
        """Start with the first image.

        Args:
            predictor: The network.
            catalogue: The split.
            images: Ids of the images whose boxes may ask.
        """
        asking = catalogue.boxes[catalogue.boxes["image"].isin(images)].groupby("image")["label"]
        class_ids = {str(image): np.union1d(0, rows).astype(np.int64) for image, rows in asking}
        wanted = [(row, class_ids[row.image]) for row in catalogue.rows() if row.image in class_ids]
        scored = predictor.score_classes((row.photo(), present) for row, present in wanted)
        self._scored = zip(wanted, scored, strict=True)

    def __call__(self, image: str, class_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of some classes in an image; images must be asked for in the order of the catalogue."""
        for (row, present), scores in self._scored:
            if row.image == image:  # the images before it have boxes, but none that chooses
                return scores[np.searchsorted(present, class_ids)]
        raise AssertionError(image)
