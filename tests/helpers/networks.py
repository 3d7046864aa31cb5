"""A network for tests that has learned nothing and still says different things of different places."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from boxsup.network import Segmenter, build_network
from boxsup.network.images import normalise


def network_that_has_seen(pictures: Iterable[np.ndarray], classes: int = 3) -> Segmenter:
    """MobileNetV2 with random weights, its normalisations those of some pictures of one size."""
    torch.manual_seed(2)
    network = build_network("mobilenet_v2", classes)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    network(torch.stack([normalise(picture) for picture in pictures]))
    return network
