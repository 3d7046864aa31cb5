from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from boxsup.proposals.regions import borders, raster_order, region_boxes
from boxsup.proposals.superpixels import (
    graph_segmentation,
    majority_nodes,
    merge_small,
    node_members,
    refine_partitions,
)
from boxsup.random import generator

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 9)


def partition(draws, height, width, most):
    labels = draws.integers(0, most, (height, width))
    return np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.int32)


def slow_borders(labels):
    """Border length of each pair of regions, pixel side by pixel side."""
    found: dict[tuple[int, int], int] = {}
    for y, x in np.ndindex(labels.shape):
        for v, u in ((y + 1, x), (y, x + 1)):
            if v < labels.shape[0] and u < labels.shape[1] and labels[y, x] != labels[v, u]:
                pair = tuple(sorted((int(labels[y, x]), int(labels[v, u]))))
                found[pair] = found.get(pair, 0) + 1
    return dict(sorted(found.items()))


def slow_merge(labels, least):
    """The smallest region joins the neighbour with the longest border until none is small."""
    labels = labels.copy()
    while True:
        regions, sizes = np.unique(labels, return_counts=True)
        if sizes.min() >= least or len(regions) == 1:
            return labels
        small = regions[sizes.argmin()]
        lengths = {sum(pair) - small: n for pair, n in slow_borders(labels).items() if small in pair}
        labels[labels == small] = min(lengths, key=lambda other: (-lengths[other], other))


def random_tree(draws, leaves):
    parent, alive = np.arange(2 * leaves - 1), list(range(leaves))
    for node in range(leaves, 2 * leaves - 1):
        for _ in range(2):
            parent[alive.pop(draws.integers(len(alive)))] = node
        alive.append(node)
    return parent


@given(seeds, sides, sides)
def test_borders_boxes_and_raster_order_against_loops(seed, height, width):
    labels = partition(generator(seed, "test"), height, width, 5)
    regions = int(labels.max()) + 1
    pairs, lengths = borders(labels, regions)
    assert dict(zip(map(tuple, pairs.tolist()), lengths.tolist(), strict=True)) == slow_borders(labels)
    order = raster_order(labels, regions)[labels]
    assert list(dict.fromkeys(order.ravel().tolist())) == list(range(regions))
    for region, (x0, y0, x1, y1) in enumerate(region_boxes(labels, regions)):
        ys, xs = np.nonzero(labels == region)
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (x0, y0, x1, y1)


@given(seeds, sides, sides, st.integers(1, 3))
def test_refinement_is_the_connected_parts_of_what_all_partitions_leave_whole(seed, height, width, count):
    draws = generator(seed, "test")
    partitions = np.stack([partition(draws, height, width, 2) for _ in range(count)])
    pieces, firsts = refine_partitions(partitions)
    signature = (partitions * 2 ** np.arange(count)[:, None, None]).sum(axis=0)
    expected, total = np.zeros((height, width), int), 0
    for value in np.unique(signature):
        parts, found = ndimage.label(signature == value)
        expected += np.where(parts, parts + total, 0)
        total += found
    assert len(firsts) == total == pieces.max() + 1
    assert len(np.unique(np.stack([expected.ravel(), pieces.ravel()]), axis=1).T) == total
    assert np.array_equal(firsts, np.unique(pieces, return_index=True)[1])
    assert np.all(np.diff(firsts) > 0)


@given(seeds, sides, sides, st.integers(0, 90))
def test_small_regions_merge_as_a_slow_loop_does(seed, height, width, least):
    labels = partition(generator(seed, "test"), height, width, 12)
    merged = merge_small(labels, int(labels.max()) + 1, least)[labels]
    expected = slow_merge(labels, least)
    assert np.array_equal(merged, np.unique(expected, return_inverse=True)[1].reshape(labels.shape))
    assert np.bincount(merged.ravel()).min() >= min(least, labels.size)


@settings(max_examples=60)
@given(seeds, st.integers(1, 12), st.integers(1, 8))
def test_nodes_keep_the_superpixels_they_cover_more_than_half_of(seed, leaves, superpixels):
    draws = generator(seed, "test")
    pieces = 40
    leaf = draws.integers(0, leaves, pieces).astype(np.int32)
    superpixel = np.concatenate([np.arange(superpixels), draws.integers(0, superpixels, pieces - superpixels)])
    pixels = draws.integers(1, 6, pieces)
    parent = random_tree(draws, leaves)
    below = np.zeros((len(parent), pieces), bool)  # the pieces of each node
    for piece in range(pieces):
        node = leaf[piece]
        below[node, piece] = True
        while parent[node] != node:
            node = parent[node]
            below[node, piece] = True
    total = np.bincount(superpixel, pixels, minlength=superpixels)
    part = np.stack([np.bincount(superpixel, pixels * row, minlength=superpixels) for row in below])
    nodes = draws.permutation(len(parent))
    lowest = majority_nodes(parent, leaf, pixels, superpixel)
    assert np.array_equal(node_members(parent, nodes, lowest), (2 * part > total)[nodes])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 1), (3, 50, 3), (40, 30, 1)])
def test_a_constant_image_is_one_segment(shape):
    assert not graph_segmentation(np.full(shape, 7, np.uint8), 50).any()


def test_two_flat_halves_are_two_segments():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 20:] = 200
    segments = graph_segmentation(image, 50)
    assert segments[0, 0] != segments[0, -1]
    assert np.ptp(segments[:, :15]) == np.ptp(segments[:, 25:]) == 0
