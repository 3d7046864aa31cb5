"""Stores of label maps that no update makes, such as `boxsup fixed-masks` writes."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, check_ids
from boxsup.errors import DataError
from boxsup.labels.choice import Chosen
from boxsup.store.labels import Labels


def open_stores(paths: Sequence[Path]) -> Mapping[str, NDArray[np.uint8]]:
    """The label maps of several stores as one mapping from image id to H×W uint8."""
    return ChainMap(*map(Labels, paths))  # type: ignore[arg-type] # only read


def fixed_choices(paths: Sequence[Path], catalogue: Catalogue, images: Sequence[str]) -> NDArray[np.int32]:
    """How the masks of fixed stores were made from each box.

    Args:
        paths: The stores; none if there are no fixed masks.
        catalogue: The split, B boxes.
        images: Ids of the images that need fixed masks.

    Returns:
        B int32; `Chosen.NOTHING` for the boxes of images that no store has.

    Raises:
        DataError: A store's images or boxes are not the split's, or an image is in no store.
    """
    chosen = np.full(len(catalogue.boxes), Chosen.NOTHING, np.int32)
    stores = [Labels(path) for path in paths]
    for store in stores:
        ids, rows = set(store), np.flatnonzero(catalogue.boxes["image"].isin(list(store)))
        choices = store.table("chosen")
        if list(store) != [image for image in catalogue.ids if image in ids] or len(choices) != len(rows):
            raise DataError(f"{store.path}: its images or boxes are not those of the split; make it again")
        chosen[rows] = choices
    if stores:
        check_ids(images, [image for store in stores for image in store], "fixed masks")
    return chosen
