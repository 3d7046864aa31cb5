from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from boxsup.proposals.hierarchy import boundary_tree, superpixels, top_of_tree
from boxsup.random import generator


def test_a_line_cuts_an_image_in_two():
    contours = np.zeros((20, 30), np.float32)
    contours[:, 12] = 1
    labels = superpixels(contours, 2)
    assert np.unique(labels[:, :12]).tolist() == [0]
    assert np.unique(labels[:, 13:]).tolist() == [1]


def test_of_two_lines_the_stronger_is_left():
    contours = np.zeros((20, 30), np.float32)
    contours[:, 8], contours[:, 20] = 0.5, 0.9
    assert np.unique(superpixels(contours, 3)[0]).tolist() == [0, 1, 2]
    left, right = superpixels(contours, 2)[0, [2, 28]]
    assert superpixels(contours, 2)[0, 14] == left != right


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30), st.integers(1, 40))
def test_superpixels_are_connected_and_in_raster_order(seed, height, width, most):
    contours = generator(seed, "contours").random((height, width), np.float32)
    labels = superpixels(contours, most)
    assert labels.shape == contours.shape
    assert labels.max() < most
    _, first = np.unique(labels, return_index=True)
    assert labels.ravel()[first].tolist() == list(range(labels.max() + 1))
    assert np.all(np.diff(first) > 0)
    assert all(ndimage.label(labels == region)[1] == 1 for region in range(labels.max() + 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, 5000)])
def test_odd_contours_have_superpixels(shape):
    assert np.all(superpixels(np.zeros(shape, np.float32), 10) == 0)
    noise = superpixels(generator(0, "odd").random(shape, np.float32), 10)
    assert noise.shape == shape
    assert noise.max() < 10


def test_the_weakest_border_merges_first_by_its_mean_over_both_parts():
    # A triangle 0-1-2: 0-1 is weakest (0.1); the border of {0, 1} with 2 is then (1 × 0.9 + 3 × 0.3) / 4.
    pairs, lengths = np.array([[0, 1], [0, 2], [1, 2], [2, 3]]), np.array([2, 1, 3, 1])
    weaker = boundary_tree(pairs, np.array([0.1, 0.9, 0.3, 0.5]), lengths, 4)  # 0.45 before 0.5
    assert weaker.tolist() == [4, 4, 5, 6, 5, 6, 6]
    stronger = boundary_tree(pairs, np.array([0.1, 0.9, 0.3, 0.4]), lengths, 4)  # 0.4 before 0.45
    assert stronger.tolist() == [4, 4, 5, 5, 6, 6, 6]


def test_one_region_is_a_tree():
    assert boundary_tree(np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0, np.int64), 1).tolist() == [0]


@pytest.mark.parametrize(
    ("leaves", "leaf", "upper"),
    [
        (1, [0, 0, 0, 0], [0]),
        (2, [1, 0, 0, 1], [2, 2, 2]),  # 1 and 2 are node 4, 0 and 3 node 5
        (3, [0, 2, 2, 1], [3, 3, 4, 4, 4]),
        (4, [0, 1, 2, 3], [5, 4, 4, 5, 6, 6, 6]),
        (9, [0, 1, 2, 3], [5, 4, 4, 5, 6, 6, 6]),
    ],
)
def test_a_trees_last_merges_are_undone(leaves, leaf, upper):
    found = top_of_tree(np.array([5, 4, 4, 5, 6, 6, 6]), leaves)
    assert [part.tolist() for part in found] == [leaf, upper]
