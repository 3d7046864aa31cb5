"""Label maps of many images, before and after the dense CRF: the one way from scores to labels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.inference.crf import refined, relevant
from boxsup.inference.scores import Predictor
from boxsup.machine.workers import map_in_processes


@dataclass(frozen=True, eq=False)
class Maps:
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
) -> Iterator[Maps]:
    """The maps of each H×W×3 uint8 image, in order.

    Args:
        images: The images, each asked for as it is needed.
        predictor: The network, with its scales and bias.
        settings: Of the CRF; None for none.
        workers: Processes of the CRF, on which results do not depend.
    """
    waiting: deque[Maps] = deque()  # for the CRF

    def calls(settings: CrfSettings) -> Iterator[tuple[Any, ...]]:
        for pixels, scores in predictor.scored_images(images):
            kept = relevant(scores, settings)  # of the scores only those that the CRF looks at travel to the worker
            waiting.append(Maps(pixels, _likeliest(scores)))
            yield pixels, scores[kept], kept, settings

    if settings is None:
        yield from (Maps(pixels, _likeliest(scores)) for pixels, scores in predictor.scored_images(images))
    else:
        for labels in map_in_processes(refined, calls(settings), workers):
            first = waiting.popleft()
            yield Maps(first.pixels, first.plain, labels)


def _likeliest(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(scores.argmax(axis=0), np.uint8)
