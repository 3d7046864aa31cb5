import pickle
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from boxsup.image.packed import LazySequence, packed


@packed
@dataclass(frozen=True)
class Thing:
    label: int
    pixels: np.ndarray | None


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_a_mask_comes_back_as_it_was(pixels):
    for thing in (Thing(1, pixels), pickle.loads(pickle.dumps(Thing(1, pixels))), replace(Thing(2, pixels), label=1)):
        assert thing.label == 1
        assert thing.pixels.dtype == np.bool_
        np.testing.assert_array_equal(thing.pixels, pixels)


def test_no_mask_stays_none_and_a_missing_one_is_missing():
    assert Thing(1, None).pixels is None
    with pytest.raises(TypeError, match="pixels"):
        Thing(1)


def test_a_mask_takes_what_its_outline_takes():
    pixels = np.zeros((2000, 2000), np.bool_)
    pixels[100:1900, 100:1900] = True
    held = vars(Thing(1, pixels))["pixels"]
    assert sys.getsizeof(held[-1]["counts"]) < 20_000


@given(st.lists(st.integers()))
def test_each_makes_what_is_asked_for(numbers):
    made = []
    doubles = LazySequence(lambda number: made.append(number) or 2 * number, numbers)
    assert len(doubles) == len(numbers)
    assert made == []
    assert list(doubles) == [2 * number for number in numbers]
    assert made == numbers
