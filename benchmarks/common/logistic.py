"""Weights of a logistic function, fitted to examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 50  # of Newton's method; a few are enough


def logistic_weights(
    design: NDArray[np.float64], truth: NDArray[np.floating] | NDArray[np.bool_], ridge: float
) -> NDArray[np.float64]:
    """Fit by penalised maximum likelihood.

    Args:
        design: N×F features of the examples; the first is 1.
        truth: N values in [0, 1], or whether each is so.
        ridge: Half of it times the squared weights is the penalty; the first weight has none.

    Returns:
        F weights.
    """
    penalty, weights = np.array([0.0, *np.full(design.shape[1] - 1, ridge)]), np.zeros(design.shape[1])
    for _ in range(STEPS):
        found = 1 / (1 + np.exp(-design @ weights))
        hessian = (design.T * (found * (1 - found))) @ design + np.diag(penalty)
        weights += np.linalg.solve(hessian, design.T @ (truth - found) - penalty * weights)
    return weights
