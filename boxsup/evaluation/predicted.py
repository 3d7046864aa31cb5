"""The inputs of an evaluation: a split without its held-out images, and the predictions for it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from boxsup.catalogue.tables import Catalogue, ImageRow, check_ids, read_catalogue
from boxsup.evaluation.held_out import add_held_out_arguments, evaluated
from boxsup.evaluation.truth import LabelMap
from boxsup.store.labels import Labels

STACKS = ("labels", "labels_crf")  # before the dense CRF, and after it


def add_predicted_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the split, its predictions and its held-out images."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--predictions", type=Path, required=True, help=".zarr with the stacks labels and labels_crf")
    add_held_out_arguments(parser)


def evaluated_split(args: argparse.Namespace) -> Catalogue:
    """Read the split that the arguments name, without its held-out images."""
    return evaluated(read_catalogue(args.catalogue), args.held_out, args.held_out_seed)


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
