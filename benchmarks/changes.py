"""How long it takes to see that nothing changed in 100,000 files: 50,000 images with an annotation each, tiny ones.

Prints seconds of the look that a plan takes, the ratio of a bare walk with a stat of each file to it, and of the limit
that is wanted, 5 s; and seconds of the first look, which reads all of them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from boxsup.catalogue.changes import FIRST, SplitFiles, changes
from boxsup.catalogue.inventory import GRAIN, write_inventory

IMAGES = 50_000
LIMIT = 5.0  # s


def seconds(function: Callable[[], object], times: int = 1) -> float:
    """The shortest of some times that a call takes."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def walk(root: Path) -> int:
    """Stat all files below a folder."""
    return sum(os.stat(os.path.join(base, name)).st_size for base, _, names in os.walk(root) for name in names)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root, tables = Path(name, "data"), Path(name, "tables")
        for folder, ending in (("images", "jpg"), ("annotations", "xml")):
            (root / folder).mkdir(parents=True)
            for index in range(IMAGES):
                (root / folder / f"{index:06d}.{ending}").write_text(f"{folder} {index}")
        settings = '{"images": "images", "annotations": "annotations", "masks": "none"}'
        split = SplitFiles(tables, "voc_xml", root, ("background", "cat"), settings, "stop")
        time.sleep(GRAIN / 1e9)  # what is younger is read again
        first = seconds(lambda: write_inventory(tables, split.take_inventory(FIRST, None)))
        look = seconds(lambda: changes(split).since(), 3)
        bare = seconds(lambda: walk(root), 3)
        assert changes(split).since() == FIRST
    print(f"{2 * IMAGES:,} files: {look:.2f} s where nothing changed, {first:.1f} s the first time")
    print(f"bare walk / look: {bare / look:.2f}")
    print(f"limit / look: {LIMIT / look:.1f}")


if __name__ == "__main__":
    main()
