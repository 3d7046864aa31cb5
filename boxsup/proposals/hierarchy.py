"""Hierarchies of regions from contours: superpixels, and trees that merge them across the weakest border first.

Arbeláez et al., PAMI 2011 (ultrametric contour maps), with the watershed and the mean boundary strength of higra. A
tree is the parent of each of its 2R-1 nodes: 0…R-1 the first regions, R…2R-2 the merged ones in the order of merging,
so that a node's number is above those of all it consists of; the last one, the whole image, is its own parent.
"""

from __future__ import annotations

import higra
import numpy as np
from numpy.typing import NDArray

from boxsup.machine.compiled import compiled
from boxsup.proposals.regions import raster_order


def superpixels(contours: NDArray[np.float32], most: int) -> NDArray[np.int32]:
    """The finest partition of at most `most` regions in the hierarchy of an image's contours.

    The watershed's basins are merged across the border of least mean strength.

    Args:
        contours: H×W boundary strength, not negative.
        most: How many regions there may be, above 0.

    Returns:
        H×W region of each pixel, 0…R-1 in raster order, each connected (4-neighbours).
    """
    if contours.size == 1:
        return np.zeros(contours.shape, np.int32)
    graph = higra.get_4_adjacency_graph(contours.shape)
    weights = higra.weight_graph(graph, contours.astype(np.float64), higra.WeightFunction.mean)
    tree, _ = higra.mean_pb_hierarchy(graph, weights, contours.shape)
    basins = higra.CptHierarchy.get_leaf_graph(tree)
    basin = higra.CptRegionAdjacencyGraph.construct(basins)["vertex_map"]
    kept, _ = top_of_tree(np.asarray(tree.parents(), np.int64), most)
    labels = kept[np.asarray(basin, np.int64)].reshape(contours.shape)
    number = raster_order(labels, int(labels.max()) + 1).astype(np.int32)
    return number[labels]


def boundary_tree(
    pairs: NDArray[np.int64], strengths: NDArray[np.float64], lengths: NDArray[np.int64], regions: int
) -> NDArray[np.int64]:
    """The tree that merges the two regions whose common border is weakest in the mean.

    Args:
        pairs: E×2 regions that touch; all regions hang together.
        strengths: E mean boundary strengths.
        lengths: E border lengths.
        regions: Their number R.

    Returns:
        The parent of each of the 2R-1 nodes.
    """
    if regions == 1:
        return np.zeros(1, np.int64)
    graph = higra.UndirectedGraph(regions)
    graph.add_edges(pairs[:, 0], pairs[:, 1])
    tree, _ = higra.binary_partition_tree_average_linkage(graph, strengths, lengths.astype(np.float64))
    return np.asarray(tree.parents(), np.int64)


def top_of_tree(parent: NDArray[np.int64], leaves: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The upper part of a tree: the last merges undone until so many regions are left, and all that they merge to.

    Args:
        parent: Parent of each of the 2R-1 nodes.
        leaves: K, how many regions there may be, above 0; R where there are not so many.

    Returns:
        R: the leaf of the upper part, 0…K-1, that holds each leaf of the tree; and the parent of each of its 2K-1
        nodes.
    """
    nodes = len(parent)
    first = nodes - (min(leaves, (nodes + 1) // 2) - 1)
    top = _tops(parent, first)[: (nodes + 1) // 2]
    lowest, leaf = np.unique(top, return_inverse=True)
    upper = parent[np.concatenate([lowest, np.arange(first, nodes)])] - first + len(lowest)
    return leaf.reshape(-1).astype(np.int64), np.maximum(upper, 0)


@compiled
def _tops(parent: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """The highest node numbered below `first` above each node below it."""
    top = np.arange(len(parent))
    for node in range(min(first, len(parent) - 1) - 1, -1, -1):
        if parent[node] < first:
            top[node] = top[parent[node]]
    return top
