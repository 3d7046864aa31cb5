"""Pictures at full size, in a folder beside the page, which links to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.machine.bars import tqdm
from boxsup.report.shared.pictures import Picture, side_by_side
from boxsup.store.atomic import atomic_write

QUALITY = 85  # of JPEG
TRAINING = "training"  # the folder of training images
TEXT = 14  # px, the least height of names of boxes


def write_full_size(
    folder: Path,
    rows: Iterable[ImageRow],
    predictions: Mapping[str, NDArray[np.uint8]],
    train: Catalogue,
    training: Collection[str],
    labels: Mapping[str, NDArray[np.uint8]],
) -> None:
    """Write `ID.jpg` for each evaluated image: photograph, prediction and, if there is one, true mask, side by side.

    `training/ID.jpg` shows the same of training images, with the labels in place of the prediction, and with the boxes
    on the photograph. The folder appears whole or not at all and replaces an older one.

    Args:
        folder: The folder to write.
        rows: The evaluated images in the catalogue.
        predictions: The predicted label map of each image, H×W, by image id.
        train: The training split.
        training: Ids of the training images.
        labels: The label map of each training image, H×W, by image id.
    """
    wanted = [row for row in train.rows() if row.image in set(training)]
    with atomic_write(folder) as partial:
        partial.mkdir()
        (partial / TRAINING).mkdir()
        for row in tqdm(list(rows), "full size", unit="image", disable=None):
            _write(partial / f"{row.image}.jpg", row, predictions[row.image], None)
        for row in tqdm(wanted, "full size", unit="image", disable=None):
            _write(partial / TRAINING / f"{row.image}.jpg", row, labels[row.image], train)


def _write(path: Path, row: ImageRow, labels: NDArray[np.uint8], boxed: Catalogue | None) -> None:
    """Write the panels of one image; with the boxes of a catalogue on its photograph, if there is one."""
    photo = row.photo()
    label_maps = [labels, *([row.true_mask()] if row.mask else [])]
    first = Picture(photo, photo.shape[:2])
    if boxed is not None:
        boxes = boxed.boxes_of(row.image)
        class_ids = boxes["label"].astype(int).tolist()
        names = [boxed.classes[class_id] for class_id in class_ids]
        first.add_boxes(corners_of(boxes), class_ids, names, max(TEXT, min(photo.shape[:2]) // 40))
    panels = [first.image, *(_with_labels(photo, each) for each in label_maps)]
    side_by_side(panels).save(path, quality=QUALITY)


def _with_labels(photo: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Image.Image:
    picture = Picture(photo, photo.shape[:2])
    picture.add_labels(labels)
    return picture.image
