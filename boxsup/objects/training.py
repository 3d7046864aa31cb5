"""Training of an object network on crops with soft targets."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boxsup.config.objects import ObjectNetSettings
from boxsup.errors import BoxSupError
from boxsup.machine.devices import device
from boxsup.network.fine_tuning import half_cosine, make_adamw, set_rate
from boxsup.network.images import IMAGENET
from boxsup.objects.augmentation import augment
from boxsup.objects.codes import OBJECT, UNKNOWN
from boxsup.objects.crops import margin_of
from boxsup.objects.network import ObjectNet
from boxsup.random import generator, torch_seed

MARGIN_WEIGHT = 0.25  # of a pixel in the margin, which is never the object
WARM_UP = 50  # steps over which the rate rises
WEIGHT_DECAY = 0.02
MOST_EPOCHS = 4  # times `epochs`, for `steps`


def train_network(
    network: ObjectNet,
    crops: NDArray[np.uint8],
    targets: NDArray[np.uint8],
    settings: ObjectNetSettings,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> None:
    """Train a network in place, by AdamW (Loshchilov & Hutter, ICLR 2019); on the CPU, equal arguments give equal bits.

    Args:
        network: The network.
        crops: N×S×S×3 uint8.
        targets: N×S×S uint8 codes: a share of the pixel that is the object, times OBJECT, or UNKNOWN.
        settings: Settings of the object network.
        seed: Seed of the run.
        on_step: Called after every step with its number from 1, the number of steps, and its loss in nats per pixel.

    Raises:
        BoxSupError: The loss is no longer finite.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(torch_seed(seed, "objects", "training"))
    target = device()
    network.to(target, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = make_adamw(*network.parameter_groups(), settings.rate, settings.encoder_rate, WEIGHT_DECAY)
    batches = max(1, len(crops) // settings.batch)
    steps = epochs_of(settings, batches) * batches if len(crops) else 0
    for step in range(steps):
        epoch, batch = divmod(step, batches)
        if batch == 0:
            draws = generator(seed, "objects", epoch)
            order = draws.permutation(len(crops))
        index = np.sort(order[batch * settings.batch : (batch + 1) * settings.batch])
        pixels, aims = augment(*batch_of(crops[index], targets[index], settings.size), settings.paste, draws)
        set_rate(optimizer, half_cosine(step, steps, settings.rate, WARM_UP))
        inputs = normalised(pixels).to(target, memory_format=torch.channels_last)
        loss = object_loss(network(inputs), aims.to(target))
        value = loss.item()
        if not math.isfinite(value):
            raise BoxSupError(f"objects: the loss of step {step + 1} is {value}; lower objects.rate")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        on_step(step + 1, steps, value)
    network.eval()


def epochs_of(settings: ObjectNetSettings, batches: int) -> int:
    """The number of epochs of so many batches: `epochs`, or, up to MOST_EPOCHS times as many, as `steps` asks for.

    >>> [epochs_of(ObjectNetSettings.model_construct(epochs=12, steps=550), batches) for batches in (100, 25, 1)]
    [12, 22, 48]
    """
    return min(MOST_EPOCHS * settings.epochs, max(settings.epochs, math.ceil(settings.steps / batches)))


def object_loss(logits: Tensor, aims: Tensor) -> Tensor:
    """Mean cross-entropy with soft targets; a pixel weighs as much as is known of it, |2 share - 1|, where it counts.

    Args:
        logits: B×S×S.
        aims: B×2×S×S: the share of each pixel that is the object, and how much the pixel counts.
    """
    shares, counts = aims.unbind(1)
    weights = counts * (2 * shares - 1).abs()
    losses = functional.binary_cross_entropy_with_logits(logits, shares, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def object_maps(network: ObjectNet, crops: NDArray[np.uint8], size: int, batch: int = 32) -> NDArray[np.float32]:
    """Say which pixels of each box are the object: the mean of the network's answers for a crop and its mirror image.

    Args:
        network: The network, in evaluation mode.
        crops: N×S×S×3 uint8.
        size: Side of a box in its crop, px.
        batch: Number of crops that are computed at once.

    Returns:
        N×size×size probabilities, stretched over the boxes.
    """
    margin, inner = margin_of(size), np.empty((len(crops), size, size), np.float32)
    target = next(network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(crops), batch):
            pixels = torch.from_numpy(crops[start : start + batch]).permute(0, 3, 1, 2).float() / 255
            inputs = normalised(pixels).to(target, memory_format=torch.channels_last)
            seen = torch.sigmoid(network(inputs)) + torch.sigmoid(network(inputs.flip(3))).flip(2)
            window = np.s_[:, margin : margin + size, margin : margin + size]
            inner[start : start + batch] = seen[window].cpu().numpy() / 2
    return inner


def normalised(pixels: Tensor) -> Tensor:
    """N×3×S×S float32 in [0, 1], normalised as ImageNet's."""
    mean, std = (torch.tensor(values)[None, :, None, None] for values in IMAGENET)
    return (pixels - mean) / std


def batch_of(crops: NDArray[np.uint8], targets: NDArray[np.uint8], size: int) -> tuple[Tensor, Tensor]:
    """Make a batch from crops and the codes of their targets.

    Returns:
        B×3×S×S crops in [0, 1]; B×2×S×S, the share of each pixel that is the object, and how much the pixel counts: 1
        in the box, MARGIN_WEIGHT in the margin, 0 where the target is unknown.
    """
    pixels, codes = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(targets)
    known = codes != UNKNOWN
    shares = codes * known / OBJECT
    counts, margin = torch.full(codes.shape, MARGIN_WEIGHT), margin_of(size)
    counts[:, margin : margin + size, margin : margin + size] = 1
    return pixels, torch.stack([shares, counts * known], dim=1)
