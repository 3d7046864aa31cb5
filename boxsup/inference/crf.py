"""The dense CRF that refines a network's scores (Krähenbühl & Koltun, NIPS 2011).

This module does not import torch, so that worker processes start fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.errors import BoxSupError

MISSING = (
    "the dense CRF needs the package pydensecrf2, which is not installed and which a C++ compiler builds: "
    "`pip install pydensecrf2`; without it, take `--no-crf`, for a run `inference: {crf: {iterations: 0}}`, and "
    "grabcut in place of bbox_seg"
)


def has_crf() -> bool:
    """Whether the library of the dense CRF is installed."""
    try:
        from pydensecrf import densecrf  # noqa: F401
    except ImportError:
        return False
    return True


def require_crf() -> None:
    """Raise a BoxSupError if the library of the dense CRF is not installed."""
    if not has_crf():
        raise BoxSupError(MISSING)


def dense_crf(
    image: NDArray[np.uint8], log_probabilities: NDArray[np.float32], settings: CrfSettings
) -> NDArray[np.uint8]:
    """The most likely labels under a fully connected CRF.

    The CRF sees the `relevant_labels` only: its cost grows with their number, and the others win no pixel.

    Args:
        image: H×W×3 uint8 RGB.
        log_probabilities: C×H×W float32.
        settings: See `config.yaml`, `defaults.inference.crf`.

    Returns:
        H×W uint8 in [0, C).
    """
    kept = relevant_labels(log_probabilities, settings)
    return refine_labels(image, log_probabilities[kept], kept, settings)


def relevant_labels(log_probabilities: NDArray[np.float32], settings: CrfSettings) -> NDArray[np.intp]:
    """The labels that have at least `least_probability` at some pixel, or are the most likely at some pixel.

    Args:
        log_probabilities: C×H×W float32.
        settings: See `config.yaml`, `defaults.inference.crf`.

    Returns:
        The labels, ascending.
    """
    pixels = log_probabilities.reshape(len(log_probabilities), -1)
    kept = np.exp(pixels.max(axis=1)) >= settings.least_probability
    kept[np.unique(pixels.argmax(axis=0))] = True
    return np.flatnonzero(kept)


def refine_labels(
    image: NDArray[np.uint8], log_probabilities: NDArray[np.float32], labels: NDArray[np.intp], settings: CrfSettings
) -> NDArray[np.uint8]:
    """The most likely of some labels under the CRF.

    Args:
        image: H×W×3 uint8 RGB.
        log_probabilities: L×H×W float32, of these labels.
        labels: The L labels.
        settings: See `config.yaml`, `defaults.inference.crf`.

    Returns:
        H×W uint8, each pixel one of `labels`; after no iteration, the one with the greatest probability.
    """
    if len(labels) == 1:
        return np.full(image.shape[:2], labels[0], np.uint8)
    if settings.iterations == 0:
        return np.asarray(labels[log_probabilities.argmax(axis=0)], np.uint8)
    best = crf_marginals(image, log_probabilities, settings).argmax(axis=0)
    return np.asarray(labels[best], np.uint8)


def crf_marginals(
    image: NDArray[np.uint8], log_probabilities: NDArray[np.float32], settings: CrfSettings
) -> NDArray[np.float32]:
    """The probability of each label at each pixel under a fully connected CRF, after a few iterations of mean field.

    Args:
        image: H×W×3 uint8 RGB; the appearance kernel works on values in [0, 255].
        log_probabilities: C×H×W float32; their negatives are the unary potentials.
        settings: Weights and standard deviations (DeepLab's w and σ) of the smoothness and the appearance kernel.

    Returns:
        C×H×W float32 that sums to 1 over the labels.

    Raises:
        BoxSupError: The library is not installed.
    """
    require_crf()
    from pydensecrf import densecrf  # a compiler builds it, so that some do without

    classes, height, width = log_probabilities.shape
    crf = densecrf.DenseCRF2D(width, height, classes)
    crf.setUnaryEnergy(np.ascontiguousarray(-log_probabilities.reshape(classes, -1), dtype=np.float32))
    crf.addPairwiseGaussian(sxy=settings.spatial_xy, compat=settings.spatial_weight)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_xy,
        srgb=settings.bilateral_rgb,
        rgbim=np.array(image, order="C"),  # a copy, since the library refuses read-only arrays
        compat=settings.bilateral_weight,
    )
    return np.asarray(crf.inference(settings.iterations), np.float32).reshape(classes, height, width)
