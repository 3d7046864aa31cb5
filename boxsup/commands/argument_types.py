"""Types of arguments for `argparse`: numbers with bounds, whose errors say what is right."""

from __future__ import annotations

import argparse
import math

from boxsup.config.fields import MAX_SCALE
from boxsup.image.tiles import MIN_SIDE


def whole_number(text: str) -> int:
    """A whole number from 1 on.

    >>> whole_number("4")
    4
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got '{text}'")
    return int(text)


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
