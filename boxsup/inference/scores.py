"""Scores of whole images."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boxsup.errors import StoreError
from boxsup.network.checkpoint import load_checkpoint
from boxsup.network.images import device, normalised


class Predictor:
    """A trained network that scores every pixel of an image at full resolution.

    Attributes:
        classes: Names by label; the first is the background.
        checkpoint: What it was read from.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int, classes: tuple[str, ...] | None = None) -> None:
        """Read a checkpoint.

        Args:
            path: Of the checkpoint.
            threads: Of torch on the CPU, on which the last bits of scores depend.
            classes: What its classes must be, where they must be some.

        Raises:
            StoreError: The file is missing, damaged, no checkpoint of ours, or one of other classes.
        """
        torch.set_num_threads(threads)
        self.checkpoint = load_checkpoint(path)
        self.classes = self.checkpoint.classes
        if classes is not None and self.classes != classes:
            raise StoreError(f"{path}: its classes are not those of the split; choose a split of its data set")
        self._device = device()
        self._model = self.checkpoint.model.eval()
        self._model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def log_probabilities(self, image: NDArray[np.uint8]) -> Tensor:
        """Natural-log probabilities of an H×W×3 uint8 RGB image: C×H×W float32 on the network's device."""
        batch = normalised(image)[None].to(self._device, memory_format=torch.channels_last)
        logits = functional.interpolate(self._model(batch), image.shape[:2], mode="bilinear", align_corners=False)
        return functional.log_softmax(logits, dim=1)[0]
