"""Which boxes of an image choose a candidate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.config.update import ExpectationSettings
from boxsup.labels.pins import PINNED


def box_roles(boxes: pd.DataFrame, settings: ExpectationSettings) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which boxes choose a candidate and which are void; a box may be neither, as a pinned one is."""
    crowd, pinned = boxes["crowd"].to_numpy() > 0, boxes["crowd"].to_numpy() == PINNED
    difficult = boxes["difficult"].to_numpy() > 0
    supervising = ~crowd & ~(difficult & (settings.difficult != "use"))
    void = (crowd | (difficult & (settings.difficult == "void"))) & ~pinned
    return supervising, void
