"""Scores of whole images."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from boxsup.errors import StoreError
from boxsup.image.files import read_image
from boxsup.machine.devices import device
from boxsup.machine.workers import prefetch
from boxsup.network.checkpoint import load_checkpoint
from boxsup.network.images import normalise


class Predictor:
    """A trained network that scores every pixel of an image at full resolution.

    Attributes:
        classes: Names by label; the first is the background.
        checkpoint: What it was read from.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        threads: int | None,
        classes: tuple[str, ...] | None = None,
        scales: Sequence[float] = (1.0,),
        background_bias: float = 0.0,
    ) -> None:
        """Read a checkpoint.

        Args:
            path: Of the checkpoint.
            threads: Of torch on the CPU, on which the last bits of scores depend; None leaves torch as it is.
            classes: What its classes must be, where they must be some.
            scales: Of the image; the probabilities at several are averaged (the paper's BoxSup+, Table 4).
            background_bias: See `log_probabilities`.

        Raises:
            StoreError: The file is missing, damaged, no checkpoint of ours, or one of other classes.
        """
        self._threads = threads
        self.checkpoint = load_checkpoint(path)
        self.classes = self.checkpoint.classes
        if classes is not None and self.classes != classes:
            raise StoreError(f"{path}: its classes are not those of the split; choose a split of its data set")
        self._scales, self._background_bias = tuple(scales), background_bias
        self._device = device()
        self._model = self.checkpoint.model.eval()
        self._model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def score_files(self, paths: Iterable[str]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """`score_images` of files, each read in a thread so that the network does not wait for it."""
        return self.score_images(map(read_image, paths))

    def score_images(
        self, images: Iterable[NDArray[np.uint8]]
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """Each image and its natural-log probabilities, H×W×3 uint8 and C×H×W float32, in order.

        Images are taken in one thread and go through the network in another, so that it waits neither for them nor for
        who works on the scores. Beside those in hand, the scores of two images are in memory at most.
        """
        return prefetch((image, self.log_probabilities(image).cpu().numpy()) for image in prefetch(images))

    def score_labels(self, images: Iterable[tuple[str, NDArray[np.int64]]]) -> Iterator[NDArray[np.float32]]:
        """Natural-log probabilities of some labels of each image, len(labels)×H×W float32, as `score_images` has all.

        Args:
            images: The file of each, and its labels: only theirs leave the device.
        """
        read = prefetch((read_image(path), labels) for path, labels in images)
        return prefetch(self.log_probabilities(image)[labels].cpu().numpy() for image, labels in read)

    @torch.inference_mode()
    def log_probabilities(
        self, image: NDArray[np.uint8], scales: Sequence[float] | None = None, background_bias: float | None = None
    ) -> Tensor:
        """Natural-log probabilities of an H×W×3 uint8 RGB image: C×H×W float32 on the network's device.

        With a bias b the background counts e^b times, p'(0) ∝ e^b p(0) and p'(l) ∝ p(l), which sum to 1 again: a prior
        corrected as by Saerens, Latinne & Decaestecker (Neural Computation 2002). The likeliest label of each pixel
        gives the most right pixels, and not the greatest IoU: of a class whose IoU can be J a pixel is worth having
        from odds of J on and not from 1 (Nowozin, CVPR 2014, has the exact decision), which b = log J amounts to.

        Args:
            image: The pixels.
            scales: Others than those given at the start.
            background_bias: Nats; another than that given at the start.
        """
        if self._threads is not None:
            torch.set_num_threads(self._threads)  # here, since it holds for the calling thread alone
        batch = normalise(image, self.checkpoint.normalisation)[None]
        batch = batch.to(self._device, memory_format=torch.channels_last)
        bias = self._background_bias if background_bias is None else background_bias
        return score_at_scales(self._model, batch, scales or self._scales, bias)[0]


def score_at_scales(network: nn.Module, images: Tensor, scales: Sequence[float], background_bias: float) -> Tensor:
    """Natural-log probabilities of N×3×H×W normalised images, N×C×H×W; see `Predictor.log_probabilities`."""
    each = [_at_scale(network, images, scale) for scale in scales]
    scores = each[0] if len(each) == 1 else torch.logsumexp(torch.stack(each), dim=0) - math.log(len(each))
    if background_bias:
        scores[:, 0] += background_bias
        scores = functional.log_softmax(scores, dim=1)
    return scores


def _at_scale(network: nn.Module, images: Tensor, scale: float) -> Tensor:
    """Log-probabilities of images that the network sees enlarged or made smaller."""
    size = images.shape[2:]
    if scale == 1:
        return enlarge_logits(network(images), size)
    sides = [max(1, round(side * scale)) for side in size]
    seen = functional.interpolate(images, sides, mode="bilinear", align_corners=False, antialias=True)
    return enlarge_logits(network(seen), size)


def enlarge_logits(logits: Tensor, size: Sequence[int]) -> Tensor:
    """N×C×h×w logits of a network as natural-log probabilities N×C×H×W at an image's own `size` (H, W)."""
    return functional.log_softmax(functional.interpolate(logits, size, mode="bilinear", align_corners=False), dim=1)
