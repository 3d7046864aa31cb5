"""Stores of label maps that no update makes, such as `boxsup fixed-masks` writes."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import check_ids
from boxsup.errors import DataError
from boxsup.labels.choice import Chosen
from boxsup.store.labels import Labels


def open_stores(paths: Sequence[Path]) -> Mapping[str, NDArray[np.uint8]]:
    """The label maps of several stores as one mapping from image id to H×W uint8."""
    return ChainMap(*map(Labels, paths))  # type: ignore[arg-type] # only read


def fixed_choices(paths: Sequence[Path], split: SplitTables, images: Iterable[str]) -> NDArray[np.int32]:
    """How the masks of fixed stores were made from each box.

    Args:
        paths: The stores; none if there are no fixed masks.
        split: The split, B boxes.
        images: Ids of the images that need fixed masks.

    Returns:
        B int32; `Chosen.NOTHING` for the boxes of images that no store has.

    Raises:
        DataError: A store's images or boxes are not the split's, or an image is in no store.
    """
    chosen = np.full(split.box_count, Chosen.NOTHING, np.int32)
    stores = [Labels(path) for path in paths]
    for store in stores:
        known = (part.boxes["image"].isin([*filter(store.__contains__, part.ids)]) for part in split.parts())
        rows, choices = np.flatnonzero(np.concatenate([[], *known])), store.table("chosen")
        pairs = zip_longest(store, filter(store.__contains__, split.ids))
        if not all(own == image for own, image in pairs) or len(choices) != len(rows):
            raise DataError(f"{store.path}: its images or boxes are not those of the split; make it again")
        chosen[rows] = choices
    if stores:
        check_ids(images, ChainMap(*stores), "fixed masks")  # type: ignore[arg-type] # only read
    return chosen
