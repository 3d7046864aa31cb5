"""A network for tests that has learned nothing and still says different things of different places."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from boxsup.network import Segmenter, build
from boxsup.network.images import normalised


def network_that_has_seen(pictures: Iterable[np.ndarray], classes: int = 3) -> Segmenter:
    """MobileNetV2 with random weights, its normalisations those of some pictures of one size."""
    torch.manual_seed(2)
    network = build("mobilenet_v2", classes)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    network(torch.stack([normalised(picture) for picture in pictures]))
    return network
