"""Masks for the boxes of an image by a trained network: one generation of the update, with each mask's quality."""

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
from boxsup.labels.generation import LabelUpdate
from boxsup.masking.quality import Measures, measure_mask
from boxsup.proposals.pool import Pool


@packed
@dataclass(frozen=True, eq=False)
class BoxMask:
    """The mask of a box.

    Attributes:
        pixels: H×W, true only in the box.
        rectangle: Whether the mask is the box's rectangle, because no candidate fits.
        measures: What the quality of the mask is judged by.
    """

    pixels: NDArray[np.bool_]
    rectangle: bool
    measures: Measures


def check_update(settings: UpdateSettings) -> None:
    """Raise a ConfigError unless the update draws nothing and uses the costs that the quality score was fitted to."""
    for key, expected in (("k", 1), ("overlap", "coverage"), ("regression", "agreement"), ("clip", True)):
        if getattr(settings, key) != expected:
            raise ConfigError(f"defaults.update.{key}: `boxsup masks` knows the quality of masks with {expected} only")


def masks_of_boxes(
    image: str, pool: Pool, boxes: pd.DataFrame, log_probabilities: NDArray[np.float32], settings: UpdateSettings
) -> list[BoxMask | None]:
    """Let each box of an image choose its candidate, as the update does with a network.

    Args:
        image: Id of the image.
        pool: Candidates of the image.
        boxes: The image's B rows of the catalogue's table of boxes.
        log_probabilities: C×H×W natural logarithms from the network.
        settings: Settings of the update; see `check_update`.

    Returns:
        B masks; None for a box that labels nothing: crowds, and difficult boxes unless `difficult` is "use".
    """
    if boxes.empty:
        return []
    corners, class_ids = corners_of(boxes), boxes["label"].to_numpy(np.int64)
    update = LabelUpdate(
        {image: pool},
        {image: box_iou(corners, pool.boxes)},
        lambda _, class_ids: log_probabilities[class_ids],
        settings,
        0,
        0,
    )
    _, height, width = log_probabilities.shape
    choices = update.labels(image, height, width, boxes).choices
    return [
        _mask(pool, box, int(class_id), choice, log_probabilities)
        for box, class_id, choice in zip(corners, class_ids, choices, strict=True)
    ]


def _mask(
    pool: Pool, box: NDArray[np.int64], class_id: int, choice: Choice, log_probabilities: NDArray[np.float32]
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
    if choice.chosen == Chosen.RECTANGLE or not pixels.any():  # a candidate may lie wholly outside the box
        pixels[window] = True
        return BoxMask(pixels, True, measure_mask(pixels, box, class_id, log_probabilities))
    rank = int(np.flatnonzero(choice.best == choice.chosen)[0])
    costs = (float(choice.expected_iou[rank]), float(choice.regression[rank]), float(choice.overlap[rank]))
    return BoxMask(pixels, False, measure_mask(pixels, box, class_id, log_probabilities, costs))
