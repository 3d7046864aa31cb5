"""BoxSup: semantic segmentation learned from bounding boxes (Dai, He, Sun; ICCV 2015)."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boxsup.store.labels import Labels

__version__ = "0.1.0"

__all__ = ["__version__", "open_labels"]


def open_labels(path: str | PathLike[str]) -> Labels:
    """Open a store of label maps: a generation of pseudo-masks, fixed masks or predictions.

    Args:
        path: A `.zarr` folder under `results/`.

    Returns:
        A mapping from image id to its H×W uint8 label map (0 background, 1…C-1 classes, 255 void).

    Raises:
        StoreError: `path` is not a store of label maps.
    """
    from boxsup.store.labels import Labels  # zarr costs 0.3 s that most stages' start need not pay

    return Labels(path)
