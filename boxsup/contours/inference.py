"""Running the contour network on an image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from boxsup.contours.network import STRIDE, ContourNet
from boxsup.network.images import normalise


def strength(network: ContourNet, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate how likely a boundary runs at each pixel.

    It runs on one thread of the CPU, so that sums, and with them the last bits, do not depend on the number of threads.

    Args:
        network: A network from `boxsup.contours.network.load_network`.
        image: H×W×3 RGB in [0, 255], of any size from 1×1; it takes some 0.3 KB per pixel.

    Returns:
        H×W in [0, 1].
    """
    height, width = image.shape[:2]
    # Pad by mirroring, so that the padding adds no edge; short sides are mirrored repeatedly.
    padded = np.pad(image, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), "symmetric")
    with one_thread(), torch.inference_mode():
        pixels = normalise(padded)[None].contiguous(memory_format=torch.channels_last)
        likely = torch.sigmoid(network(pixels))[0, 0, :height, :width]
    return np.ascontiguousarray(likely.numpy())


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread within the context, and on as many as before afterwards.

    Each switch costs some 15 ms per photograph; to process many, set torch's threads to 1 beforehand.
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
