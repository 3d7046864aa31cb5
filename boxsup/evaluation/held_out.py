"""Held-out images of the evaluated split: settings are searched on them, and scores are computed on the others.

The paper sets its hyper-parameters on 100 random images of val (section 5) and does not say whether its scores include
them; ours do not.
"""

from __future__ import annotations

from boxsup.catalogue.tables import Catalogue
from boxsup.errors import ConfigError
from boxsup.evaluation.truth import images_with_masks
from boxsup.random import generator


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
    if count >= len(images):
        raise ConfigError(f"validation.held_out: {count} images, and the split has {len(images)} with a true mask; "
                          "hold out fewer, so that some are left to evaluate on")  # fmt: skip
    shown = set(catalogue.boxes["image"])
    drawn = sorted(images, key=lambda image: (image not in shown, generator(seed, "held out", image).random()))
    return catalogue.subset(drawn[:count])


def evaluated(catalogue: Catalogue, count: int, seed: int) -> Catalogue:
    """Return the split without its held-out images; scores are computed on it."""
    drawn = set(draw_held_out(catalogue, count, seed).ids)
    return catalogue.subset([image for image in catalogue.ids if image not in drawn]) if drawn else catalogue
