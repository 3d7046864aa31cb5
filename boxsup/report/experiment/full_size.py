"""Pictures at full size, in a folder beside the page, which links to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from boxsup.catalogue.tables import ImageRow
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import overlay
from boxsup.store.atomic import atomic_write

QUALITY = 85  # of JPEG
GAP = 8  # px between the panels


def write_full_size(folder: Path, rows: Iterable[ImageRow], maps: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write `ID.jpg` of each image: the photograph, its labels in `maps`, its true mask where it has one, side by side.

    The folder appears whole or not at all, in place of one that is there.
    """
    with atomic_write(folder) as partial:
        partial.mkdir()
        for row in tqdm(list(rows), "full size", unit="image", disable=None):
            photo = read_image(row.path)
            panels = [photo, overlay(photo, maps[row.image])]
            if row.mask:
                panels.append(overlay(photo, read_mask(row.mask)))
            Image.fromarray(side_by_side(panels)).save(partial / f"{row.image}.jpg", quality=QUALITY)


def side_by_side(panels: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures H×W×3 of one size in a row, H×(n·W + (n - 1)·GAP)×3, on white."""
    gap = np.full((panels[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)
