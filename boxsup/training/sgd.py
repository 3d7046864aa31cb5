"""Stochastic gradient descent with momentum and weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class SGD:
    """Takes the steps of `torch.optim.SGD`, to the last bit, without importing torch's compiler, which takes seconds.

    With the gradient g of a weight w: g ← g + `weight_decay` w, m ← `momentum` m + g, w ← w - rate m; the first m is g.

    Attributes:
        param_groups: Groups of weights, each a dictionary with `params`, the rate `lr`, and what else it was given.
        state: Weight -> {"momentum_buffer": m}; empty before the first step.
    """

    def __init__(
        self, groups: Sequence[Mapping[str, Any]], lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        """Make an optimizer of some groups of weights, each with the same rate until another one is set."""
        self.param_groups: list[dict[str, Any]] = [{"lr": lr, **group} for group in groups]
        self.state: dict[Tensor, dict[str, Tensor]] = {
            weight: {} for group in self.param_groups for weight in group["params"]
        }
        self._momentum, self._weight_decay = momentum, weight_decay

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.state:
            weight.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the weights that have gradients."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            steps = [weight.grad for weight in weights]
            if self._weight_decay:
                steps = list(torch._foreach_add(steps, weights, alpha=self._weight_decay))
            if self._momentum:
                steps = self._with_momentum(weights, steps)
            torch._foreach_add_(weights, steps, alpha=-group["lr"])

    def _with_momentum(self, weights: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
        """The new momentum of some weights."""
        before = [(weight, step) for weight, step in zip(weights, gradients, strict=True) if self.state[weight]]
        if before:
            old = [self.state[weight]["momentum_buffer"] for weight, _ in before]
            torch._foreach_mul_(old, self._momentum)
            torch._foreach_add_(old, [step for _, step in before])
        for weight, step in zip(weights, gradients, strict=True):
            self.state[weight].setdefault("momentum_buffer", step.detach().clone())
        return [self.state[weight]["momentum_buffer"] for weight in weights]
