"""Candidates of large images: found at a working size, and carried to the image's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.image.enlarging import enlarged
from boxsup.image.scaling import reduced, working_size_of
from boxsup.proposals.pool import Pool
from boxsup.proposals.regions import raster_order, renumbered
from boxsup.proposals.selection import Proposer


def at_working_size(propose: Proposer, megapixels: float) -> Proposer:
    """Make a method that works on at most so many megapixels of an image, whose pool has the size of the image.

    An image that has no more is given to `propose` as it is.
    """

    def propose_reduced(image: NDArray[np.uint8], image_id: str) -> Pool:
        size = working_size_of(image, megapixels)
        if size == image.shape[:2]:
            return propose(image, image_id)
        return at_size_of(propose(reduced(image, *size), image_id), image)

    return propose_reduced


def at_size_of(pool: Pool, image: NDArray[np.uint8]) -> Pool:
    """Carry the candidates of a reduced image to the image itself; see `boxsup.image.enlarging`.

    Args:
        pool: N candidates of the h×w image.
        image: H×W×3 uint8 RGB, H ≥ h and W ≥ w.

    Returns:
        The same N candidates and R superpixels on H×W pixels.
    """
    superpixels = enlarged(pool.superpixels, image)
    number = raster_order(superpixels, pool.regions)  # their first pixels may come in another order now
    members = np.empty_like(pool.members)
    members[number] = pool.members
    return Pool(renumbered(superpixels, number), members, pool.scores)
