"""What a variant of one step is given of an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sources import Data
from torch import Tensor
from torch.nn import functional

from boxsup.labels.candidates import Candidates
from boxsup.network.images import normalise
from boxsup.proposals.pool import Pool


@dataclass(frozen=True)
class Scene:
    """What a variant of one step is given of an image."""

    image: str
    pixels: NDArray[np.uint8]
    pool: Pool
    candidates: Candidates
    labels: NDArray[np.int64]
    scores: NDArray[np.float32] | None  # (1 + B)×H×W; None: the network is not asked


@dataclass(frozen=True)
class Asked:
    """A network's logits at its stride, image by image, at some scales of the image and mirrored."""

    logits: dict[str, list[Tensor]]

    def scores(self, image: str, labels: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.float32]:
        """Log-probabilities of `labels` at every pixel, from the mean of the logits."""
        sizes = [
            functional.interpolate(one[None], shape, mode="bilinear", align_corners=False)[0]
            for one in self.logits[image]
        ]
        return functional.log_softmax(sum(sizes) / len(sizes), dim=0)[labels].numpy()  # type: ignore[arg-type]


def ask(model: torch.nn.Module, data: Data, scales: tuple[float, ...] = (1.0,), mirror: bool = False) -> Asked:
    def forward(pixels: NDArray[np.uint8]) -> Tensor:
        with torch.inference_mode():
            return model(normalise(pixels)[None].to(memory_format=torch.channels_last))[0]

    logits = {}
    for image in data.train.ids:
        pixels = data.images[image]
        sized = [
            cv2.resize(pixels, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) if s != 1 else pixels for s in scales
        ]
        logits[image] = [forward(one) for one in sized]
        if mirror:
            logits[image] += [forward(np.ascontiguousarray(one[:, ::-1])).flip(2) for one in sized]
    return Asked(logits)


def scenes(data: Data, asked: Asked) -> Iterator[tuple[Scene, pd.DataFrame]]:
    for row in data.train.rows():
        own, pool = data.train.boxes_of(row.image), data.pools[row.image]
        corners, labels = own[["x0", "y0", "x1", "y1"]].to_numpy(np.int64), own["label"].to_numpy(np.int64)
        candidates = Candidates(
            pool.superpixels, pool.matrix().astype(np.float32), pool.boxes, corners, data.overlaps[row.image]
        )
        scores = asked.scores(row.image, np.concatenate(([0], labels)), (row.height, row.width))
        yield Scene(row.image, data.images[row.image], pool, candidates, labels, scores), own
