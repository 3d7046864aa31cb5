"""The contour network at work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from boxsup.contours.network import STRIDE, ContourNet
from boxsup.network.images import normalise


def strength(network: ContourNet, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How likely a boundary runs at each pixel, by a network for use.

    Computed on one thread of the CPU: sums, and so last bits, must not depend on how many there are.

    Args:
        network: From `boxsup.contours.network.load_network`.
        image: H×W×3 RGB in [0, 255], of any size from 1×1; memory grows by some 0.3 KB a pixel.

    Returns:
        H×W in [0, 1].
    """
    height, width = image.shape[:2]
    # Mirrored, so that the filling has no edge of its own; short sides are mirrored again and again.
    filled = np.pad(image, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), "symmetric")
    with one_thread(), torch.inference_mode():
        pixels = normalise(filled)[None].contiguous(memory_format=torch.channels_last)
        likely = torch.sigmoid(network(pixels))[0, 0, :height, :width]
    return np.ascontiguousarray(likely.numpy())


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread inside, on as many as before afterwards.

    Each change costs a photograph some 15 ms: who works through many sets torch's threads to 1 beforehand.
    """
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
