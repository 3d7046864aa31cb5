"""Images of the evaluated split that are held out: settings are searched on them, and scores are of the others.

The paper sets its hyper-parameters on 100 random images of val (section 5), and does not say whether its scores count
them; ours do not.
"""

from __future__ import annotations

from boxsup.catalogue.tables import Catalogue
from boxsup.errors import ConfigError
from boxsup.evaluation.truth import with_masks
from boxsup.random import generator


def draw_held_out(catalogue: Catalogue, count: int, seed: int) -> Catalogue:
    """Images drawn at random from those that have a true mask, in the order of the split; first those with an object.

    An image without an object tells no setting from another. Whether an image is drawn does not depend on the order of
    the list, and a smaller draw is part of a greater one.

    Args:
        catalogue: The split.
        count: How many; 0 for none.
        seed: Of the draw; another than that of a run.

    Raises:
        ConfigError: There are not so many, or none would be left.
        DataError: No image has a true mask.
    """
    if not count:
        return catalogue.subset([])
    images = [row.image for row in with_masks(catalogue)]
    if count >= len(images):
        raise ConfigError(f"validation.held_out: {count} images, and the split has {len(images)} with a true mask; "
                          "hold out fewer, so that some are left to evaluate on")  # fmt: skip
    shown = set(catalogue.boxes["image"])
    drawn = sorted(images, key=lambda image: (image not in shown, generator(seed, "held out", image).random()))
    return catalogue.subset(drawn[:count])


def evaluated(catalogue: Catalogue, count: int, seed: int) -> Catalogue:
    """The split without its held-out images: what scores are over."""
    drawn = set(draw_held_out(catalogue, count, seed).ids)
    return catalogue.subset([image for image in catalogue.ids if image not in drawn]) if drawn else catalogue
