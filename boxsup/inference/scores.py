"""Scores every pixel of an image with a trained network."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boxsup.errors import StoreError
from boxsup.image.scaling import reduced, working_size_of
from boxsup.inference.settings import ScoringSettings
from boxsup.machine.devices import device
from boxsup.machine.workers import prefetch
from boxsup.network.checkpoint import load_checkpoint
from boxsup.network.folding import folded
from boxsup.network.grid import enlarge
from boxsup.network.images import normalise
from boxsup.network.segmenter import Segmenter

T = TypeVar("T")
Index = tuple[int, slice, slice]
Image = NDArray[np.uint8]
Scores = NDArray[np.float32]


class Predictor:
    """A trained network that scores every pixel of an image at full resolution.

    Attributes:
        classes: Class names by label; the first is the background.
        checkpoint: The checkpoint, its model prepared for use: batch norms are part of the convolutions.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        threads: int | None,
        classes: tuple[str, ...] | None = None,
        scales: Sequence[float] = (1.0,),
        background_bias: float = 0.0,
        megapixels: float = math.inf,
    ) -> None:
        """Read a checkpoint.

        Args:
            path: The checkpoint.
            threads: Threads of torch on the CPU, on which the last bits of scores depend; None leaves torch as it is.
            classes: The classes that the checkpoint must have, if given.
            scales: Scales of the image; the probabilities at all of them are averaged (the paper's BoxSup+, Table 4).
            background_bias: See `log_probabilities`.
            megapixels: Greatest size at which `working_image` gives an image.

        Raises:
            StoreError: The file is missing, damaged or not a checkpoint of ours, or its classes are others.
        """
        self._threads = threads
        self.checkpoint = load_checkpoint(path)
        self.classes = self.checkpoint.classes
        if classes is not None and self.classes != classes:
            raise StoreError(f"{path}: its classes are not those of the split; choose a split of its data set")
        self._scales, self._background_bias, self._megapixels = tuple(scales), background_bias, megapixels
        self._device = device()
        self._model = folded(self.checkpoint.model)  # in place: this checkpoint is nobody else's
        self._model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def asked(cls, path: str | os.PathLike[str], settings: ScoringSettings, classes: tuple[str, ...]) -> Self:
        """Read a checkpoint that is asked as a command's `--inference` says.

        Args:
            path: The checkpoint.
            settings: How it is asked.
            classes: The classes that it must have.

        Raises:
            StoreError: As of a new predictor.
        """
        return cls(path, settings.threads, classes, settings.scales, settings.background_bias)

    def working_image(self, image: NDArray[np.uint8], megapixels: float | None = None) -> NDArray[np.uint8]:
        """Reduce an image to the size at which the network looks at it: `megapixels`, or those of the predictor."""
        return reduced(image, *working_size_of(image, self._megapixels if megapixels is None else megapixels))

    def score_images(
        self, images: Iterable[NDArray[np.uint8]]
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Score every pixel of some images, in their order.

        One thread takes the images and another one runs the network. So the network waits neither for the images nor
        for the work on its scores. At most two images with their scores wait in memory.

        Args:
            images: H×W×3 uint8 RGB each.

        Yields:
            Each image, and its natural-log probabilities, C×H×W float32.
        """
        return prefetch((image, self.log_probabilities(image).cpu().numpy()) for image in prefetch(images))

    def score_parts(
        self, images: Iterable[tuple[T, Callable[[], Image], Sequence[Index]]]
    ) -> Iterator[tuple[T, list[Scores]]]:
        """Score some images as `score_images` does, but keep only parts of the scores.

        Args:
            images: What to yield with the scores; what reads the image; and L parts of the scores, C×H×W, each a class
                with rows and columns. An image without parts is not read.

        Yields:
            The first of these, and L arrays of float32 natural-log probabilities.
        """
        read = prefetch((key, photo() if parts else None, parts) for key, photo, parts in images)
        return prefetch((key, [] if pixels is None else self._parts(pixels, parts)) for key, pixels, parts in read)

    def _parts(self, pixels: NDArray[np.uint8], parts: Sequence[Index]) -> list[Scores]:
        scores = self.log_probabilities(pixels)
        return [np.array(scores[part].cpu().numpy(), order="C") for part in parts]  # copies, so that the rest is freed

    @torch.inference_mode()
    def log_probabilities(
        self, image: NDArray[np.uint8], scales: Sequence[float] | None = None, background_bias: float | None = None
    ) -> Tensor:
        """The natural-log probability of each label at each pixel of an image.

        A bias b multiplies the probability of the background by e^b: p'(0) ∝ e^b p(0) and p'(l) ∝ p(l), which sum to 1
        again. This corrects a prior, as in Saerens, Latinne & Decaestecker (Neural Computation 2002). It helps because
        the most likely label of each pixel maximises pixel accuracy, not IoU. If the IoU of a class can reach J, a
        pixel should get the class from odds of J on, not from odds of 1, and b = log J does that (Nowozin, CVPR 2014,
        has the exact decision).

        Args:
            image: H×W×3 uint8 RGB.
            scales: Scales of the image; None for those of the predictor.
            background_bias: Nats; None for that of the predictor.

        Returns:
            C×H×W float32 on the network's device.
        """
        if self._threads is not None:
            torch.set_num_threads(self._threads)  # for each call, since it holds for the calling thread alone
        batch = normalise(image, self.checkpoint.normalisation)[None]
        batch = batch.to(self._device, memory_format=torch.channels_last)
        bias = self._background_bias if background_bias is None else background_bias
        return score_at_scales(self._model, batch, scales or self._scales, bias)[0]


def score_at_scales(network: Segmenter, images: Tensor, scales: Sequence[float], background_bias: float) -> Tensor:
    """Score every pixel of some images at several scales; see `Predictor.log_probabilities`.

    Args:
        network: The network.
        images: N×3×H×W normalised images.
        scales: The scales, whose probabilities are averaged.
        background_bias: Nats to add to the background's score.

    Returns:
        N×C×H×W natural-log probabilities.
    """
    by_scale = [_score_at_scale(network, images, scale) for scale in scales]
    scores = by_scale[0] if len(scales) == 1 else torch.logsumexp(torch.stack(by_scale), dim=0) - math.log(len(scales))
    if background_bias:
        scores[:, 0] += background_bias
        scores = functional.log_softmax(scores, dim=1)
    return scores


def _score_at_scale(network: Segmenter, images: Tensor, scale: float) -> Tensor:
    """N×C×H×W log-probabilities of images that are resized for the network."""
    size = images.shape[2:]
    if scale == 1:
        scores = enlarge(network(images), size, network.grid)
    else:
        sides = [max(1, round(side * scale)) for side in size]
        resized = functional.interpolate(images, sides, mode="bilinear", align_corners=False, antialias=True)
        scores = enlarge(network(resized), size, network.grid, sides)
    return functional.log_softmax(scores, dim=1)
