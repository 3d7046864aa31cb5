"""COCO's run-length encoding of masks (RLE): made by pycocotools, and decoded to the runs of pixels of the mask.

The tests compare the decoder with that of pycocotools, which is not used because it returns uninitialised memory if the
runs end before the image does, so a damaged file would become a candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from boxsup.errors import DataError
from boxsup.image.packed import PackedMask
from boxsup.machine.compiled import compiled

FIRST, LAST = ord("0"), ord("o")  # the 64 characters of a compressed string: 5 bits, and whether more follow
BITS = frozenset({"0", "1", "0.0", "1.0", "False", "True"})  # pixels of a mask that is an array, in JSON
MAX_BITS = 50  # of one number: far more than a run's length, far less than the 64 of an integer


def decode_runs(segmentation: Any, size: tuple[int, int], where: str) -> NDArray[np.int64]:  # noqa: ANN401 - JSON
    """Decode a mask in COCO's run-length encoding.

    Args:
        segmentation: A mapping of `size`, [height, width], and `counts`: the lengths of runs of 0 and 1 in turn,
            beginning with 0, in column-major order, as a list or as pycocotools' compressed string.
        size: Height and width of the image in pixels.
        where: What to call the mask in an error.

    Returns:
        K×2 start and end of each run of ones, half-open, in column-major order. No run is empty and no two touch, so
        equal masks have equal runs.

    Raises:
        DataError: It is not RLE, its size is not the image's, or its runs do not fill the image.

    >>> decode_runs({"size": [2, 3], "counts": [1, 2, 3]}, (2, 3), "mask")
    array([[1, 3]])
    """
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= set(segmentation):
        raise DataError(
            f"{where}: expected a segmentation with size and counts (RLE), got {_short(segmentation)}; "
            f"{_advice(segmentation)}"
        )
    if segmentation["size"] != list(size):
        raise DataError(
            f"{where}: expected a mask of size {list(size)} (height, width), that of the image, got "
            f"{_short(segmentation['size'])}; the masks must belong to these images, "
            "which `megapixels` of the data set must not reduce"
        )
    counts = _counts(segmentation["counts"])
    pixels = size[0] * size[1]
    # Since each is bounded, their sum does not overflow.
    if counts is None or not ((counts >= 0) & (counts <= pixels)).all() or counts.sum() != pixels:
        raise DataError(
            f"{where}: counts are not run lengths that fill {size[0]}×{size[1]} pixels; the file is damaged, "
            "make it again"
        )
    return _intervals(counts)


def runs_of(mask: NDArray[np.bool_] | PackedMask) -> dict[str, Any]:
    """A mask (H×W) as `size` and `counts` of COCO's compressed runs; a packed one costs what its box costs.

    >>> runs_of(np.array([[True, False]]))
    {'size': [1, 2], 'counts': '011'}
    """
    packed = PackedMask.of(mask)
    height, width = (int(side) for side in packed.shape)
    (rows, columns), inside = packed.window
    apart = np.zeros((inside.shape[1], inside.shape[0] + 1), np.bool_)  # a zero ends each column
    apart[:, :-1] = inside.T
    x, y = np.divmod(np.flatnonzero(np.diff(apart.ravel(), prepend=False)), apart.shape[1])
    edges = (columns.start + x) * height + rows.start + y  # in column-major order: where a run begins, where it ends
    joined = np.flatnonzero(edges[1:-1:2] == edges[2::2])  # runs that go on in the next column
    edges = np.delete(edges, np.concatenate([2 * joined + 1, 2 * joined + 2]))
    lengths = np.diff(edges, prepend=0, append=height * width)
    counts = lengths if lengths[-1] or len(lengths) == 1 else lengths[:-1]
    runs = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": runs["counts"].decode("ascii")}


def packed_runs(segmentation: dict[str, Any], size: tuple[int, int], where: str) -> PackedMask:
    """Decode a mask in COCO's run-length encoding, with the arguments and errors of `decode_runs`.

    >>> packed_runs({"size": [1, 2], "counts": "011"}, (1, 2), "mask").box
    (0, 0, 1, 1)
    """
    intervals = decode_runs(segmentation, size, where)
    if not len(intervals):
        return PackedMask(size)
    height = size[0]
    left, right = int(intervals[0, 0]) // height, (int(intervals[-1, 1]) - 1) // height + 1
    flat = np.zeros((right - left) * height, np.bool_)
    for first, last in intervals - left * height:
        flat[first:last] = True
    return PackedMask.within(size, (0, left), flat.reshape(-1, height).T)


def _counts(counts: Any) -> NDArray[np.int64] | None:  # noqa: ANN401 - JSON
    """The lengths of the runs; None if `counts` is damaged."""
    if isinstance(counts, str):
        try:
            lengths = _uncompressed(np.frombuffer(counts.encode("ascii"), np.uint8))
        except UnicodeEncodeError:
            return None
        return lengths if len(lengths) else None
    if not isinstance(counts, list) or not all(type(count) is int and 0 <= count < 2**MAX_BITS for count in counts):
        return None
    return np.array(counts, np.int64)


@compiled
def _uncompressed(text: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The numbers of a compressed string; empty if it is damaged.

    Each number is in two's complement, with 5 bits per character, the lowest first. From the fourth number on, the
    string has the difference from the number two before it.
    """
    counts, filled = np.zeros(len(text), np.int64), 0
    value, bits = np.int64(0), np.int64(0)
    for character in text:
        if not FIRST <= character <= LAST or bits > MAX_BITS:
            return counts[:0].copy()
        part = np.int64(character) - FIRST
        value |= (part & 31) << bits
        bits += 5
        if part & 32:
            continue
        if part & 16:
            value -= np.int64(1) << bits
        counts[filled] = value + (counts[filled - 2] if filled > 2 else 0)
        filled += 1
        value, bits = np.int64(0), np.int64(0)
    return counts[: filled if bits == 0 else 0].copy()


def _intervals(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    edges = np.cumsum(counts)
    edges = edges[: len(edges) // 2 * 2].reshape(-1, 2)
    edges = edges[edges[:, 0] < edges[:, 1]]
    apart = edges[1:, 0] != edges[:-1, 1]
    return np.stack([edges[np.r_[True, apart][: len(edges)], 0], edges[np.r_[apart, True][: len(edges)], 1]], axis=1)


def _advice(segmentation: Any) -> str:  # noqa: ANN401 - JSON
    """How to make RLE from what was found instead: an array of pixels, or polygons."""
    array = isinstance(segmentation, dict) and {"data", "shape"} <= set(segmentation)
    rows = segmentation if isinstance(segmentation, list) else []
    if array or (rows and all(isinstance(row, list) and set(map(str, row)) <= BITS for row in rows)):
        return "an array of pixels; pycocotools.mask.encode(numpy.asfortranarray(mask, numpy.uint8)) makes RLE from it"
    return "pycocotools.mask.frPyObjects makes RLE from polygons"


def _short(value: Any) -> str:  # noqa: ANN401 - JSON
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
