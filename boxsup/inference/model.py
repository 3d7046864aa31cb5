"""A trained model for use from Python: `boxsup.load(path).predict(image)`."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError, DataError
from boxsup.image.enlarging import enlarged_labels
from boxsup.image.files import check_size, read_image
from boxsup.inference.crf import dense_crf, require_crf
from boxsup.inference.labelling import MAX_SCALE, crf_settings
from boxsup.inference.scores import Predictor
from boxsup.inference.trained import find_trained


@dataclass(frozen=True, eq=False)
class Prediction:
    """The labels of an image.

    Attributes:
        labels: H×W uint8, the most likely label of each pixel: 0 background, 1…C-1 classes.
        names: C class names by label: `names[labels[y, x]]` is the class at a pixel.
        scores: C×h×w float32 natural-log probabilities, with the bias and before the CRF; None unless asked for. A
            large image is scored at a reduced size, h×w; see `Labelling.megapixels`.
    """

    labels: NDArray[np.uint8]
    names: tuple[str, ...]
    scores: NDArray[np.float32] | None = None


class Model:
    """A trained network with its classes; see `boxsup.load`.

    Attributes:
        classes: C class names by label; the first is the background.
        network: Name of the network in the configuration.
        labelling: How its run labels images.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int | None = None) -> None:
        """Read a checkpoint; see `boxsup.load`."""
        trained = find_trained(path)
        self.labelling = trained.labelling
        if trained.note:
            logging.getLogger(__name__).warning("%s", trained.note)
        if trained.known and threads is None:
            threads = self.labelling.threads
        self._predictor = Predictor(trained.checkpoint, threads, megapixels=self.labelling.megapixels)
        self.classes = self._predictor.classes
        self.network = self._predictor.checkpoint.network

    def predict(
        self,
        image: str | os.PathLike[str] | NDArray[np.uint8],
        *,
        crf: bool | CrfSettings | None = None,
        scales: Sequence[float] | None = None,
        background_bias: float | None = None,
        scores: bool = False,
    ) -> Prediction:
        """Label every pixel of an image; by default, as the page of the model's run shows it.

        Args:
            image: A file, or H×W×3 uint8 RGB pixels.
            crf: Whether to refine the labels by the dense CRF. True uses the settings of the run, or else those of
                `config.yaml`; other settings can be given. None does what the run does.
            scales: Scales of the image, above 0 and at most 4; the probabilities at all of them are averaged.
            background_bias: Nats to add to the background's score; below 0, more pixels become objects.
            scores: Whether to return the scores too.

        Raises:
            DataError: The file is not a readable image, or the array has another shape or type.
            ConfigError: A scale is out of range, or the bias is not a finite number.
            BoxSupError: The library of the CRF is needed and not installed.
        """
        labelling = self.labelling
        scales = labelling.scales if scales is None else scales
        background_bias = labelling.background_bias if background_bias is None else background_bias
        if not scales or not all(0 < scale <= MAX_SCALE for scale in scales):
            raise ConfigError(f"scales: expected numbers above 0, at most {MAX_SCALE:g}, got {scales!r}")
        if not math.isfinite(background_bias):
            raise ConfigError(f"background_bias: expected a number, got {background_bias}")
        settings = labelling.crf if crf is None else crf_settings(labelling.crf) if crf is True else crf or None
        if settings and settings.iterations:
            require_crf()
        pixels = _checked(image) if isinstance(image, np.ndarray) else read_image(image)
        working = self._predictor.working_image(pixels)
        probabilities = self._predictor.log_probabilities(working, scales, background_bias).cpu().numpy()
        if settings:
            labels = dense_crf(working, probabilities, settings)
        else:
            labels = probabilities.argmax(axis=0).astype(np.uint8)
        return Prediction(enlarged_labels(labels, pixels), self.classes, probabilities if scores else None)


def _checked(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        shape = "×".join(map(str, image.shape))
        raise DataError(f"image: expected H×W×3 uint8 RGB, got {shape} {image.dtype}")
    try:
        check_size(image.shape[1], image.shape[0])
    except ValueError as error:
        raise DataError(f"image: {error}") from error
    return image
