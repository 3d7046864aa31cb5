"""Boxes that annotation tools turn: the upright box around one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from boxsup.catalogue.readers.segments import pixel_box


def around(corners: Sequence[float], degrees: float, height: int, width: int) -> tuple[int, int, int, int]:
    """Half-open pixel corners of the upright box around a turned one, which ends where its image ends.

    Args:
        corners: x0, y0, x1, y1 on the plane, before the box is turned around its middle.
        degrees: Clockwise, as y goes down.
        height: Of the image in pixels.
        width: Likewise.

    Raises:
        ValueError: Its middle is not inside the image.
    """
    x0, y0, x1, y1 = corners
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    if not (0 <= x <= width and 0 <= y <= height):
        raise ValueError(f"the middle of the turned box, ({x:g}, {y:g}), is not inside its image of {width}×{height}")
    sine, cosine = np.abs(np.round([np.sin(np.radians(degrees)), np.cos(np.radians(degrees))], 12))
    across, down = (x1 - x0) * cosine + (y1 - y0) * sine, (x1 - x0) * sine + (y1 - y0) * cosine
    upright = np.array([[x - across / 2, y - down / 2], [x + across / 2, y + down / 2]]).clip(0, (width, height))
    return pixel_box(upright.ravel().tolist(), height, width, "the turned box")
