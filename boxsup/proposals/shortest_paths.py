"""Shortest paths over a graph of regions: distances from sources, the graph's centre, and points spread over it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled


@dataclass(frozen=True, eq=False)
class Graph:
    """R regions and the costs of stepping between neighbours, the same in both directions.

    Attributes:
        start: R+1 int64: the neighbours of region r are entries start[r]…start[r+1]-1.
        neighbour: 2E int64, the neighbour of each entry.
        cost: 2E float64, above 0, the cost of each entry's step.
    """

    start: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    cost: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start) - 1


def make_graph(pairs: NDArray[np.int64], costs: NDArray[np.float64], regions: int) -> Graph:
    """Build the graph of regions that touch.

    Args:
        pairs: E×2 regions that touch, each pair once.
        costs: E costs, above 0.
        regions: R, number of regions.

    Example:
        >>> make_graph(np.array([[0, 1], [1, 2]]), np.array([1.0, 2.0]), 3).neighbour
        array([1, 2, 0, 1])
    """
    owner = np.concatenate([pairs[:, 0], pairs[:, 1]])
    order = np.argsort(owner, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=regions))])
    neighbour = np.concatenate([pairs[:, 1], pairs[:, 0]])[order]
    return Graph(start.astype(np.int64), neighbour, np.concatenate([costs, costs])[order])


def distances(graph: Graph, sources: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cost of the cheapest path from any source to each region (Dijkstra), R; inf if there is no path.

    Example:
        >>> line = make_graph(np.array([[0, 1], [1, 2]]), np.array([1.0, 2.0]), 3)
        >>> distances(line, np.array([0]))
        array([0., 1., 3.])
    """
    return _dijkstra(graph.start, graph.neighbour, graph.cost, sources)


def graph_centre(graph: Graph) -> int:
    """Find the region of least eccentricity, whose farthest region is nearest; of several, the lowest number.

    Distances from a few regions bound all eccentricities from below: ecc(v) ≥ d(u, v) and ecc(v) ≥ ecc(u) - d(u, v)
    (Takes & Kosters, Algorithms 2013). We examine the region of least bound, and the one farthest from it, until no
    other can be better. On superpixels of photographs this takes about 8 regions instead of all.

    Args:
        graph: A connected graph.

    Example:
        >>> graph_centre(make_graph(np.array([[0, 1], [1, 2]]), np.array([1.0, 2.0]), 3))
        1
    """
    bound = np.zeros(len(graph))
    known = np.full(len(graph), np.inf)
    while np.isinf(known[region := int(bound.argmin())]):
        farthest = _examine(graph, region, bound, known)
        if np.isinf(known[farthest]):
            _examine(graph, farthest, bound, known)
    return int(bound.argmin())


def _examine(graph: Graph, region: int, bound: NDArray[np.float64], known: NDArray[np.float64]) -> int:
    """Tighten the bounds by the distances from one region; return the region farthest from it."""
    distance = distances(graph, np.array([region]))
    known[region] = distance.max()
    np.maximum(bound, np.maximum(distance, known[region] - distance), out=bound)
    bound[region] = known[region]
    return int(distance.argmax())


def farthest_points(graph: Graph, first: int, max_regions: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Spread regions over the graph: each next one is the farthest from all earlier ones, the lowest of several.

    Args:
        graph: A connected graph.
        first: The region to start with.
        max_regions: Greatest number of regions, above 0.

    Returns:
        M = min(max_regions, R) regions and their M×R distances.

    Example:
        >>> line = make_graph(np.array([[0, 1], [1, 2]]), np.array([1.0, 2.0]), 3)
        >>> farthest_points(line, 1, 2)[0]
        array([1, 2])
    """
    return _spread(graph.start, graph.neighbour, graph.cost, first, min(max_regions, len(graph)))


@compiled
def _dijkstra(
    start: NDArray[np.int64], neighbour: NDArray[np.int64], cost: NDArray[np.float64], sources: NDArray[np.int64]
) -> NDArray[np.float64]:
    distance = np.full(len(start) - 1, np.inf)
    distance[sources] = 0.0
    # Entries that a shorter path has outdated stay in the heap and are skipped.
    heap = [(0.0, source) for source in sources]
    while heap:
        near, region = heapq.heappop(heap)
        if near > distance[region]:
            continue
        for entry in range(start[region], start[region + 1]):
            far = near + cost[entry]
            if far < distance[neighbour[entry]]:
                distance[neighbour[entry]] = far
                heapq.heappush(heap, (far, neighbour[entry]))
    return distance


@compiled
def _spread(
    start: NDArray[np.int64], neighbour: NDArray[np.int64], cost: NDArray[np.float64], first: int, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    chosen = np.empty(count, np.int64)
    distance = np.empty((count, len(start) - 1))
    nearest = np.full(len(start) - 1, np.inf)
    for k in range(count):
        chosen[k] = first if k == 0 else np.argmax(nearest)
        distance[k] = _dijkstra(start, neighbour, cost, chosen[k : k + 1])
        nearest = np.minimum(nearest, distance[k])
    return chosen, distance
