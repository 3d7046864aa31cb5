"""Held-out images of the evaluated split: settings are searched on them, and scores are computed on the others.

The paper sets its hyper-parameters on 100 random images of val (section 5) and does not say whether its scores include
them; ours do not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from boxsup.catalogue.tables import Catalogue
from boxsup.errors import ConfigError
from boxsup.evaluation.truth import images_with_masks
from boxsup.near import counted
from boxsup.random import generator

# Set in the environment of jobs by workflow/rules/held_out.smk, since what is added to the inputs or parameters of
# a job that trains, or that it depends on, would make users' networks train again.
ASKED = "BOXSUP_HELD_OUT"


def draw_held_out(catalogue: Catalogue, count: int, seed: int) -> Catalogue:
    """Draw images at random from those that have a true mask; images with an object come first.

    An image without an object cannot tell one setting from another. Whether an image is drawn does not depend on the
    order of the list, and a smaller draw is part of a larger one.

    Args:
        catalogue: The split.
        count: How many images; 0 for none.
        seed: Seed of the draw, not that of a run.

    Returns:
        The part of the split that was drawn, in the order of the split.

    Raises:
        ConfigError: There are not enough images, or none would be left.
        DataError: No image has a true mask.
    """
    if not count:
        return catalogue.subset([])
    images = [row.image for row in images_with_masks(catalogue)]
    _check_count(count, len(images), "validation.held_out")
    shown = set(catalogue.boxes["image"])
    drawn = sorted(images, key=lambda image: (image not in shown, generator(seed, "held out", image).random()))
    return catalogue.subset(drawn[:count])


def evaluated(catalogue: Catalogue, count: int, seed: int) -> Catalogue:
    """Return the split without its held-out images; scores are computed on it."""
    drawn = set(draw_held_out(catalogue, count, seed).ids)
    return catalogue.subset([image for image in catalogue.ids if image not in drawn]) if drawn else catalogue


def asked_held_out(asked: Mapping[str, Mapping[str, int]]) -> str:
    """What a workflow says in the environment of its jobs, as JSON, so that `check_asked` tells before any training.

    Args:
        asked: For the folder of a split's tables, the settings that hold images out and how many each does.
    """
    return json.dumps(asked)


def check_asked(catalogue: Catalogue, folder: Path) -> None:
    """Refuse tables of which a workflow will hold out too many images.

    Args:
        catalogue: The split.
        folder: The folder of its tables.

    Raises:
        ConfigError: There are not enough images with a true mask, or none would be left.
    """
    asked = json.loads(os.environ.get(ASKED) or "{}").get(str(folder), {})
    masked = sum(bool(row.mask) for row in catalogue.rows()) if asked else 0
    for where, count in asked.items():
        _check_count(count, masked, f"config: {where}")


def _check_count(count: int, masked: int, where: str) -> None:
    if count >= masked:
        advice = "hold out fewer, so that some are left to evaluate on" if masked > 1 else "set it to 0"
        raise ConfigError(f"{where}: {counted(count, 'image')}, and the split has {masked} with a true mask; {advice}")
