"""Label maps of many images, before and after the dense CRF: the one way from scores to labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.inference.crf import refine_labels, relevant_labels
from boxsup.inference.scores import Predictor
from boxsup.machine.workers import map_in_processes
from boxsup.settings import CrfSettings


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """What is seen in an image.

    Attributes:
        pixels: H×W×3 uint8 RGB.
        plain: H×W uint8, the most likely label of each pixel by the network's scores.
        refined: The same under the CRF; None without one.
    """

    pixels: NDArray[np.uint8]
    plain: NDArray[np.uint8]
    refined: NDArray[np.uint8] | None = None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The refined ones, where there are any."""
        return self.plain if self.refined is None else self.refined


def label_maps(
    images: Iterable[NDArray[np.uint8]], predictor: Predictor, settings: CrfSettings | None, workers: int
) -> Iterator[ImageLabels]:
    """The maps of each H×W×3 uint8 image, in order.

    Args:
        images: The images, each asked for as it is needed.
        predictor: The network, with its scales and bias.
        settings: Of the CRF; None for none.
        workers: Processes of the CRF, on which results do not depend.
    """
    waiting: deque[ImageLabels] = deque()  # for the CRF

    def calls(settings: CrfSettings) -> Iterator[tuple[Any, ...]]:
        for pixels, scores in predictor.score_images(images):
            kept = relevant_labels(
                scores, settings
            )  # of the scores only those that the CRF looks at travel to the worker
            waiting.append(ImageLabels(pixels, _likeliest(scores)))
            yield pixels, scores[kept], kept, settings

    if settings is None:
        yield from (ImageLabels(pixels, _likeliest(scores)) for pixels, scores in predictor.score_images(images))
    else:
        for labels in map_in_processes(refine_labels, calls(settings), workers):
            first = waiting.popleft()
            yield ImageLabels(first.pixels, first.plain, labels)


def _likeliest(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(scores.argmax(axis=0), np.uint8)
