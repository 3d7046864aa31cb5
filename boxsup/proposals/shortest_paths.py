"""Shortest paths over a graph of regions: distances from sources, the graph's centre, and points spread over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.proposals.compiled import compiled


@dataclass(frozen=True, eq=False)
class Graph:
    """R regions and what it costs to step from each to its neighbours, each step both ways.

    Attributes:
        start: R+1 int64: region r's neighbours are entries start[r]…start[r+1]-1.
        neighbour: 2E int64.
        cost: 2E float64, above 0.
    """

    start: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    cost: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start) - 1


def make_graph(pairs: NDArray[np.int64], costs: NDArray[np.float64], regions: int) -> Graph:
    """The graph of regions that touch.

    Args:
        pairs: E×2 regions that touch, each pair once.
        costs: E, above 0.
        regions: Their number R.
    """
    owner = np.concatenate([pairs[:, 0], pairs[:, 1]])
    order = np.argsort(owner, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=regions))])
    neighbour = np.concatenate([pairs[:, 1], pairs[:, 0]])[order]
    return Graph(start.astype(np.int64), neighbour, np.concatenate([costs, costs])[order])


def distances(graph: Graph, sources: NDArray[np.int64]) -> NDArray[np.float64]:
    """R: the cost of the cheapest path from any source to each region (Dijkstra); inf where none leads."""
    return _dijkstra(graph.start, graph.neighbour, graph.cost, sources)


def centre(graph: Graph) -> int:
    """The region whose farthest region is nearest, the lowest of several.

    Distances from a few regions bound all eccentricities from below: ecc(v) ≥ d(u, v) and ecc(v) ≥ ecc(u) - d(u, v)
    (Takes & Kosters, Algorithms 2013). The region of least bound is looked at next, and the one farthest from it, until
    no other can be better: on superpixels of photographs after about 8 regions in place of all.

    Args:
        graph: Connected.
    """
    bound = np.zeros(len(graph))
    known = np.full(len(graph), np.inf)
    while np.isinf(known[looked := int(bound.argmin())]):
        farthest = _look(graph, looked, bound, known)
        if np.isinf(known[farthest]):
            _look(graph, farthest, bound, known)
    return int(bound.argmin())


def _look(graph: Graph, region: int, bound: NDArray[np.float64], known: NDArray[np.float64]) -> int:
    """Take one region's distances into account; the region farthest from it."""
    distance = distances(graph, np.array([region]))
    known[region] = distance.max()
    np.maximum(bound, np.maximum(distance, known[region] - distance), out=bound)
    bound[region] = known[region]
    return int(distance.argmax())


def spread(graph: Graph, first: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Regions spread over the graph: each next one is the farthest from those before, the lowest of several.

    Args:
        graph: Connected.
        first: Where to start.
        most: How many at most, above 0.

    Returns:
        The M = min(most, R) regions and their M×R distances.
    """
    return _spread(graph.start, graph.neighbour, graph.cost, first, min(most, len(graph)))


@compiled
def _dijkstra(
    start: NDArray[np.int64], neighbour: NDArray[np.int64], cost: NDArray[np.float64], sources: NDArray[np.int64]
) -> NDArray[np.float64]:
    distance = np.full(len(start) - 1, np.inf)
    # A binary heap of distances and their regions. Entries that a shorter path outdates stay and are passed over.
    keys = np.empty(len(neighbour) + len(sources))
    regions = np.empty(len(keys), np.int64)
    size = 0
    for source in sources:
        distance[source] = 0.0
        size = _push(keys, regions, size, 0.0, source)
    while size > 0:
        near, region = keys[0], regions[0]
        size = _pop(keys, regions, size)
        if near > distance[region]:
            continue
        for entry in range(start[region], start[region + 1]):
            far = near + cost[entry]
            if far < distance[neighbour[entry]]:
                distance[neighbour[entry]] = far
                size = _push(keys, regions, size, far, neighbour[entry])
    return distance


@compiled
def _push(keys: NDArray[np.float64], regions: NDArray[np.int64], size: int, key: float, region: int) -> int:
    """Add an entry to the heap; its new size."""
    place = size
    while place > 0 and keys[(place - 1) >> 1] > key:
        above = (place - 1) >> 1
        keys[place], regions[place] = keys[above], regions[above]
        place = above
    keys[place], regions[place] = key, region
    return size + 1


@compiled
def _pop(keys: NDArray[np.float64], regions: NDArray[np.int64], size: int) -> int:
    """Take the least entry from the heap; its new size."""
    size -= 1
    key, region, place = keys[size], regions[size], 0
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[place], regions[place] = keys[below], regions[below]
        place = below
    keys[place], regions[place] = key, region
    return size


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
