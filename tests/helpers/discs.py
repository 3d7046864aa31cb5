"""Pictures whose boundaries are known, and files as BSDS500 has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat


def disc(size: int = 96, centre: int = 40, radius: int = 22) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc on a dark ground, and its regions, 1 outside and 2 inside."""
    y, x = np.mgrid[:size, :size]
    inside = (y - centre) ** 2 + (x - centre) ** 2 < radius**2
    image = np.where(inside[..., None], np.uint8([230, 180, 60]), np.uint8([20, 60, 90]))
    return image, inside.astype(np.uint16) + 1


def boundaries_of(regions: np.ndarray) -> np.ndarray:
    """As BSDS500 draws them: a pixel whose right or lower neighbour is in another region."""
    edges = np.zeros(regions.shape, np.uint8)
    edges[:, :-1] |= regions[:, 1:] != regions[:, :-1]
    edges[:-1] |= regions[1:] != regions[:-1]
    return edges


def write_annotations(path: Path, maps: list[np.ndarray]) -> None:
    cells = np.empty((1, len(maps)), object)
    for i, regions in enumerate(maps):
        cells[0, i] = {"Segmentation": regions, "Boundaries": boundaries_of(regions)}
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"groundTruth": cells})
