"""MATLAB files that SciPy would die of, or take all memory for, are refused; others are read as SciPy reads them."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from boxsup.errors import DataError
from boxsup.store.foreign import parse_mat
from boxsup.store.mat5 import HEADER, decompress_mat5

CELLS = np.array([[np.arange(3.0), "text", np.zeros((2, 0))]], object)
VARIABLES = {
    "numbers": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "logical": np.array([[True, False]]),
    "cells": CELLS,
    "struct": {"inner": {"deep": np.eye(2)}, "cells": CELLS, "x": 1.5},
    "sparse": csc_matrix(np.eye(3)),
    "complex": np.array([[1 + 2j]]),
    "empty": np.zeros((0, 4)),
}


def saved(variables, **options):
    buffer = io.BytesIO()
    savemat(buffer, variables, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_whole_is_read_as_scipy_reads_it(compressed):
    content = saved(VARIABLES, do_compression=compressed)
    found, expected = parse_mat(content, "a.mat"), loadmat(io.BytesIO(content))
    assert found.keys() == VARIABLES.keys()
    assert decompress_mat5(content) == decompress_mat5(decompress_mat5(content))
    for name, value in found.items():
        assert repr(value) == repr(expected[name])


def matrix(*elements):
    body = b"".join(elements)
    return struct.pack("<II", 14, len(body)) + body


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def array(kind, dimensions, *rest):
    flags, shape = struct.pack("<II", kind, 0), struct.pack(f"<{len(dimensions)}i", *dimensions)
    return matrix(element(6, flags), element(5, shape), element(1, b"x"), *rest)


def nested(depth):
    inner = array(6, (1, 1), element(9, struct.pack("<d", 1.0)))
    for _ in range(depth):
        inner = array(1, (1, 1), inner)
    return inner


START = saved({})[:HEADER]
DAMAGES = {
    "unknown type, of which SciPy dies": (array(6, (1, 1), element(128, b"\0" * 8)), "unknown type 128"),
    "cut off": (array(6, (1, 1), element(9, b"\0" * 8))[:-4], "cut off"),
    "longer than the file": (struct.pack("<II", 14, 2**31), "cut off"),
    "a billion cells": (array(1, (2**15, 2**15)), "claims 32768×32768 elements"),
    "a giant sparse matrix": (array(5, (10**5, 10**5)), "claims 100000×100000 elements"),
    "a side below 0": (array(6, (-1, 5), element(9, b"")), "dimensions of an array are impossible"),
    "deep": (nested(20_000), "nested more than 16 deep"),
    "a compressed bomb": (element(15, zlib.compress(b"\0" * (2**28 + 1), 1)), "of more than 268,435,456 bytes"),
    "damaged compression": (element(15, b"not compressed"), "compressed data are damaged"),
    "compressed twice": (element(15, zlib.compress(element(15, zlib.compress(b"")))), "within compressed data"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_one_line(damage):
    content, words = DAMAGES[damage]
    with pytest.raises(DataError, match=words) as info:
        parse_mat(START + content, "a.mat")
    assert "\n" not in str(info.value)
    assert str(info.value).startswith("a.mat: not a readable MATLAB file")


@pytest.mark.parametrize("content", [b"", b"MATLAB", b"\0" * 400, START[:-2], np.arange(9.0).tobytes()])
def test_what_is_no_matlab_file_is_said_to_be_none(content):
    with pytest.raises(DataError, match="not a readable MATLAB file"):
        parse_mat(content, "a.mat")
