"""Which few of many things a page shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def evenly_spaced(length: int, count: int) -> list[int]:
    """At most `count` positions, spaced evenly over 0…length-1.

    >>> evenly_spaced(10, 3), evenly_spaced(2, 3)
    ([1, 5, 8], [0, 1])
    """
    return [int((step + 0.5) * length / count) for step in range(count)] if length > count else list(range(length))


def thinned(numbers: Sequence[int], count: int) -> list[int]:
    """At most `count` of the numbers in order, among them the first and the last.

    >>> thinned([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    positions = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).round().astype(int)
    return [numbers[position] for position in positions]


def first_middle_last(numbers: Sequence[int]) -> list[int]:
    """The first, the middle and the last of the numbers, each once.

    >>> first_middle_last([1, 2, 3, 4, 5]), first_middle_last([7])
    ([1, 3, 5], [7])
    """
    return list(dict.fromkeys((numbers[0], numbers[(len(numbers) - 1) // 2], numbers[-1])))
