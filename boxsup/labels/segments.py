"""Which pixels the boxes of a generation label, as its store says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.image.runs import packed_runs
from boxsup.labels.choice import chosen_pixels
from boxsup.labels.choice_tables import SHARPENED
from boxsup.proposals.pool import Pool
from boxsup.store.labels import Labels


class Segments:
    """The segments of the boxes of a generation, before other boxes take pixels of them."""

    def __init__(self, generation: Labels) -> None:
        """Read what the boxes chose.

        Raises:
            StoreError: The store is damaged, or of an older form.
        """
        self.chosen: NDArray[np.int32] = generation.table("chosen")
        self._path, self._runs = generation.path, generation.ragged(SHARPENED)

    def is_sharpened(self, row: int) -> bool:
        """Whether the segment of a box was sharpened, so that neither candidates nor maps are needed to know it."""
        return len(self._runs[row]) > 0

    def is_candidate(self, row: int) -> bool:
        """Whether the segment of a box is a candidate as it is, so that those of the image are needed to know it."""
        return bool(self.chosen[row] >= 0) and not self.is_sharpened(row)

    def is_known(self, row: int, pool: Pool | None) -> bool:
        """Whether the segment of a box can be read, by these candidates or without any.

        Candidates that were made again may be fewer than those that a box chose from.
        """
        return not self.is_candidate(row) or (pool is not None and bool(self.chosen[row] < len(pool)))

    def inside(
        self,
        row: int,
        box: NDArray[np.integer],
        size: tuple[int, int],
        pool: Pool | None,
        seen: NDArray[np.uint8] | None,
    ) -> NDArray[np.bool_]:
        """Return which pixels of a box are in its segment.

        Args:
            row: Its row in the table of boxes; it chose something.
            box: Its half-open pixel corners.
            size: Height and width of the image.
            pool: The candidates of the image; needed if the segment is one of them.
            seen: s×s, its object map; needed if it took what this sees.

        Returns:
            h×w.

        Raises:
            DataError: The stored segment is damaged.
            ValueError: What it chose from is not there.
        """
        if not self.is_sharpened(row):
            return chosen_pixels(int(self.chosen[row]), box, pool, seen)
        runs = {"size": list(size), "counts": self._runs[row].tobytes().decode("ascii", "replace")}
        return packed_runs(runs, size, f"{self._path}: the segment of box {row + 1}").inside(box)
