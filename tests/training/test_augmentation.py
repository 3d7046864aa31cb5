import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import maximum_filter, minimum_filter

from boxsup.config.training import TrainingSettings
from boxsup.random import generator
from boxsup.training.augmentation import PAD, augment


def settings(crop, scale=(1.0, 1.0), mirror=False):
    return TrainingSettings.model_construct(  # unchecked: with smaller crops than a configuration may ask for
        rate=0.01,
        head_rate=10.0,
        momentum=0.9,
        weight_decay=5e-4,
        batch=4,
        crop=crop,
        scale=scale,
        mirror=mirror,
        mixed_precision=False,
        threads=1,
    )


def positions(height, width):
    """An image that says where each pixel was (row, column), and labels that say it again."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([rows, columns, rows ^ columns], axis=-1), rows * 3 % 100 + columns


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    crop=st.integers(1, 70),
    mirror=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_crop_is_a_window_of_image_and_labels(height, width, crop, mirror, seed):
    image, labels = positions(height, width)
    got, got_labels = augment(image, labels, settings(crop, mirror=mirror), generator(seed, "test"))
    assert got.shape == (crop, crop, 3)
    assert got_labels.shape == (crop, crop)
    assert got.dtype == got_labels.dtype == np.uint8
    inside = got_labels != 255
    assert inside.sum() == min(height, crop) * min(width, crop)
    assert (got[~inside] == PAD).all()
    rows, columns = got[inside][:, 0].astype(int), got[inside][:, 1].astype(int)
    # The pixel and the label under it come from the same place, and the places are a window without gaps.
    np.testing.assert_array_equal(got[inside], image[rows, columns])
    np.testing.assert_array_equal(got_labels[inside], labels[rows, columns])
    assert np.ptp(rows) == min(height, crop) - 1
    assert np.ptp(columns) == min(width, crop) - 1
    assert len(set(zip(rows, columns, strict=True))) == inside.sum()


@given(sides=st.tuples(st.integers(40, 90), st.integers(40, 90)), scale=st.floats(0.5, 2), seed=st.integers(0, 2**32))
def test_labels_are_scaled_with_their_image(sides, scale, seed):
    rows, columns = np.mgrid[: sides[0], : sides[1]] // 16
    labels = ((rows * 7 + columns) % 5).astype(np.uint8)
    image = np.repeat((labels * 50)[..., None], 3, axis=2)
    got, got_labels = augment(image, labels, settings(80, (scale, scale), mirror=True), generator(seed, "test"))
    # Away from the borders of blocks and crop, where the image is smoothed, its grey says its label.
    around = {"size": 5, "mode": "constant", "cval": 255}
    flat = (maximum_filter(got_labels, **around) == minimum_filter(got_labels, **around)) & (got_labels != 255)
    assert flat.sum() >= 16
    np.testing.assert_array_equal(np.rint(got[flat][:, 0] / 50), got_labels[flat])
    assert set(np.unique(got_labels)) <= {0, 1, 2, 3, 4, 255}


def test_the_scale_is_drawn_from_its_range():
    image, labels = np.zeros((50, 40, 3), np.uint8), np.zeros((50, 40), np.uint8)
    heights = []
    for number in range(200):
        _, got = augment(image, labels, settings(100, (0.5, 1.5)), generator(number, "test"))
        heights.append(int((got != 255).any(axis=1).sum()))
    assert 25 <= min(heights) <= 30
    assert 70 <= max(heights) <= 75
    assert np.mean(heights) == pytest.approx(50, abs=4)


def test_every_window_is_drawn_and_half_are_mirrored():
    image, labels = positions(8, 9)
    corners, mirrored = [], 0
    for number in range(300):
        got, _ = augment(image, labels, settings(7, mirror=True), generator(number, "test"))
        corners.append((got[..., 0].min(), got[..., 1].min()))
        mirrored += bool(got[0, 0, 1] > got[0, -1, 1])
    counts = np.unique(corners, axis=0, return_counts=True)[1]
    assert len(counts) == 2 * 3
    assert counts.min() > 25
    assert 120 < mirrored < 180


def test_mirroring_changes_no_other_draw():
    image, labels = positions(40, 40)
    for number in range(20):
        plain, _ = augment(image, labels, settings(21), generator(number, "test"))
        other, _ = augment(image, labels, settings(21, mirror=True), generator(number, "test"))
        assert np.array_equal(other, plain) or np.array_equal(other[:, ::-1], plain)


def test_the_padding_is_about_zero_after_normalisation():
    from boxsup.network.images import normalise

    assert normalise(np.array([[PAD]], np.uint8)).abs().max() < 0.02
