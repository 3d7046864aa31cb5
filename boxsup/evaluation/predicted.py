"""The label maps that evaluation reads: predictions of a split, before and after the dense CRF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from boxsup.catalogue.tables import ImageRow, check_ids
from boxsup.evaluation.truth import LabelMap
from boxsup.store.labels import Labels

STACKS = ("labels", "labels_crf")  # before the dense CRF, and after it


def predicted_maps(
    predictions: Path, images: Sequence[ImageRow], classes: Sequence[str]
) -> Iterator[tuple[LabelMap, ...]]:
    """Yield the label maps of each image, H×W uint8, one per stack of `STACKS`.

    Raises:
        DataError: The predictions lack an image.
        StoreError: The predictions were made with classes other than `classes`.
    """
    stacks = [Labels(predictions, name) for name in STACKS]
    stacks[0].check_classes(classes)
    check_ids([row.image for row in images], list(stacks[0]), str(predictions))
    return (tuple(stack[row.image] for stack in stacks) for row in images)
