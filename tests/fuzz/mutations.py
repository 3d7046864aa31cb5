"""Real files, broken at random: some bytes, some tokens of a text, or some values of a JSON."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

Random = np.random.Generator
NUMBERS = (0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
TOKENS = (
    "", "0", "-1", "1.5", "1e400", "-1e-400", "NaN", "Infinity", "9" * 30, "null", "true", '""', "[]", "{}", "é", "\n",
    '"a\\u0000"', "../../x", "/etc/passwd", "\x00", "<", "]]>", "&e;", "*a", "[" * 2000, '{"a":' * 2000, "- " * 500,
)  # fmt: skip
VALUES = (
    None, True, False, 0, -1, 1.5, 1e308, float("nan"), float("inf"), 2**31, 2**63, 10**30, "", "a", "..", "\0", "9",
    [], {}, [[]], [None], [1, 2], [-1, -1, 5, 5], {"a": 1}, {"size": [20, 30], "counts": "0"}, "x" * 5000, [0] * 3000,
    1.0, "1", "01", -(2**63), "\ud800", "cat ", " dog", "e\u0301", "./a.jpg", "a//a.jpg", "../a.jpg", "a\\a.jpg",
    "a:a.jpg", "/a.jpg", ".a.jpg", "a\n.jpg", "background", [["a"]],
)  # fmt: skip
STEMS = (
    b"\xff\xfe", b"\xe9", b"CON", b"nul", b"-rf", b"--out", b".hidden", b"..a", b"a b", b" a", b"a ", b"a\n", b"a\t",
    b"a\x1b[2J", b"a\x7f", b"a:b", b"a\\b", b"a,b", b"=1+1", b'"a"', b"'a'", b"x" * 199, b"x" * 250, b"a.b.c", b"a.png",
    b"a%20b", b"a?b", b"a*b", b"a;b", b"$HOME", b"`ls`", b"{image}", b"a__b", b"train", b"classes", b"A", b"a'); --",
    b"#a", b"~", b"@a", b"[a]", b"NA", b"nan", b"1e5", b"0001", b"True", b"a|b", b"<b>a", b"&amp;",
    *(text.encode() for text in ("\u00e9", "e\u0301", "\uff41", "\U0001f600", "\u202ea", "a\u200b", "\u00a0a")),
)  # fmt: skip
FOLDERS = (b"", b"sub", b"a b", b".hidden", b"\xff", b"a.b", b"e\xcc\x81", b"a:b", b"x" * 255, b"train/images")


def any_bytes(content: bytes, random: Random) -> bytes:
    """One to four changes of bytes: flipped, set, cut, doubled, inserted, numbers of 2 to 8 bytes made extreme."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        place = int(random.integers(len(data) + 1))
        length = int(2 ** random.uniform(0, np.log2(len(data) + 2)))
        match random.choice((0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6)):
            case 0 if place < len(data):
                data[place] ^= 1 << int(random.integers(8))
            case 1 if place < len(data):
                data[place] = int(random.choice((0, 1, 127, 128, 255)))
            case 2:
                kind = str(random.choice(("<H", ">H", "<I", ">I", "<Q", ">Q")))
                number = int(random.choice(np.array(NUMBERS, object))) % 256 ** struct.calcsize(kind)
                data[place : place + struct.calcsize(kind)] = struct.pack(kind, number)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case 5:
                data[place:place] = random.bytes(min(length, 64))
            case 6:
                del data[place:]
    return bytes(data)


def any_text(content: bytes, random: Random) -> bytes:
    """As `any_bytes`, or some numbers, words and signs of a text replaced by others."""
    if random.random() < 0.3:
        return any_bytes(content, random)
    parts = re.split(r"(-?\d[\d.]*|\w+|[^\w\s])", content.decode())
    for place in random.integers(len(parts), size=random.integers(1, 4)):
        other = parts[int(random.integers(len(parts)))]
        parts[place] = other if random.random() < 0.3 else TOKENS[int(random.integers(len(TOKENS)))]
    return "".join(parts).encode()


def any_json(content: bytes, random: Random) -> bytes:
    """As `any_text`, or some values of a JSON replaced, taken away or doubled: it stays a JSON."""
    if random.random() < 0.4:
        return any_text(content, random)
    tree = json.loads(content)
    for _ in range(random.integers(1, 3)):
        change_value(tree, random)
    return json.dumps(tree).encode()


def change_value(tree: Any, random: Random) -> None:
    """Change a value somewhere in a tree of mappings and lists, in place."""
    places = [
        (owner, key) for owner in _containers(tree) for key in (owner if isinstance(owner, dict) else range(len(owner)))
    ]
    if not places:
        return
    owner, key = places[int(random.integers(len(places)))]
    match random.integers(5):
        case 0:
            del owner[key]
        case 1:
            source, other = places[int(random.integers(len(places)))]
            owner[key] = json.loads(json.dumps(source[other], default=str))
        case 2 if isinstance(owner, dict):
            owner["unknown"] = owner.pop(key)
        case _:
            owner[key] = deepcopy(VALUES[int(random.integers(len(VALUES)))])


def _containers(tree: Any) -> list[Any]:
    found = []
    if isinstance(tree, dict | list):
        found.append(tree)
        for value in tree.values() if isinstance(tree, dict) else tree:
            found += _containers(value)
    return found


def any_png(content: bytes, random: Random) -> bytes:
    """As `any_bytes`, half the time with checksums that are right again, so that decoders see what was changed."""
    if random.random() < 0.5:
        return any_bytes(content, random)
    chunks, place = [], 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += length + 12
    number = int(random.integers(len(chunks)))
    name, body = chunks[number]
    if name == b"IDAT" and random.random() < 0.5:
        body = zlib.compress(any_bytes(zlib.decompress(body), random))
    chunks[number] = name, any_bytes(body, random)
    return content[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def any_name(name: bytes, random: Random) -> bytes:
    """Another name for a file, perhaps in a folder of its own: odd stems and endings, any bytes that a system takes."""
    stem, dot, ending = name.rpartition(b".")
    if random.random() < 0.6:
        stem = STEMS[int(random.integers(len(STEMS)))]
    elif random.random() < 0.5:
        place = int(random.integers(len(stem) + 1))
        stem = stem[:place] + random.bytes(int(random.integers(1, 4))) + stem[place:]
    if random.random() < 0.2:
        ending = (ending.upper(), b"", ending + b" ", ending + b"." + ending, b"txt", b"heic")[int(random.integers(6))]
    folder = FOLDERS[int(random.integers(len(FOLDERS)))] if random.random() < 0.3 else b""
    parts = [*folder.split(b"/"), (stem + dot + ending).replace(b"/", b"_")]
    return b"/".join(part.replace(b"\0", b"_") for part in parts if part)


Mutation = Callable[[bytes, Random], bytes]
