"""BoxSup: semantic segmentation learned from bounding boxes (Dai, He, Sun; ICCV 2015)."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boxsup.inference.model import Model
    from boxsup.store.labels import Labels

__version__ = "0.1.0"

__all__ = ["__version__", "load", "open_labels"]


def load(path: str | PathLike[str], threads: int | None = None) -> Model:
    """Open a trained model: `boxsup.load(path).predict(image)`.

    Args:
        path: A checkpoint, `epochs/E/model.pt` under `results/`, or the folder of a run, whose last epoch counts; it
            carries the network, its classes and how it takes images. Nothing in it is run as code.
        threads: Of torch on the CPU, on which the last bits of scores depend; None leaves torch as it is. A GPU is used
            where there is one.

    Raises:
        StoreError: The file is missing, damaged or no checkpoint of boxsup.
    """
    from boxsup.inference.model import Model  # torch costs seconds that most stages need not pay

    return Model(path, threads)


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
