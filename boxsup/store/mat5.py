"""Checks the form of MATLAB's files of version 5 to 7 before SciPy reads them.

SciPy looks up the type of an element in a table without checking the bounds, recurses as deep as a file says, and
allocates what a file claims. So a damaged file would crash the process. A file that passes here is safe to read.
"MAT-File Format" (MathWorks) describes the layout: a file is a list of elements, each a tag and its data; the data of a
matrix are elements again.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

HEADER = 128  # bytes before the first element
MATRIX, COMPRESSED = 14, 15
TYPES = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, MATRIX, COMPRESSED, 16, 17, 18}
CELL, STRUCT, OBJECT, SPARSE = 1, 2, 3, 5  # classes of arrays whose size does not follow from their bytes
MAX_DEPTH = 16  # of matrices within matrices
MAX_BYTES = 2**28  # of a variable
MAX_DIMENSIONS = 32  # the limit of SciPy, and of older releases of NumPy


def decompress_mat5(content: bytes) -> bytes:
    """A file of version 5 to 7 with its variables uncompressed, checked.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: The file is of another version, or an element is cut off, of an unknown type, too deep or too large.
    """
    mark = content[126:HEADER]
    if mark not in (b"IM", b"MI"):
        raise ValueError("not a MATLAB file of version 5 to 7")
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
    """Each element: its type, the start of its tag, the end of its data, and the start of the next element."""
    while start < stop:
        if start + 8 > stop:
            raise ValueError("an element is cut off")
        kind, size = struct.unpack_from(f"{order}II", content, start)
        if kind >> 16:  # a small element: size and type in four bytes, data in the next four
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
    """Check the elements of a matrix, and of the matrices in it."""
    if depth > MAX_DEPTH:
        raise ValueError(f"matrices are nested more than {MAX_DEPTH} deep")
    elements = list(_elements(content, start, stop, order))
    if len(elements) >= 2:
        _, flags, end, _ = elements[0]
        kind = struct.unpack_from(f"{order}I", content, flags + 8)[0] & 0xFF if end - flags >= 16 else 0
        _, tag, end, _ = elements[1]
        dimensions = struct.unpack_from(f"{order}{(end - tag - 8) // 4}i", content, tag + 8)
        max_elements = MAX_BYTES // 8 if kind == SPARSE else stop - start
        if kind in (CELL, STRUCT, OBJECT, SPARSE) and not 0 <= math.prod(dimensions) <= max_elements:
            raise ValueError(f"an array claims {'×'.join(map(str, dimensions))} elements")
        if len(dimensions) > MAX_DIMENSIONS or min(dimensions, default=0) < 0:
            raise ValueError("the dimensions of an array are impossible")
    for kind, tag, end, _ in elements:
        if kind == COMPRESSED:
            raise ValueError("compressed data within a matrix")
        if kind == MATRIX:
            _check_matrix(content, tag + 8, end, order, depth + 1)
