"""Draws the form of each class of the demo data, as strokes in units of its radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Stroke:
    """A part of a form.

    Attributes:
        points: N×2 (x, y), within about [-1, 1].
        width: Width of the line through the points; 0 fills the polygon with these corners.
        closed: Whether the line returns to its first point.
    """

    points: Points
    width: float = 0.0
    closed: bool = False


def ring(draws: np.random.Generator) -> list[Stroke]:
    """The line of a circle or an ellipse."""
    width = draws.uniform(0.26, 0.36)
    radii = (1 - width / 2) * np.array([1, draws.uniform(0.75, 1)])
    return [Stroke(_arc(0, 2 * np.pi)[:-1] * radii, width, closed=True)]


def crescent(draws: np.random.Generator) -> list[Stroke]:
    """A disc minus a second disc: the area between two arcs through the same two tips."""
    half = draws.uniform(1.75, 2.1)  # half of the outer arc's angle
    outer = _arc(-half, half)
    tip = np.array([np.cos(half), np.sin(half)])
    # The inner arc meets the tips and bulges the same way, less far.
    depth = draws.uniform(0.1, 0.35)
    centre = (tip @ tip - depth**2) / (2 * (tip[0] - depth))
    inner_half = np.arctan2(tip[1], tip[0] - centre)
    inner = _arc(inner_half, -inner_half) * (depth - centre) + [centre, 0]
    return [Stroke(np.concatenate([outer, inner]))]


def star(draws: np.random.Generator) -> list[Stroke]:
    """A star with five to seven points."""
    points = int(draws.integers(5, 8))
    radii = np.where(np.arange(2 * points) % 2, draws.uniform(0.34, 0.44), 1.0)
    angles = np.arange(2 * points) * np.pi / points
    return [Stroke(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))]


def branch(draws: np.random.Generator) -> list[Stroke]:
    """A small random tree of thick strokes that get thinner towards the tips."""
    strokes: list[Stroke] = []
    ends = [(np.array([0.0, -1.0]), np.pi / 2, 0.8, 0.34)]
    while ends:
        start, angle, length, width = ends.pop()
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        strokes.append(Stroke(np.stack([start, end]), width))
        if length > 0.5:
            for turn in (-1, 1):
                spread = turn * draws.uniform(0.45, 0.85)
                ends.append((end, angle + spread, length * draws.uniform(0.7, 0.85), width * 0.86))
    return strokes


def spiral(draws: np.random.Generator) -> list[Stroke]:
    """About one and a half turns from near the centre outwards."""
    angles = np.linspace(0, 2 * np.pi * draws.uniform(1.4, 1.7), 120)
    radii = 0.12 + (0.9 - 0.12) * angles / angles[-1]
    return [Stroke(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1), draws.uniform(0.21, 0.25))]


def comb(draws: np.random.Generator) -> list[Stroke]:
    """A spine with three or four teeth."""
    teeth = int(draws.integers(3, 5))
    spine = -draws.uniform(0.55, 0.75)
    xs = np.linspace(-0.9, 0.9, teeth)
    strokes = [Stroke(np.array([[-0.9, spine], [0.9, spine]]), 0.34)]
    tips = draws.uniform(0.5, 0.8, size=teeth)
    strokes += [Stroke(np.array([[x, spine], [x, tip]]), 0.3) for x, tip in zip(xs, tips, strict=True)]
    return strokes


def _arc(start: float, stop: float) -> Points:
    angles = np.linspace(start, stop, 60)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


FORMS: dict[str, Callable[[np.random.Generator], list[Stroke]]] = {
    "ring": ring,
    "crescent": crescent,
    "star": star,
    "branch": branch,
    "spiral": spiral,
    "comb": comb,
}
