"""Label maps of many images, before and after the dense CRF."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.config.inference import CrfSettings
from boxsup.image.enlarging import enlarged_labels
from boxsup.image.tiles import Tile, crops, joined, tiles
from boxsup.inference.crf import refine_labels, relevant_labels, require_crf
from boxsup.inference.scores import Predictor
from boxsup.machine.workers import map_in_processes


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """The label maps of an image.

    Attributes:
        pixels: The image, H×W×3 uint8 RGB.
        plain: H×W uint8, the most likely label of each pixel by the network's scores.
        refined: H×W uint8, the most likely label of each pixel under the CRF; None without a CRF.
    """

    pixels: NDArray[np.uint8]
    plain: NDArray[np.uint8]
    refined: NDArray[np.uint8] | None = None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The refined labels if there are any, else the plain ones."""
        return self.plain if self.refined is None else self.refined


def label_maps(
    images: Iterable[NDArray[np.uint8]],
    predictor: Predictor,
    settings: CrfSettings | None,
    workers: int,
    tile: int | None = None,
) -> Iterator[ImageLabels]:
    """Label images, in their order. A large image is labelled at the predictor's working size, which is then enlarged.

    Args:
        images: H×W×3 uint8 RGB each, taken as they are needed.
        predictor: The network, with its scales and bias.
        settings: Settings of the CRF; None, or no iteration, for no CRF.
        workers: Number of processes for the CRF; results do not depend on it.
        tile: Greatest side of what network and CRF see at once, px at the working size; larger images are labelled in
            `boxsup.image.tiles`. None: images are labelled whole.

    Yields:
        The label maps of each image.

    Raises:
        BoxSupError: The library of the CRF is needed and not installed.
    """
    crf = settings if settings is not None and settings.refines else None
    if crf is not None:
        require_crf()
    waiting: deque[tuple[NDArray[np.uint8], list[Tile]]] = deque()  # images whose labels are being made

    def working() -> Iterator[NDArray[np.uint8]]:
        for image in images:
            pixels = predictor.working_image(image)
            height, width, _ = pixels.shape
            places = tiles(height, width, tile or max(height, width))
            waiting.append((image, places))
            yield from crops(pixels, places)

    made = _working_maps(working(), predictor, crf, workers)
    for first in made:
        image, places = waiting.popleft()
        labels = _put_together([first, *islice(made, len(places) - 1)], places)
        refined = None if labels.refined is None else enlarged_labels(labels.refined, image)
        yield ImageLabels(image, enlarged_labels(labels.plain, image), refined)


def _put_together(parts: Sequence[ImageLabels], places: Sequence[Tile]) -> ImageLabels:
    """The label maps of an image from those of its tiles; its pixels are those of the first tile."""
    refined = [part.refined for part in parts if part.refined is not None]
    plain = joined((part.plain for part in parts), places)
    return ImageLabels(parts[0].pixels, plain, joined(refined, places) if refined else None)


def _working_maps(
    images: Iterable[NDArray[np.uint8]], predictor: Predictor, settings: CrfSettings | None, workers: int
) -> Iterator[ImageLabels]:
    waiting: deque[ImageLabels] = deque()  # images whose labels are with the CRF

    def calls(settings: CrfSettings) -> Iterator[tuple[Any, ...]]:
        for pixels, scores in predictor.score_images(images):
            labels = relevant_labels(scores, settings)  # only their scores are sent to the worker
            waiting.append(ImageLabels(pixels, _most_likely(scores)))
            yield pixels, scores[labels], labels, settings

    if settings is None:
        yield from (ImageLabels(pixels, _most_likely(scores)) for pixels, scores in predictor.score_images(images))
    else:
        for labels in map_in_processes(refine_labels, calls(settings), workers):
            first = waiting.popleft()
            yield ImageLabels(first.pixels, first.plain, labels)


def _most_likely(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(scores.argmax(axis=0), np.uint8)
