"""Training of the contour network: a fixed number of steps, each determined by the seed and its number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from boxsup.contours.bsds import Annotated
from boxsup.contours.network import ContourNet
from boxsup.contours.sampling import random_square
from boxsup.errors import BoxSupError
from boxsup.network.fine_tuning import half_cosine, make_adamw, set_rate
from boxsup.network.folding import folded
from boxsup.network.images import IMAGENET
from boxsup.random import generator, torch_seed


@dataclass(frozen=True)
class ContourTraining:
    """How the network is trained.

    Attributes:
        steps: Number of steps of AdamW (Loshchilov & Hutter, ICLR 2019).
        batch: Squares per step, each from an image drawn at random.
        side: Side of a square, px; a multiple of 16.
        rate: Learning rate of the new layers after the warm-up; it falls to 0 as half a cosine.
        encoder_rate: Learning rate of the pretrained encoder, as a share of `rate`.
        warm_up: Steps over which the rate rises linearly from 0.
        weight_decay: Weight decay of AdamW.
        emphasis: A pixel weighs 1 + emphasis × consensus, since most pixels are far from any boundary.
        threads: Number of torch's threads; the last bits of sums depend on it.
    """

    steps: int = 4000
    batch: int = 8
    side: int = 192
    rate: float = 3e-3
    encoder_rate: float = 0.2
    warm_up: int = 100
    weight_decay: float = 1e-3
    emphasis: float = 2.0
    threads: int = 1


def train(
    images: Sequence[Annotated],
    imagenet: dict[str, Tensor] | None,
    recipe: ContourTraining,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> ContourNet:
    """Train a network on the CPU; equal arguments give equal bits.

    Args:
        images: At least one, each at least as large as a square at the smallest scale is best.
        imagenet: torchvision's MobileNetV2 weights for the encoder; None starts from random ones.
        recipe: The settings of the training.
        seed: Seed of the initial weights and of every draw.
        on_step: Called after every step with its number from 1, the number of steps, and its loss in nats per pixel.

    Returns:
        The network, ready for use; see `boxsup.network.folding.folded`.

    Raises:
        BoxSupError: The loss is no longer finite.
    """
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(torch_seed(seed, "contours"))
    network = ContourNet()
    if imagenet is not None:
        network.load_imagenet(imagenet)
    network.to(memory_format=torch.channels_last).train()
    optimizer = _optimizer(network, recipe)
    for step in range(recipe.steps):
        set_rate(optimizer, learning_rate(step, recipe))
        squares, targets = make_batch(images, recipe, seed, step)
        loss = boundary_loss(network(squares), targets, recipe.emphasis)
        value = loss.item()
        if not math.isfinite(value):
            raise BoxSupError(f"contours: the loss of step {step + 1} is {value}; lower the rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        on_step(step + 1, recipe.steps, value)
    return folded(network)


def learning_rate(step: int, recipe: ContourTraining) -> float:
    """Return the rate of the new layers at a step, from 0: a linear rise, then half a cosine that ends above 0.

    Example:
        >>> learning_rate(0, ContourTraining(warm_up=10, rate=1.0)), learning_rate(2000, ContourTraining(rate=1.0))
        (0.1, 0.5)
    """
    return half_cosine(step, recipe.steps, recipe.rate, recipe.warm_up)


def boundary_loss(logits: Tensor, targets: Tensor, emphasis: float) -> Tensor:
    """Compute the cross-entropy with a soft target, weighted by 1 + emphasis × target, averaged over all pixels.

    Args:
        logits: B×1×H×W.
        targets: B×1×H×W in [0, 1].
        emphasis: Not negative.
    """
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * (1 + emphasis * targets)).mean()


def make_batch(images: Sequence[Annotated], recipe: ContourTraining, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Make the squares of a step, B×3×S×S float32 normalised like ImageNet's, and their targets, B×1×S×S."""
    random = generator(seed, "contours", step)
    drawn = [random_square(images[int(random.integers(len(images)))], recipe.side, random) for _ in range(recipe.batch)]
    squares = np.stack([square for square, _ in drawn])
    pixels = (squares - np.asarray(IMAGENET.mean, np.float32)) / np.asarray(IMAGENET.std, np.float32)
    targets = np.stack([target for _, target in drawn])
    # The transposed view is channels last, which the convolutions prefer.
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(targets)[:, None]


def _optimizer(network: ContourNet, recipe: ContourTraining) -> torch.optim.AdamW:
    encoder = list(network.encoder.parameters())
    known = {id(parameter) for parameter in encoder}
    new = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return make_adamw(encoder, new, recipe.rate, recipe.encoder_rate, recipe.weight_decay)
