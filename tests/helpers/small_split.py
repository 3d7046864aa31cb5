"""A few drawn pictures with their labels on disk: a red disc (1) or a blue square (2) on grey, void around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.store.labels import labels_writer

CLASSES = ("background", "disc", "square")
COLOURS = {1: (220, 40, 40), 2: (40, 60, 220)}


def draw(seed: int, height: int = 48, width: int = 56) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture H×W×3 and its labels H×W."""
    random = np.random.default_rng(seed)
    label, radius = 1 + seed % 2, 11
    y, x = random.integers(radius + 3, [height - radius - 3, width - radius - 3])
    rows, columns = np.mgrid[:height, :width]
    gaps = np.abs(rows - y), np.abs(columns - x)
    distance = np.hypot(*gaps) if label == 1 else np.maximum(*gaps)
    labels = np.select([distance <= radius, distance <= radius + 1], [label, 255], 0).astype(np.uint8)
    image = np.full((height, width, 3), 120.0)
    image[distance <= radius] = COLOURS[label]
    return (image + random.normal(0, 12, image.shape)).clip(0, 255).astype(np.uint8), labels


def write_split(folder: Path, count: int) -> tuple[Path, Path]:
    """`count` pictures of different sizes: the folder of their catalogue and the store of their labels."""
    rows, maps = [], []
    (folder / "images").mkdir(parents=True)
    for number in range(count):
        image, labels = draw(number, 44 + 3 * number, 60 - 2 * number)
        path = folder / "images" / f"{number:03d}.png"
        Image.fromarray(image).save(path)
        rows.append((path.stem, str(path), *labels.shape, "", ""))
        maps.append(labels)
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    catalogue = Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), CLASSES)
    write_catalogue(folder / "catalogue", catalogue)
    with labels_writer(folder / "labels.zarr", catalogue.ids, catalogue.sizes, {}) as writer:
        for image_id, labels in zip(catalogue.ids, maps, strict=True):
            writer.append(image_id, labels=labels)
    return folder / "catalogue", folder / "labels.zarr"
