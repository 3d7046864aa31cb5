"""MATLAB files of candidates, as MCG, SCG and COB write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from boxsup.errors import DataError
from boxsup.store.foreign import parse_mat, read_content

STRUCTS = ("proposals", "candidates")  # the variables that may hold the others as fields
ImageCandidates = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]


def read_mat(path: Path, size: tuple[int, int]) -> ImageCandidates:
    """Read the candidates of a MATLAB file of version 5 to 7.

    They are in the variables `superpixels`, `labels` and, optionally, `scores` (MCG's and SCG's `im2mcg_all` and the
    proposals published with them), or in fields of these names of a struct `proposals` (COB's `im2cob_all`) or
    `candidates` (the outputs of `im2mcg`, saved whole). `superpixels` is H×W numbers from 1. `labels` is one of

    - cells, N×1 or 1×N, each a vector of superpixel numbers: what MCG, SCG and COB write;
    - a matrix of numbers, N×L, rows padded with 0: what MCG's own evaluation makes of them;
    - a logical matrix, N×S, or one of only 0 and 1: whether candidate n holds superpixel s.

    `scores` has N numbers; without it, the candidates are in order, best first. `bboxes`, `masks` and others are
    ignored.

    Args:
        path: The file.
        size: Height and width of the image in pixels.

    Returns:
        H×W int64 superpixels 0…S-1, every one present; N×S membership; N scores, in the order of the file.

    Raises:
        DataError: The file is missing, damaged, of version 7.3, lacks a variable or does not fit the image.
    """
    fields = _fields(path)
    for name in ("superpixels", "labels"):
        if name not in fields:
            raise DataError(
                f"{path}: expected the variables superpixels and labels, as of MCG, got {', '.join(fields) or 'none'}"
            )
    ids, superpixels = _superpixels(fields["superpixels"], size, path)
    matrix = _membership(fields["labels"], ids, path)
    return superpixels, matrix, _scores(fields.get("scores"), len(matrix), path)


def _fields(path: Path) -> dict[str, Any]:
    content = read_content(path, "make the image's candidates, or correct settings.files")
    # With MATLAB's own types, a logical matrix can be told from one of numbers.
    fields = {name: _dense(value) for name, value in parse_mat(content, path, matlab_types=True).items()}
    for name in STRUCTS:
        struct = fields.get(name)
        if struct is not None and struct.dtype.names and struct.size == 1:
            return {field: _dense(struct[field].item()) for field in struct.dtype.names}
    return fields


def _dense(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    return value.toarray() if issparse(value) else value


def _superpixels(
    values: NDArray[Any], size: tuple[int, int], path: Path
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the S superpixel numbers of the file, rising, and the index among them of each pixel's number, H×W."""
    if values.shape != size:
        hint = "transposed; " if values.shape == size[::-1] else ""
        raise DataError(
            f"{path}: expected superpixels of {size[0]}×{size[1]} (height, width), those of the image, got "
            f"{'×'.join(map(str, values.shape))}; {hint}make the candidates from these very images, "
            "which `megapixels` of the data set must not reduce"
        )
    numbers = _numbers(values, "superpixels", path)
    if numbers.min() < 1:
        raise DataError(
            f"{path}: superpixels: expected numbers from 1, as MATLAB counts, got {numbers.min()}; add 1 to them and "
            "to labels if they count from 0"
        )
    ids, indices = np.unique(numbers, return_inverse=True)
    return ids, indices.reshape(size).astype(np.int64)


def _membership(labels: NDArray[Any], ids: NDArray[np.int64], path: Path) -> NDArray[np.bool_]:
    """Return N×S membership, from any of the layouts of `labels`; see `read_mat`."""
    if labels.dtype == object:
        return _of_lists([_numbers(cell, "labels", path).ravel() for cell in labels.ravel()], ids, path)
    if labels.ndim != 2:
        raise DataError(f"{path}: labels: expected cells or a matrix, got an array of {labels.ndim} dimensions")
    numbers = _numbers(labels, "labels", path)
    fits = labels.shape[1] == ids[-1]
    if labels.dtype == np.bool_ and not fits:
        raise DataError(
            f"{path}: labels: expected {ids[-1]} columns, one per superpixel, got {labels.shape[1]}; a row of a "
            "logical matrix says which superpixels a candidate holds"
        )
    # Read as superpixel numbers, such rows of 0 and 1 would name superpixel 1 over and over.
    zeros_and_ones = fits and ids[-1] > 1 and numbers.size and numbers.min() >= 0 and numbers.max() <= 1
    if labels.dtype == np.bool_ or zeros_and_ones:
        return numbers[:, ids - 1] > 0
    return _of_lists([row[row != 0] for row in numbers], ids, path)


def _of_lists(lists: list[NDArray[np.int64]], ids: NDArray[np.int64], path: Path) -> NDArray[np.bool_]:
    """Return N×S membership, from the superpixel numbers of each candidate."""
    rows = np.repeat(np.arange(len(lists)), [len(numbers) for numbers in lists])
    flat = np.concatenate([*lists, np.zeros(0, np.int64)])
    columns = np.minimum(np.searchsorted(ids, flat), len(ids) - 1)
    wrong = np.flatnonzero(ids[columns] != flat)
    if len(wrong):
        raise DataError(
            f"{path}: labels: candidate {rows[wrong[0]] + 1} names superpixel {flat[wrong[0]]}, which no pixel has; "
            f"superpixels go from {ids[0]} to {ids[-1]}: take both from the same file"
        )
    matrix = np.zeros((len(lists), len(ids)), np.bool_)
    matrix[rows, columns] = True
    return matrix


def _scores(scores: NDArray[Any] | None, count: int, path: Path) -> NDArray[np.float64]:
    if scores is None:
        return -np.arange(count, dtype=np.float64)
    if scores.size != count or scores.dtype.kind not in "buif" or not np.isfinite(scores).all():
        raise DataError(
            f"{path}: scores: expected {count} finite numbers, one per candidate, got {scores.size} of type "
            f"{scores.dtype}"
        )
    return scores.ravel().astype(np.float64)


def _numbers(values: NDArray[Any], name: str, path: Path) -> NDArray[np.int64]:
    """Return whole numbers as int64, whatever type MATLAB stored them in."""
    if values.dtype.kind not in "buif" or not (np.isfinite(values) & (values == np.round(values))).all():
        raise DataError(f"{path}: {name}: expected whole numbers as in MCG's files, got others, of type {values.dtype}")
    return values.astype(np.int64)
