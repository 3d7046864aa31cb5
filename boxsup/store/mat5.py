"""The form of MATLAB's files of version 5 to 7, checked before SciPy reads them.

SciPy looks up the types of elements in a table without asking whether they are in it, recurses as deep as a file says,
and allocates what it claims: a damaged file ends the process and not in an error. What passes here is read by it.
"MAT-File Format" (MathWorks) has the layout: elements of a tag and its data, matrices of elements again.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

HEADER = 128  # bytes of a file before its elements
MATRIX, COMPRESSED = 14, 15
TYPES = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, MATRIX, COMPRESSED, 16, 17, 18}
CELL, STRUCT, OBJECT, SPARSE = 1, 2, 3, 5  # classes of arrays whose size does not show in the bytes of their data
MAX_DEPTH = 16  # matrices within matrices
MAX_BYTES = 2**28  # of a variable
MAX_DIMENSIONS = 32  # of NumPy's older releases, and SciPy


def decompress_mat5(content: bytes) -> bytes:
    """A file of version 5 with its variables uncompressed.

    Raises:
        ValueError: It is of another version, or an element is cut off, of no known type, too deep or too large.
    """
    mark = content[126:HEADER]
    if mark not in (b"IM", b"MI"):
        raise ValueError("no MATLAB file of version 5 to 7")
    order = "<" if mark == b"IM" else ">"
    parts = [content[:HEADER]]
    for kind, start, end, following in _elements(content, HEADER, len(content), order):
        variable = _uncompressed(content[start + 8 : end]) if kind == COMPRESSED else content[start:following]
        for inner, first, last, _ in _elements(variable, 0, len(variable), order):
            if inner == COMPRESSED:
                raise ValueError("compressed data within compressed data")
            if inner == MATRIX:
                _check_matrix(variable, first + 8, last, order, 1)
        parts.append(variable)
    return b"".join(parts)


def _uncompressed(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"compressed data are damaged ({error})") from error
    if not stream.eof:
        raise ValueError(f"compressed data are cut off, or of more than {MAX_BYTES:,} bytes")
    return content


def _elements(content: bytes, start: int, stop: int, order: str) -> Iterator[tuple[int, int, int, int]]:
    """Type, start of the tag, end of the data and start of what follows of each element."""
    while start < stop:
        if start + 8 > stop:
            raise ValueError("an element is cut off")
        kind, size = struct.unpack_from(f"{order}II", content, start)
        if kind >> 16:  # a small element: its size and type in four bytes, its data in the next four
            kind, size, end = kind & 0xFFFF, kind >> 16, start + 8
            following = end
            if size > 4:
                raise ValueError("a small element claims more than 4 bytes")
        else:
            end = start + 8 + size
            following = end if kind == COMPRESSED else end + -end % 8
        if kind not in TYPES:
            raise ValueError(f"an element is of the unknown type {kind}")
        if end > stop:
            raise ValueError("an element is cut off")
        yield kind, start, end, min(following, stop)
        start = following


def _check_matrix(content: bytes, start: int, stop: int, order: str, depth: int) -> None:
    """Check the elements of a matrix, and of those in it."""
    if depth > MAX_DEPTH:
        raise ValueError(f"matrices are nested more than {MAX_DEPTH} deep")
    elements = list(_elements(content, start, stop, order))
    if len(elements) >= 2:
        _, flags, end, _ = elements[0]
        kind = struct.unpack_from(f"{order}I", content, flags + 8)[0] & 0xFF if end - flags >= 16 else 0
        _, place, end, _ = elements[1]
        dimensions = struct.unpack_from(f"{order}{(end - place - 8) // 4}i", content, place + 8)
        most = MAX_BYTES // 8 if kind == SPARSE else stop - start
        if kind in (CELL, STRUCT, OBJECT, SPARSE) and not 0 <= math.prod(dimensions) <= most:
            raise ValueError(f"an array claims {'×'.join(map(str, dimensions))} elements")
        if len(dimensions) > MAX_DIMENSIONS or min(dimensions, default=0) < 0:
            raise ValueError("an array's dimensions are none")
    for kind, place, end, _ in elements:
        if kind == COMPRESSED:
            raise ValueError("compressed data within a matrix")
        if kind == MATRIX:
            _check_matrix(content, place + 8, end, order, depth + 1)
