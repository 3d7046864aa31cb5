"""What the study reads: a split with its candidates, and the settings it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.config.build import build
from boxsup.config.files import merge
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.image.files import read_image, read_mask
from boxsup.labels.overlaps import Overlaps
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import Pools

Block = dict[str, Any]
Masks = list[NDArray[np.bool_] | None]  # of an image's boxes; None: the rectangle

CENTRED: Block = {  # cross-entropy as in Eq. 3, over the box and centred: the least change that does not collapse
    "temperature": 0.0,
    "overlap": "tight_box",
    "regression": "cross_entropy",
    "lambda": 0.5,
    "k": 1,
}


@dataclass(frozen=True)
class Data:
    """A split to train on with its candidates, and one to evaluate on."""

    train: Catalogue
    val: Catalogue
    pools: Mapping[str, Pool]
    overlaps: Mapping[str, NDArray[np.float32]]
    truth: Mapping[str, NDArray[np.uint8]]
    images: Mapping[str, NDArray[np.uint8]]

    @classmethod
    def read(cls, folder: Path, proposals: str) -> Data:
        """All of it in memory."""
        train, val = read_catalogue(folder / "train"), read_catalogue(folder / "val")
        shards = {
            kind: sorted((folder / f"train/{kind}/{proposals}").glob("*.zarr")) for kind in ("proposals", "overlaps")
        }
        stores = Pools(shards["proposals"])
        return cls(
            train,
            val,
            {image: stores[image] for image in stores},
            dict(Overlaps(shards["overlaps"])),
            {row.image: read_mask(row.mask) for row in train.rows()},
            {row.image: read_image(row.path) for row in (*train.rows(), *val.rows())},
        )

    def filling_rates(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """What the true masks of `ids` fill of their boxes: the mean by label, 0 of the background; those that have no
        box have the mean of all.
        """  # noqa: D205
        rows = [
            (box.label, (self.truth[image][box.y0 : box.y1, box.x0 : box.x1] == box.label).mean())
            for image in ids
            for box in self.train.boxes_of(image).itertuples()
        ]
        table = pd.DataFrame(rows, columns=["label", "filled"])
        means = table.groupby("label")["filled"].mean()
        mean = table["filled"].mean()
        return np.array([0.0, *(means.get(label, mean) for label in range(1, len(self.train.classes)))])


def settings(configuration: Block, *over: Block) -> UpdateSettings:
    """The default update with some keys changed."""
    update = configuration["update"]
    for changes in over:
        update = merge(update, changes)
    return build(UpdateSettings, generation_settings(update), "update")
