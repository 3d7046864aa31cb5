"""Pictures at full size, in a folder beside the page, which links to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import ImageRow
from boxsup.machine.bars import tqdm
from boxsup.report.shared.pictures import Picture, side_by_side
from boxsup.store.atomic import atomic_write

QUALITY = 85  # of JPEG


def write_full_size(folder: Path, rows: Iterable[ImageRow], predictions: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write `ID.jpg` for each image: photograph, prediction and, if there is one, true mask, side by side.

    The folder appears whole or not at all and replaces an older one.

    Args:
        folder: The folder to write.
        rows: The images in the catalogue.
        predictions: The predicted label map of each image, H×W, by image id.
    """
    with atomic_write(folder) as partial:
        partial.mkdir()
        for row in tqdm(list(rows), "full size", unit="image", disable=None):
            photo = row.photo()
            label_maps = [predictions[row.image], *([row.true_mask()] if row.mask else [])]
            panels = [Image.fromarray(photo), *(_with_labels(photo, labels) for labels in label_maps)]
            side_by_side(panels).save(partial / f"{row.image}.jpg", quality=QUALITY)


def _with_labels(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Image.Image:
    picture = Picture(photo, photo.shape[:2])
    picture.add_labels(labels)
    return picture.image
