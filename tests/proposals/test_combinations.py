from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from boxsup.proposals.combinations import combine, set_hashes
from boxsup.proposals.hierarchy import boundary_tree
from boxsup.proposals.holes import combination_members
from boxsup.proposals.regions import region_graph
from boxsup.random import generator

ALL = (10_000, 10_000, 10_000, 10_000)


def random_regions(draws, height=6, width=7, most=9):
    """A label map of connected regions, its graph, and a tree of them."""
    seeds = draws.integers(0, most, (height, width))
    pieces = [ndimage.label(seeds == value)[0] + 100 * value for value in range(most)]
    labels = sum(np.where(seeds == value, pieces[value], 0) for value in range(most))
    labels = np.unique(labels, return_inverse=True)[1].reshape(height, width)
    graph = region_graph(labels)
    return labels, graph, boundary_tree(graph.pairs, draws.random(len(graph.pairs)), graph.lengths, len(graph.pixels))


def leaves_below(parent):
    """The leaves of each node of a tree."""
    count = (len(parent) + 1) // 2
    below = {node: {node} for node in range(count)} | {node: set() for node in range(count, len(parent))}
    for node in range(len(parent) - 1):
        below[parent[node]] |= below[node]
    return below


def touching_sets(nodes, below, pairs):
    """The pairs of nodes whose leaves touch."""
    leaf_pairs = {frozenset(pair) for pair in pairs.tolist()}
    return {
        frozenset((a, b))
        for a, b in itertools.combinations(nodes, 2)
        if any(frozenset((p, q)) in leaf_pairs for p in below[a] for q in below[b])
    }


def connected(nodes, touch):
    """Whether a set of nodes hangs together."""
    reached, waiting = set(), [next(iter(nodes))]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        waiting += [other for other in nodes - reached if frozenset((node, other)) in touch]
    return reached == set(nodes)


def slow_combinations(parent, pairs):
    """Take a tree apart from the top; all connected sets of up to four that hold a new region and not its sibling."""
    below, root = leaves_below(parent), len(parent) - 1
    alive, found = {root}, {frozenset((root,))}
    for node in range(root, (len(parent) + 1) // 2 - 1, -1):
        parts = [part for part in range(node) if parent[part] == node]
        alive = alive - {node} | set(parts)
        touch = touching_sets(alive, below, pairs)
        for new, sibling in itertools.permutations(parts):
            others = alive - {new, sibling}
            sets = (frozenset((new, *more)) for size in range(4) for more in itertools.combinations(others, size))
            found |= {nodes for nodes in sets if connected(nodes, touch)}
    return found


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_every_connected_set_of_coexisting_regions_is_found(seed, leaves):
    _, graph, tree = random_regions(generator(seed, "combinations"))
    found = combine(tree, graph, leaves, ALL)
    sets = [frozenset(row[row >= 0].tolist()) for row in found.nodes]
    assert set(sets) == slow_combinations(found.parent, found.leaf[graph.pairs])
    small = [nodes for nodes in sets if len(nodes) < 4]
    assert len(small) == len(set(small))  # a quadruple may be listed twice


def test_limits_are_kept_and_the_top_comes_first():
    _, graph, tree = random_regions(generator(1, "combinations"))
    everything, few = combine(tree, graph, 8, ALL).nodes, combine(tree, graph, 8, (5, 4, 3, 2)).nodes
    sizes = (few >= 0).sum(axis=1)
    assert np.bincount(sizes, minlength=5)[1:].tolist() == [5, 4, 3, 2]
    for size in range(1, 5):
        listed = everything[(everything >= 0).sum(axis=1) == size]
        assert np.array_equal(few[sizes == size], listed[: (sizes == size).sum()])


def test_pairs_of_a_chain_worked_by_hand():
    # 0-1-2-3 in a row; 1 and 2 merge to 4, 0 with that to 5, 3 with that to 6.
    graph = region_graph(np.array([[0, 1, 2, 3]]))
    nodes = combine(np.array([5, 4, 4, 6, 5, 6, 6]), graph, 4, (7, 9, 0, 0)).nodes
    # From the top: the root; 3 and 5 come to light; 0 and 4, of which 4 touches 3; 1 and 2: 1 touches 0, 2 touches 3.
    singles = [row[0] for row in nodes.tolist() if row[1] < 0]
    pairs = [tuple(row[:2]) for row in nodes.tolist() if row[1] >= 0]
    assert singles == [6, 3, 5, 0, 4, 1, 2]
    assert pairs == [(4, 3), (1, 0), (2, 3)]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_members_are_the_unions_with_their_holes_filled(seed, leaves):
    labels, graph, tree = random_regions(generator(seed, "combinations"), 9, 9, 3)
    found = combine(tree, graph, leaves, (30, 30, 30, 30))
    border = np.isin(np.arange(len(graph.pixels)), [labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    rows = np.arange(len(found.nodes))
    below = leaves_below(found.parent)
    for row, member in enumerate(combination_members(found, rows, graph, border)):
        union = set().union(*(below[node] for node in found.nodes[row] if node >= 0))
        mask = np.isin(found.leaf[labels], list(union))
        assert np.array_equal(member[labels], ndimage.binary_fill_holes(mask))


def test_a_ring_is_filled_but_not_a_bay():
    ring, bay = np.zeros((2, 5, 5), np.int64)
    ring[1:4, 1:4] = bay[1:4, 1:4] = 1
    ring[2, 2] = 2
    bay[2, 2:4] = 0  # open to the right
    for labels, filled in ((ring, [[True, True, True], [False, True, True]]), (bay, [[True, True], [False, True]])):
        graph = region_graph(labels)
        regions = len(graph.pixels)
        tree = boundary_tree(graph.pairs, np.arange(len(graph.pairs)) / 9 + 0.1, graph.lengths, regions)
        found = combine(tree, graph, regions, (9, 0, 0, 0))
        border = np.arange(regions) == 0
        rows = np.flatnonzero(np.isin(found.nodes[:, 0], [2 * regions - 2, 1]))
        assert combination_members(found, rows, graph, border).tolist() == filled


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_equal_sets_have_equal_hashes_whatever_their_tree(seed):
    draws = generator(seed, "combinations")
    _, graph, tree = random_regions(draws)
    other = boundary_tree(graph.pairs, draws.random(len(graph.pairs)), graph.lengths, len(graph.pixels))
    keys = draws.integers(1, 2**64, len(graph.pixels), np.uint64)
    nowhere = np.ones(len(graph.pixels), bool)  # all touch the border: no hole is filled
    seen = {}
    for parent in (tree, other):
        found = combine(parent, graph, 8, (20, 20, 20, 20))
        for row, key in zip(
            combination_members(found, np.arange(len(found.nodes)), graph, nowhere),
            set_hashes(found, keys),
            strict=True,
        ):
            assert seen.setdefault(row.tobytes(), key) == key
    assert len(set(seen.values())) == len(seen)


def test_one_region_is_one_candidate():
    graph = region_graph(np.zeros((2, 3), np.int64))
    found = combine(np.zeros(1, np.int64), graph, 5, (3, 3, 3, 3))
    assert found.nodes.tolist() == [[0, -1, -1, -1]]
    assert combination_members(found, np.array([0]), graph, np.array([True])).tolist() == [[True]]


@pytest.mark.parametrize("leaves", [1, 2, 50])
def test_no_rows_are_no_members(leaves):
    _, graph, tree = random_regions(generator(3, "combinations"))
    found = combine(tree, graph, leaves, ALL)
    assert combination_members(found, np.zeros(0, np.int64), graph, np.zeros(len(graph.pixels), bool)).shape == (
        0,
        len(graph.pixels),
    )
