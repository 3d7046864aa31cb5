"""Candidates that another tool made, exact to the pixel: MATLAB files of superpixels or JSON files of RLE masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import PLACEHOLDER, ImportedSettings
from boxsup.errors import DataError
from boxsup.image.runs import decode_runs
from boxsup.proposals.imported_json import Masks, ResultsFile, read_masks, read_records
from boxsup.proposals.imported_mat import ImageCandidates, read_mat
from boxsup.proposals.partition import partition
from boxsup.proposals.pool import Pool
from boxsup.proposals.selection import WARM_UP, Proposer, select

PACKAGES = ("scipy",)  # that results depend on


def proposer(settings: ImportedSettings) -> Proposer:
    """Make the method's function of an image and its id; see `boxsup.proposals.methods`.

    The pool holds the candidates of the image's file, best score first, ties in the order of the file: every distinct
    one that is not empty, bit for bit, unless a setting removes it (none does with `min_area` 0, `max_area` 1, `nms` 1
    and enough `max_candidates`). If there is none, it holds the whole image. The function raises a DataError of one
    line if the file is missing, damaged, or belongs to an image of another size.

    Raises:
        DataError: The one file of all images is missing or damaged.
    """
    suffix, per_image = Path(settings.files).suffix, PLACEHOLDER in settings.files
    numbers = Path(settings.images) if settings.images else None
    results = None if per_image else ResultsFile(Path(settings.files), numbers)

    def propose(image: NDArray[np.uint8], image_id: str) -> Pool:
        size = image.shape[0], image.shape[1]
        path = Path(settings.files.replace(PLACEHOLDER, image_id))
        if image_id == WARM_UP:
            return _pool(_example(), size, settings)
        if suffix == ".mat":
            content: Masks | ImageCandidates = read_mat(path, size)
        else:
            content = read_masks(results.records(image_id) if results else read_records(path), size, path)
        try:
            return _pool(content, size, settings)
        except DataError as error:
            raise DataError(f"{path}: image {image_id}: {error}") from error

    return propose


def _pool(content: Masks | ImageCandidates, size: tuple[int, int], settings: ImportedSettings) -> Pool:
    scores = content[-1]
    order = np.argsort(-scores, kind="stable")
    if len(content) == 3:
        return select(content[0], content[1][order], settings, scores[order])
    kept = _fit([content[0][index] for index in order], size, settings)
    labels, matrix = partition([content[0][index] for index in order[kept]], size)
    return select(labels, matrix, settings, scores[order[kept]])


def _fit(masks: list[NDArray[np.int64]], size: tuple[int, int], settings: ImportedSettings) -> list[int]:
    """Return the masks that `select` can keep, in their order, so that the others need not cut the image.

    If nothing is suppressed, only the first `max_candidates` distinct masks of a fit size can be kept.
    """
    first: dict[bytes, int] = {}
    for index, runs in enumerate(masks):
        share = np.diff(runs).sum() / (size[0] * size[1])
        if settings.min_area <= share <= settings.max_area and share > 0:
            first.setdefault(runs.tobytes(), index)
        if settings.nms == 1 and len(first) == settings.max_candidates:
            break
    return list(first.values())


def _example() -> Masks:
    """Return two overlapping masks, so that every loop is compiled."""
    decode_runs({"size": [2, 3], "counts": "06"}, (2, 3), "example")
    return [np.array([[0, 6]]), np.array([[2, 7]])], np.zeros(2)
