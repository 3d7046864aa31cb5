import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.objects.crops import box_map, crop, crop_side, crops_of, margin_of, on_box

RAMP = np.tile(np.arange(240, dtype=np.uint8)[None, :], (120, 1))  # the value of a pixel is its column


@pytest.mark.parametrize("box", [(60, 40, 140, 80), (50, 30, 180, 100), (100, 50, 120, 58)])
def test_a_crop_samples_the_image_where_the_box_says(box):
    x0, _, x1, _ = box
    cut = crop(RAMP, np.array(box), 40)
    places = x0 + (np.arange(crop_side(40)) - margin_of(40) + 0.5) * (x1 - x0) / 40 - 0.5
    within = (places > 1) & (places < 238)
    np.testing.assert_allclose(cut[:, within], np.tile(places[within], (len(cut), 1)), atol=1.01)


def test_a_crop_with_the_boxs_own_size_copies_pixels():
    image = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    np.testing.assert_array_equal(crop(image, np.array([30, 20, 50, 40]), 20), image[16:44, 26:54])


def test_what_lies_outside_of_the_image_is_mirrored():
    image = np.arange(25, dtype=np.uint8).reshape(5, 5)
    expected = np.pad(image, 1, mode="symmetric")
    np.testing.assert_array_equal(crop(image, np.array([0, 0, 5, 5]), 5), expected)


@given(st.tuples(*[st.integers(0, 30)] * 2), st.tuples(*[st.integers(1, 40)] * 2), st.sampled_from([20, 33, 80]))
def test_any_box_has_a_crop(corner, sides, size):
    image = np.full((70, 70, 3), 9, np.uint8)
    box = np.array([*corner, *np.add(corner, sides)])
    cut = crop(image, box, size)
    assert cut.shape == (crop_side(size), crop_side(size), 3)
    assert (cut == 9).all()


def test_crops_of_no_boxes():
    assert crops_of(np.zeros((5, 5, 3), np.uint8), np.zeros((0, 4), int), 20).shape == (0, 28, 28, 3)


@given(st.integers(1, 90), st.integers(1, 90))
def test_a_map_that_is_stretched_and_put_back_keeps_its_mean(height, width):
    half = np.zeros((height, width), np.float32)
    half[:, : width // 2] = 1
    there = box_map(half, 40)
    back = on_box(there, np.array([3, 4, 3 + width, 4 + height]))
    assert back.shape == half.shape
    assert there.mean() == pytest.approx(half.mean(), abs=0.02)
    assert back.mean() == pytest.approx(half.mean(), abs=0.02)


def test_a_map_grows_bilinearly_and_shrinks_by_averages():
    np.testing.assert_allclose(on_box(np.array([[0.0, 1.0]], np.float32), np.array([0, 0, 4, 1])), [[0, 0.25, 0.75, 1]])
    np.testing.assert_allclose(box_map(np.array([[0, 1, 1, 1]], np.float32), 2), [[0.5, 1], [0.5, 1]])
