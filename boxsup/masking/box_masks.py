"""Masks for the boxes of an image by a trained network: one generation of the update, box by box, with its quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import corners_of
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError
from boxsup.image.boxes import box_iou
from boxsup.image.packed import packed
from boxsup.labels.choice import Choice, Chosen
from boxsup.labels.generation import Update
from boxsup.masking.quality import Measures, measure
from boxsup.proposals.pool import Pool


@packed
@dataclass(frozen=True, eq=False)
class BoxMask:
    """What a box became.

    Attributes:
        pixels: H×W, in the box.
        rectangle: Whether it is the box's rectangle, since no candidate fits.
        measures: What is known of it.
    """

    pixels: NDArray[np.bool_]
    rectangle: bool
    measures: Measures


def check_update(settings: UpdateSettings) -> None:
    """Raise a ConfigError unless an update's costs are those that quality is known of, and nothing is drawn."""
    for key, expected in (("k", 1), ("overlap", "coverage"), ("regression", "agreement"), ("clip", True)):
        if getattr(settings, key) != expected:
            raise ConfigError(f"defaults.update.{key}: `boxsup masks` knows the quality of masks with {expected} only")


def masks_of_boxes(
    image: str, pool: Pool, boxes: pd.DataFrame, log_probabilities: NDArray[np.float32], settings: UpdateSettings
) -> list[BoxMask | None]:
    """Let each box of an image choose its candidate as the update does, asking the network.

    Args:
        image: Its id.
        pool: Its candidates.
        boxes: B rows of the catalogue's table of boxes.
        log_probabilities: C×H×W natural logarithms.
        settings: Of the update; see `check_update`.

    Returns:
        B masks; None for a box that supervises nothing: crowds, and difficult boxes unless `difficult` is "use".
    """
    if boxes.empty:
        return []
    corners, labels = corners_of(boxes), boxes["label"].to_numpy(np.int64)
    update = Update(
        {image: pool},
        {image: box_iou(corners, pool.boxes)},
        lambda _, wanted: log_probabilities[wanted],
        settings,
        0,
        0,
    )
    _, height, width = log_probabilities.shape
    choices = update.labels(image, height, width, boxes).choices
    return [
        _mask(pool, box, int(label), choice, log_probabilities)
        for box, label, choice in zip(corners, labels, choices, strict=True)
    ]


def _mask(
    pool: Pool, box: NDArray[np.int64], label: int, choice: Choice, log_probabilities: NDArray[np.float32]
) -> BoxMask | None:
    x0, y0, x1, y1 = box
    pixels = np.zeros(log_probabilities.shape[1:], np.bool_)
    window = np.s_[y0:y1, x0:x1]
    if choice.chosen >= 0:
        pixels[window] = pool.mask(choice.chosen)[window]
    elif choice.chosen == Chosen.RECTANGLE:
        pixels[window] = True
    else:
        return None
    if choice.chosen == Chosen.RECTANGLE or not pixels.any():  # a candidate that is all outside of its box
        pixels[window] = True
        return BoxMask(pixels, True, measure(pixels, box, label, log_probabilities))
    place = int(np.flatnonzero(choice.best == choice.chosen)[0])
    costs = (float(values[place]) for values in (choice.expected_iou, choice.regression, choice.overlap))
    expected, regression, overlap = costs
    return BoxMask(pixels, False, measure(pixels, box, label, log_probabilities, (expected, regression, overlap)))
