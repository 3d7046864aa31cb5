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

    Only files of equal size are read.
    """
    sizes = defaultdict[int, list[str]](list)
    for row in train.rows():
        with contextlib.suppress(OSError):
            sizes[os.stat(row.path).st_size].append(row.path)
    both = []
    for row in val.rows():
        with contextlib.suppress(OSError):
            alike = sizes[os.stat(row.path).st_size]
            if row.path in alike or (alike and sha256_of(Path(row.path)) in map(sha256_of, map(Path, alike))):
                both.append(row.image)
    return both
