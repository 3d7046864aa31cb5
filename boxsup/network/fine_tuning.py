"""Training of a network whose encoder is pretrained: AdamW at two rates, which rise, then fall as half a cosine."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn


def half_cosine(step: int, steps: int, rate: float, warm_up: int) -> float:
    """Return the rate of the new layers at a step, from 0: a linear rise, then half a cosine that ends above 0.

    >>> half_cosine(0, 1000, 1.0, warm_up=50), half_cosine(500, 1000, 1.0, warm_up=50)
    (0.02, 0.5)
    """
    rise = min(1.0, (step + 1) / max(warm_up, 1))
    return rate * rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def make_adamw(
    encoder: Iterable[nn.Parameter], new: Iterable[nn.Parameter], rate: float, share: float, weight_decay: float
) -> torch.optim.AdamW:
    """Make the optimiser (Loshchilov & Hutter, ICLR 2019).

    Args:
        encoder: Parameters of the encoder.
        new: All other parameters.
        rate: Learning rate of the new layers.
        share: Learning rate of the encoder, as a share of `rate`.
        weight_decay: Weight decay.
    """
    groups = [{"params": list(encoder), "factor": share}, {"params": list(new), "factor": 1.0}]
    return torch.optim.AdamW(groups, lr=rate, weight_decay=weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of the new layers, and that of the encoder to its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
