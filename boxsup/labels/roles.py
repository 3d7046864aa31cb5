"""Which boxes of an image choose a candidate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.config.update import ExpectationSettings


def box_roles(boxes: pd.DataFrame, settings: ExpectationSettings) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which boxes choose a candidate and which are void; a box may be neither."""
    crowd = boxes["crowd"].to_numpy() > 0
    difficult = boxes["difficult"].to_numpy() > 0
    supervising = ~crowd & ~(difficult & (settings.difficult != "use"))
    void = crowd | (difficult & (settings.difficult == "void"))
    return supervising, void
