"""The Berkeley Segmentation Data Set 500 (Arbelaez et al., PAMI 2011): photographs and people's segmentations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.errors import DataError
from boxsup.image.files import read_image
from boxsup.store.foreign import parse_mat, read_content

WHERE = "the folder `BSDS500/data` of the Berkeley Segmentation Data Set 500"


@dataclass(frozen=True)
class Annotated:
    """A photograph and its annotators' segmentations.

    Attributes:
        name: Id of the image.
        image: H×W×3 uint8 RGB.
        segmentations: A×H×W uint16, each annotator's regions from 1.
        boundaries: A×H×W bool, the boundaries of the regions as the data set gives them, one pixel wide.
    """

    name: str
    image: NDArray[np.uint8]
    segmentations: NDArray[np.uint16]
    boundaries: NDArray[np.bool_]


def image_ids(root: Path, split: str) -> list[str]:
    """List the ids of a split's images, sorted.

    Args:
        root: Folder with `images/{split}/ID.jpg` and `groundTruth/{split}/ID.mat`.
        split: train, val or test.

    Raises:
        DataError: The folder does not exist or holds no annotation.
    """
    folder = root / "groundTruth" / split
    ids = sorted(path.stem for path in folder.glob("*.mat"))
    if not ids:
        raise DataError(f"{folder}: no such folder with .mat files; give {WHERE}")
    return ids


def read_annotated(root: Path, split: str, name: str) -> Annotated:
    """Read one image with its annotations.

    Args:
        root: See `image_ids`.
        split: train, val or test.
        name: The image's id.

    Raises:
        DataError: A file is missing or damaged, or the two are of different sizes.
    """
    image = read_image(root / "images" / split / f"{name}.jpg")
    path = root / "groundTruth" / split / f"{name}.mat"
    segmentations, boundaries = _annotations(path)
    if segmentations.shape != boundaries.shape or segmentations.shape[1:] != image.shape[:2]:
        raise DataError(
            f"{path}: its annotations are {segmentations.shape[1:]} large, the image {image.shape[:2]}; "
            "the two files do not belong together, fetch them again"
        )
    return Annotated(name, image, segmentations, boundaries)


def _annotations(path: Path) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    content = read_content(path, f"give {WHERE}")
    try:
        cells = parse_mat(content, path)["groundTruth"].ravel()
        segmentations = np.stack([cell["Segmentation"][0, 0] for cell in cells]).astype(np.uint16)
        boundaries = np.stack([cell["Boundaries"][0, 0] for cell in cells]) > 0
    except Exception as error:  # a damaged file, or other structs than expected
        raise DataError(
            f"{path}: not a readable annotation of BSDS500 ({type(error).__name__}); fetch the file again"
        ) from error
    return segmentations, boundaries
