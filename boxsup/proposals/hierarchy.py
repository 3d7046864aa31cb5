"""Hierarchies of regions from contours: superpixels, and trees that merge them across the weakest border first.

After Arbeláez et al., PAMI 2011 (ultrametric contour maps), with the watershed and the mean boundary strength of higra.
A tree is an array with the parent of each of its 2R-1 nodes: 0…R-1 are the first regions, R…2R-2 the merged ones in the
order of merging. So a node's number is above those of all its parts; the last node, the whole image, is its own parent.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import raster_order

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)  # of its docstrings, on Python 3.12 where no pip has compiled it
    import higra


def superpixels(contours: NDArray[np.float32], max_regions: int) -> NDArray[np.int32]:
    """Cut an image into superpixels: the finest partition of at most `max_regions` in its hierarchy of contours.

    The watershed's basins are merged across the border of least mean strength.

    Args:
        contours: H×W boundary strength, not negative.
        max_regions: Greatest number of regions, above 0.

    Returns:
        H×W region of each pixel, 0…R-1 in raster order, each connected (4-neighbours).

    Example:
        >>> contours = np.zeros((2, 5), np.float32)
        >>> contours[:, 2] = 1
        >>> superpixels(contours, 2)
        array([[0, 0, 0, 1, 1],
               [0, 0, 0, 1, 1]], dtype=int32)
    """
    if contours.size == 1:
        return np.zeros(contours.shape, np.int32)
    graph = higra.get_4_adjacency_graph(contours.shape)
    weights = higra.weight_graph(graph, contours.astype(np.float64), higra.WeightFunction.mean)
    tree, _ = higra.mean_pb_hierarchy(graph, weights, contours.shape)
    basins = higra.CptHierarchy.get_leaf_graph(tree)
    basin = higra.CptRegionAdjacencyGraph.construct(basins)["vertex_map"]
    kept, _ = top_of_tree(np.asarray(tree.parents(), np.int64), max_regions)
    labels = kept[np.asarray(basin, np.int64)].reshape(contours.shape)
    number = raster_order(labels, int(labels.max()) + 1).astype(np.int32)
    return number[labels]


def boundary_tree(
    pairs: NDArray[np.int64], strengths: NDArray[np.float64], lengths: NDArray[np.int64], regions: int
) -> NDArray[np.int64]:
    """Build the tree that always merges the two regions whose common border has the least mean strength.

    Args:
        pairs: E×2 regions that touch; the graph is connected.
        strengths: E mean boundary strengths.
        lengths: E border lengths.
        regions: R, number of regions.

    Returns:
        The parent of each of the 2R-1 nodes.

    Example:
        >>> boundary_tree(np.array([[0, 1], [1, 2]]), np.array([0.9, 0.1]), np.array([4, 4]), 3)
        array([4, 3, 3, 4, 4])
    """
    if regions == 1:
        return np.zeros(1, np.int64)
    graph = higra.UndirectedGraph(regions)
    graph.add_edges(pairs[:, 0], pairs[:, 1])
    tree, _ = higra.binary_partition_tree_average_linkage(graph, strengths, lengths.astype(np.float64))
    return np.asarray(tree.parents(), np.int64)


def top_of_tree(parent: NDArray[np.int64], leaves: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut a tree: undo the last merges until there are `leaves` regions, and keep the part above.

    Args:
        parent: Parent of each of the 2R-1 nodes.
        leaves: K, number of regions to keep, above 0; at most R are kept.

    Returns:
        R, the leaf of the upper part, 0…K-1, that holds each leaf of the tree; and the parent of each of the upper
        part's 2K-1 nodes.

    Example:
        >>> top_of_tree(np.array([3, 3, 4, 4, 4]), 2)
        (array([1, 1, 0]), array([2, 2, 2]))
    """
    nodes = len(parent)
    first = nodes - (min(leaves, (nodes + 1) // 2) - 1)
    top = _tops(parent, first)[: (nodes + 1) // 2]
    lowest, leaf = np.unique(top, return_inverse=True)
    upper = parent[np.concatenate([lowest, np.arange(first, nodes)])] - first + len(lowest)
    return leaf.reshape(-1).astype(np.int64), np.maximum(upper, 0)


@compiled
def _tops(parent: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Return, for each node below `first`, the highest node above it that is still below `first`."""
    top = np.arange(len(parent))
    for node in range(min(first, len(parent) - 1) - 1, -1, -1):
        if parent[node] < first:
            top[node] = top[parent[node]]
    return top
