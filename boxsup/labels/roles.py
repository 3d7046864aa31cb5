"""Which boxes of an image choose a candidate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.labels.pins import PINNED


def box_roles(boxes: pd.DataFrame, difficult: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which boxes choose a candidate and which are void; a box may be neither, as a pinned one is.

    Args:
        boxes: Some rows of the catalogue's table of boxes.
        difficult: The setting `update.difficult`.
    """
    crowd, pinned = boxes["crowd"].to_numpy() > 0, boxes["crowd"].to_numpy() == PINNED
    marked = boxes["difficult"].to_numpy() > 0
    supervising = ~crowd & ~(marked & (difficult != "use"))
    void = (crowd | (marked & (difficult == "void"))) & ~pinned
    return supervising, void
