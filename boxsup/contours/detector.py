"""Contour detectors by name, for the proposal methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.errors import ConfigError
from boxsup.machine.imports import large_imports
from boxsup.store.checksums import check_shipped

Detector: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

# Trained on BSDS500's train and val images; README.md beside it describes it.
WEIGHTS = Path(__file__).with_name("network.pt")
WEIGHTS_SHA256 = "cd6c2924d8392052024ad313667f2b39b3a6c867304173b1756ba51d0e52116f"


def detector(kind: Literal["network", "gradient"]) -> Detector:
    """Make a contour detector.

    Args:
        kind: "network", trained on people's segmentations (BSDS500; no boxes or masks of any class), or "gradient",
            which is not trained. Only the network needs torch.

    Returns:
        A function from an H×W×3 uint8 RGB image of any size to its H×W float32 boundary strength in [0, 1]: for the
        network, how likely a boundary is; for the gradient, a value without a unit. The same image gives the same bits
        with any number of threads; the function keeps no state.

    Raises:
        ConfigError: No detector has this name.
        StoreError: The network's file is missing or damaged.
    """
    if kind == "gradient":
        from boxsup.contours.gradient import gradient

        return _checked(gradient)
    if kind != "network":
        raise ConfigError(f"contours: expected 'network' or 'gradient', got {kind!r}")
    check_shipped(WEIGHTS, WEIGHTS_SHA256)
    return network_detector(WEIGHTS)


def network_detector(path: Path) -> Detector:
    """Make a detector with the weights of a file that `boxsup contours train` wrote; see `detector`.

    Raises:
        StoreError: The file is missing, damaged or of another network.
    """
    with large_imports():
        from boxsup.contours.inference import strength
        from boxsup.contours.network import load_network

    network, _ = load_network(path)
    return _checked(lambda image: strength(network, image))


def at_scales(detect: Detector, scales: Sequence[float]) -> Detector:
    """Make a detector that runs at several scales of an image and averages the results at the image's size.

    On an enlarged image it finds finer boundaries and places them more exactly; scale s takes s² times as long as 1.

    Args:
        detect: A detector.
        scales: Factors of the sides, above 0.
    """

    def averaged(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        total = np.zeros(image.shape[:2], np.float32)
        for scale in scales:
            total += detect(image) if scale == 1 else _resized(detect(_scaled(image, scale)), image.shape)
        return total / np.float32(len(scales))

    return averaged


def _scaled(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _resized(contours: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(contours, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _checked(detect: Detector) -> Detector:
    def checked(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"expected an H×W×3 uint8 image with pixels, got {image.shape} of {image.dtype}")
        return detect(image)

    return checked
