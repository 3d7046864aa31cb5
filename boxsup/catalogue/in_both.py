"""Tells which images of one split are in another one, too."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from pathlib import Path

from boxsup.catalogue.tables import Catalogue
from boxsup.store.checksums import sha256_of


def images_in_both(train: Catalogue, val: Catalogue) -> list[str]:
    """Ids of the images of `val` whose file is one of `train`, or has the same bytes; files that are gone do not count.

    Files are read if there are some of their size in the other split, each once.
    """
    sizes = defaultdict[int, set[str]](set)
    for row in train.rows():
        with contextlib.suppress(OSError):
            sizes[os.stat(row.path).st_size].add(row.path)
    contents, both = dict[int, set[str]](), []
    for row in val.rows():
        with contextlib.suppress(OSError):
            size = os.stat(row.path).st_size
            alike = sizes.get(size, set())
            if alike and row.path not in alike and size not in contents:
                contents[size] = {sha256_of(Path(path)) for path in alike}
            if row.path in alike or (alike and sha256_of(Path(row.path)) in contents[size]):
                both.append(row.image)
    return both
