"""Random changes of crops in training: mirrored, shifted, zoomed, recoloured, covered by other objects."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

ZOOM, SHIFT = 0.1, 0.06  # zoom by 1 ± ZOOM; shift by ± SHIFT of the half side
LIGHT, CONTRAST, COLOUR = 0.1, 0.3, 0.3
SURE = 0.7  # a pixel of another box that is pasted in front belongs to its object with this probability
MIN_LEFT = 0.5  # of the object stays visible


def augment(crops: Tensor, targets: Tensor, paste: float, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Change each crop of a batch at random, and its target alike.

    Args:
        crops: B×3×S×S float32 in [0, 1].
        targets: B×2×S×S float32: the share of each pixel that is the object, and how much the pixel counts.
        paste: Share of the crops that another object of the batch covers in part.
        draws: The source of all draws.
    """
    if paste:
        crops, targets = _covered(crops, targets, paste, draws)
    crops, targets = _moved(crops, targets, draws)
    return _recoloured(crops, draws), targets


def _moved(crops: Tensor, targets: Tensor, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    count = len(crops)
    mirrored = np.where(draws.random(count) < 0.5, -1.0, 1.0)
    theta = np.zeros((count, 2, 3), np.float32)
    theta[:, 0, 0] = draws.uniform(1 - ZOOM, 1 + ZOOM, count) * mirrored
    theta[:, 1, 1] = draws.uniform(1 - ZOOM, 1 + ZOOM, count)
    theta[:, :, 2] = draws.uniform(-SHIFT, SHIFT, (count, 2))
    grid = functional.affine_grid(torch.from_numpy(theta), list(crops.shape), align_corners=False)
    moved = functional.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
    # What does not count has no part in the share of a pixel between.
    shares, counts = targets.unbind(1)
    held, counted = functional.grid_sample(
        torch.stack([shares * counts, counts], dim=1), grid, padding_mode="zeros", align_corners=False
    ).unbind(1)
    return moved, torch.stack([held / counted.clamp(min=1e-6), counted], dim=1)


def _recoloured(crops: Tensor, draws: np.random.Generator) -> Tensor:
    count = len(crops)
    light, contrast, colour = (
        torch.from_numpy(draws.uniform(-reach, reach, (count, 1, 1, 1)).astype(np.float32))
        for reach in (LIGHT, CONTRAST, COLOUR)
    )
    grey = crops.mean(dim=1, keepdim=True)
    crops = grey + (crops - grey) * (1 + colour)
    middle = crops.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (crops - middle) * (1 + contrast) + light


def _covered(crops: Tensor, targets: Tensor, paste: float, draws: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Paste the sure pixels of another crop's object in front, which is true occlusion (SIM, CVPR 2023)."""
    count = len(crops)
    others = torch.from_numpy(draws.permutation(count))
    theta = np.zeros((count, 2, 3), np.float32)
    theta[:, 0, 0] = theta[:, 1, 1] = draws.uniform(0.7, 2.2, count)
    theta[:, :, 2] = draws.uniform(-1.2, 1.2, (count, 2))
    grid = functional.affine_grid(torch.from_numpy(theta), list(crops.shape), align_corners=False)
    sure = (targets[others, :1] > SURE).float()
    front = functional.grid_sample(sure, grid, align_corners=False) > 0.5
    pixels = functional.grid_sample(crops[others], grid, align_corners=False)
    before, target = targets[:, :1].sum(dim=(1, 2, 3)), targets[:, :1] * ~front
    used = torch.from_numpy(draws.random(count) < paste) & (target.sum(dim=(1, 2, 3)) >= MIN_LEFT * before)
    front = front & used[:, None, None, None]
    crops = torch.where(front, pixels, crops)
    counts = torch.where(front, torch.ones_like(targets[:, 1:]), targets[:, 1:])
    return crops, torch.cat([targets[:, :1] * ~front, counts], dim=1)
