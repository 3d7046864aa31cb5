"""Networks for tests that have learned nothing and still say different things of different places."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import nn

from boxsup.config.training import NetworkSettings
from boxsup.network import Segmenter, build_network
from boxsup.network.images import normalise
from boxsup.objects.network import ObjectNet, save_network

OWN_NETWORKS = [name for name in get_args(NetworkSettings.model_fields["name"].annotation) if name != "smp"]


def network_that_has_seen(pictures: Iterable[np.ndarray], classes: int = 3) -> Segmenter:
    """MobileNetV2 with random weights, its normalisations those of some pictures of one size."""
    torch.manual_seed(2)
    network = build_network("mobilenet_v2", classes)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    network(torch.stack([normalise(picture) for picture in pictures]))
    return network


def small_smp(decoder: str, stride: int = 16) -> str:
    """Name of the network of segmentation-models-pytorch with a decoder on a small encoder that fits it."""
    encoder = "tu-vit_tiny_patch16_224" if decoder == "dpt" else "tu-mobilenetv3_small_050"
    return f"smp:{decoder}:{encoder}:{stride}"


def write_object_network(path: Path, size: int = 40, seed: int = 0, boxes: int = 1) -> Path:
    """Write an object network with random weights, as if it had learned from `boxes`; equal seeds give equal files."""
    torch.manual_seed(seed)
    network = ObjectNet().eval()
    torch.nn.init.normal_(network.score.weight, std=0.5)
    save_network(path, network, {"settings": {"size": size}, "boxes": boxes})
    return path
