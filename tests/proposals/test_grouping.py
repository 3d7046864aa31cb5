from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxsup.proposals.grouping import group_regions
from boxsup.proposals.regions import region_graph
from boxsup.random import generator

BINS = 4


def histograms(labels, bins):
    """R×B counts of H×W×K bins, counted region by region."""
    return np.array([np.bincount(bins[labels == r].ravel(), minlength=BINS) for r in np.unique(labels)], np.int32)


def touching(a, b):
    """Whether two masks have 4-neighbours in each other."""
    return bool(
        (a[1:] & b[:-1]).any() or (a[:-1] & b[1:]).any() or (a[:, 1:] & b[:, :-1]).any() or (a[:, :-1] & b[:, 1:]).any()
    )


def similarity(a, b, colour, texture, names):
    """The paper's equations on two masks, straight from the pixels."""
    ys, xs = np.nonzero(a | b)
    box = (np.ptp(ys) + 1) * (np.ptp(xs) + 1)
    share = [np.bincount(bins[m].ravel(), minlength=BINS) / bins[m].size for bins in (colour, texture) for m in (a, b)]
    values = {
        "C": np.minimum(share[0], share[1]).sum(),
        "T": np.minimum(share[2], share[3]).sum(),
        "S": 1 - (a.sum() + b.sum()) / a.size,
        "F": 1 - (box - a.sum() - b.sum()) / a.size,
    }
    return sum(values[name] for name in names)


def border_strength(a, b, labels, graph, strengths):
    """The mean strength along the border of two masks, from that of each of the first regions' borders."""
    parts = [set(labels[mask].tolist()) for mask in (a, b)]
    total = length = 0
    for (p, q), strength, sides in zip(graph.pairs.tolist(), strengths, graph.lengths, strict=True):
        if (p in parts[0] and q in parts[1]) or (p in parts[1] and q in parts[0]):
            total, length = total + strength * sides, length + sides
    return total / length


def check_merges(labels, colour, texture, names, parent, strengths):
    """Follow the tree's merges: each must have joined the most similar pair of neighbours there was."""
    regions, graph = {r: labels == r for r in np.unique(labels)}, region_graph(labels)

    def merit(a, b):
        return similarity(a, b, colour, texture, names) - border_strength(a, b, labels, graph, strengths)

    leaves = len(regions)
    for node in range(leaves, 2 * leaves - 1):
        a, b = np.flatnonzero(parent[:node] == node)
        pairs = [p for p in itertools.combinations(regions, 2) if touching(regions[p[0]], regions[p[1]])]
        best = max(merit(regions[p], regions[q]) for p, q in pairs)
        assert touching(regions[a], regions[b])
        assert merit(regions[a], regions[b]) == pytest.approx(best, abs=1e-9)
        regions[node] = regions.pop(a) | regions.pop(b)
    assert len(regions) == 1


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 8),
    st.integers(1, 8),
    st.sampled_from(["CTSF", "TSF", "F", "S", "C", "T"]),
    st.booleans(),
)
def test_every_merge_is_the_most_similar_pair(seed, height, width, names, bounded):
    draws = generator(seed, "test")
    labels = np.unique(draws.integers(0, 9, (height, width)), return_inverse=True)[1].reshape(height, width)
    colour, texture = draws.integers(0, BINS, (height, width, 3)), draws.integers(0, BINS, (height, width, 2))
    graph = region_graph(labels)
    strengths = draws.random(len(graph.pairs)) * bounded
    histogram = histograms(labels, colour), histograms(labels, texture)
    parent = group_regions(graph, *histogram, names, strengths if bounded else None)
    assert parent[-1] == len(parent) - 1
    check_merges(labels, colour, texture, names, parent, strengths)


def test_size_alone_merges_the_smallest_first():
    labels = np.repeat([0, 1, 2, 3], [5, 2, 1, 4])[None].astype(np.int32)
    nothing = np.ones((4, 1), np.int32)
    # 1+2 (3 px), then 3+{1,2} (7 px) before 0+{1,2} (8 px)
    assert group_regions(region_graph(labels), nothing, nothing, "S").tolist() == [6, 4, 4, 5, 5, 6, 6]


def test_colour_alone_merges_equal_colours_first():
    labels = np.array([[0, 1, 2, 3]], np.int32)
    colour = np.array([[9, 0], [0, 1], [0, 7], [3, 1]], np.int32)
    # shares of the first bin 1, 0, 0, 3/4: 1+2, then {1,2}+3 (1/4) before 0+{1,2} (0)
    assert group_regions(region_graph(labels), colour, np.ones((4, 1), np.int32), "C").tolist() == [6, 4, 4, 5, 5, 6, 6]


def test_a_strong_border_keeps_equal_colours_apart():
    labels, same = np.array([[0, 1, 2]], np.int32), np.ones((3, 1), np.int32)
    # colour 1 on both sides of region 1; a border of 0.5 makes 0+1 the less similar pair
    assert group_regions(region_graph(labels), same, same, "C", np.array([0.5, 0.25])).tolist() == [4, 3, 3, 4, 4]


def test_ties_go_to_the_lowest_numbers():
    labels = np.arange(4, dtype=np.int32).reshape(2, 2)
    same = np.ones((4, 1), np.int32)
    assert group_regions(region_graph(labels), same, same, "CT").tolist() == [4, 4, 5, 5, 6, 6, 6]


def test_one_region_is_a_tree():
    whole, one = region_graph(np.zeros((2, 2), np.int32)), np.ones((1, 1), np.int32)
    assert group_regions(whole, one, one, "CTSF").tolist() == [0]


def test_inputs_are_left_as_they_are():
    labels, colour = np.array([[0, 1, 2]], np.int32), np.arange(6, dtype=np.int32).reshape(3, 2) + 1
    copies = labels.copy(), colour.copy()
    group_regions(region_graph(labels), colour, colour, "CTSF")
    assert np.array_equal(labels, copies[0])
    assert np.array_equal(colour, copies[1])
