"""BoxSup: semantic segmentation learned from bounding boxes (Dai, He, Sun; ICCV 2015)."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from boxsup.version import VERSION as __version__

if TYPE_CHECKING:
    from boxsup.inference.model import Model
    from boxsup.masking.from_python import Masker
    from boxsup.store.labels import Labels

__all__ = ["Masker", "__version__", "load", "open_labels"]


def __getattr__(name: str) -> object:
    """`boxsup.Masker`, a class, is imported when it is first asked for, since torch takes seconds."""
    if name == "Masker":
        from boxsup.masking.from_python import Masker

        return Masker
    raise AttributeError(f"module 'boxsup' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "Masker"]


def load(path: str | PathLike[str], threads: int | None = None) -> Model:
    """Open a trained model: `boxsup.load(path).predict(image)`.

    A GPU is used if there is one. Nothing in a checkpoint is run as code.

    Args:
        path: A checkpoint, such as `results/EXPERIMENT/seed-0/epochs/NNN/model.pt`, or the folder of a run or an
            experiment, for the epoch that its page shows; or what `boxsup export --format safetensors` or `hub` wrote.
        threads: Threads of torch on the CPU; the last bits of scores depend on their number. None: torch's own choice.

    Raises:
        StoreError: The file is missing, damaged or not a checkpoint of boxsup.
    """
    from boxsup.inference.model import Model  # importing torch takes seconds

    return Model(path, threads)


def open_labels(path: str | PathLike[str]) -> Labels:
    """Open a store of label maps: a generation of pseudo-masks, fixed masks or predictions.

    Args:
        path: A `.zarr` folder under `results/`.

    Returns:
        A mapping from image id to H×W uint8 label map (0 background, 1…C-1 classes, 255 void).

    Raises:
        StoreError: `path` is not a store of label maps.
    """
    from boxsup.store.labels import Labels  # importing zarr takes 0.3 s

    return Labels(path)
