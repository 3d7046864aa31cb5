from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from boxsup.proposals.regions import borders
from boxsup.proposals.shortest_paths import distances, farthest_points, graph_centre, make_graph
from boxsup.random import generator

seeds = st.integers(0, 2**32 - 1)


def random_graph(seed, regions):
    """A random tree and some more edges; costs are eighths, so that sums are exact and ties happen."""
    draws = generator(seed, "graph")
    pairs = {(int(draws.integers(k)), k) for k in range(1, regions)}
    for a, b in draws.integers(0, regions, (2 * regions, 2)):
        if a != b:
            pairs.add((int(min(a, b)), int(max(a, b))))
    edges = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return edges, draws.integers(1, 40, len(edges)) / 8


def all_pairs(edges, costs, regions):
    return dijkstra(csr_array((costs, edges.T), (regions, regions)), directed=False)


@given(seeds, st.integers(1, 40), st.integers(1, 5))
def test_distances_are_scipys(seed, regions, count):
    edges, costs = random_graph(seed, regions)
    sources = generator(seed, "sources").integers(0, regions, count)
    graph = make_graph(edges, costs, regions)
    assert np.array_equal(distances(graph, sources), all_pairs(edges, costs, regions)[sources].min(axis=0))


def test_no_path_is_infinite():
    graph = make_graph(np.array([[0, 1]]), np.array([2.0]), 3)
    assert distances(graph, np.array([0])).tolist() == [0, 2, np.inf]


@given(seeds, st.integers(1, 40))
def test_the_centre_has_the_least_eccentricity(seed, regions):
    edges, costs = random_graph(seed, regions)
    eccentricity = all_pairs(edges, costs, regions).max(axis=1)
    assert graph_centre(make_graph(edges, costs, regions)) == eccentricity.argmin()


@given(seeds, st.integers(1, 40), st.integers(1, 50))
def test_each_next_one_is_the_farthest(seed, regions, most):
    edges, costs = random_graph(seed, regions)
    exact = all_pairs(edges, costs, regions)
    chosen, distance = farthest_points(make_graph(edges, costs, regions), regions // 2, most)
    expected = [regions // 2]
    while len(expected) < min(most, regions):
        expected.append(int(exact[expected].min(axis=0).argmax()))
    assert chosen.tolist() == expected
    assert np.array_equal(distance, exact[expected])


def test_a_path_by_hand():
    """0 -1- 1 -1- 2 -1- 3 -1- 4: the middle, the ends, and what lies between, lower numbers first."""
    graph = make_graph(np.array([[0, 1], [1, 2], [2, 3], [3, 4]]), np.ones(4), 5)
    assert graph_centre(graph) == 2
    chosen, distance = farthest_points(graph, 2, 9)
    assert chosen.tolist() == [2, 0, 4, 1, 3]
    assert distance[:2].tolist() == [[2, 1, 0, 1, 2], [0, 1, 2, 3, 4]]


def test_one_region():
    pairs, _ = borders(np.zeros((3, 3), np.int64), 1)
    graph = make_graph(pairs, np.zeros(0), 1)
    assert graph_centre(graph) == 0
    assert farthest_points(graph, 0, 5)[1].tolist() == [[0]]
