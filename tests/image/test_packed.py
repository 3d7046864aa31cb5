import pickle
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from boxsup.image.boxes import tight_box
from boxsup.image.packed import LazySequence, PackedMask, packed, packed_mask
from boxsup.image.runs import packed_runs, runs_of


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


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9)))
def test_runs_of_a_mask_are_those_of_pycocotools_and_come_back(pixels):
    theirs = coco_mask.encode(np.asfortranarray(pixels, np.uint8))
    runs = runs_of(PackedMask.of(pixels))
    assert runs == runs_of(pixels) == {"size": theirs["size"], "counts": theirs["counts"].decode("ascii")}
    np.testing.assert_array_equal(packed_runs(runs, pixels.shape, "mask").pixels(), pixels)


@pytest.mark.parametrize("corner", [(3, 3), (-1, 0), (0, 3)])
def test_a_mask_beyond_its_image_is_no_mask(corner):
    with pytest.raises(ValueError, match="not within an image"):
        PackedMask.within((4, 4), corner, np.ones((2, 2), np.bool_))


def test_no_mask_stays_none_and_a_missing_one_is_missing():
    assert Thing(1, None).pixels is None
    with pytest.raises(TypeError, match="pixels"):
        Thing(1)


def test_a_mask_takes_what_its_outline_takes():
    pixels = np.zeros((2000, 2000), np.bool_)
    pixels[100:1900, 100:1900] = True
    assert sys.getsizeof(packed_mask(Thing(1, pixels)).runs["counts"]) < 20_000


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.data())
def test_what_is_said_of_a_packed_mask_is_that_of_its_pixels(pixels, data):
    height, width = pixels.shape
    mask = packed_mask(Thing(1, pixels))
    assert packed_mask(Thing(1, mask.as_field())) is mask
    assert (mask.box, mask.area) == (tight_box(pixels), pixels.sum())
    x0, x1 = sorted(data.draw(st.lists(st.integers(0, width), min_size=2, max_size=2)))
    y0, y1 = sorted(data.draw(st.lists(st.integers(0, height), min_size=2, max_size=2)))
    np.testing.assert_array_equal(mask.inside((x0, y0, x1, y1)), pixels[y0:y1, x0:x1])
    moved = PackedMask.within((height + 3, width + 2), (2, 1), pixels)
    np.testing.assert_array_equal(moved.pixels(), np.pad(pixels, ((2, 1), (1, 1))))


@given(st.lists(st.integers()))
def test_each_makes_what_is_asked_for(numbers):
    made = []
    doubles = LazySequence(lambda number: made.append(number) or 2 * number, numbers)
    assert len(doubles) == len(numbers)
    assert made == []
    assert list(doubles) == [2 * number for number in numbers]
    assert made == numbers
