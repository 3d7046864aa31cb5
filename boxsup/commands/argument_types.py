"""Types of arguments for `argparse`: numbers with bounds, whose errors say what is right."""

from __future__ import annotations

import argparse
import functools
import math

from boxsup.config.fields import MAX_SCALE
from boxsup.image.tiles import MIN_SIDE


def whole_number(text: str, least: int = 1, most: int | None = None) -> int:
    """A whole number from `least` on, to `most` if there is one.

    >>> whole_number("4")
    4
    """
    value = int(text) if text.isdecimal() else -1
    if value < least or (most is not None and value > most):
        bounds = f"from {least} on" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, got '{text}'")
    return value


from_zero = functools.partial(whole_number, least=0)


def number(text: str) -> float:
    """A finite number.

    >>> number("-0.5")
    -0.5
    """
    value = _float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got '{text}'")
    return value


def above_zero(text: str) -> float:
    """A number above 0, or inf.

    >>> above_zero("inf")
    inf
    """
    value = _float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0, or inf, got '{text}'")
    return value


def tile_side(text: str) -> int:
    """The side of a tile, px, of which a network can make something.

    >>> tile_side("640")
    640
    """
    side = whole_number(text)
    if side < MIN_SIDE:
        raise argparse.ArgumentTypeError(f"expected {MIN_SIDE} px or more, got '{text}'")
    return side


def scale(text: str) -> float:
    """A scale of images, above 0.

    >>> scale("0.8")
    0.8
    """
    value = _float(text)
    if not 0 < value <= MAX_SCALE:
        raise argparse.ArgumentTypeError(f"expected a number above 0, at most {MAX_SCALE:g}, got '{text}'")
    return value


def _float(text: str) -> float:
    """The number in a text; NaN if there is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
