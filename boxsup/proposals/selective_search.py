"""Selective Search (Uijlings, van de Sande, Gevers, Smeulders; IJCV 2013) with its segments, not only their boxes.

Each colour space and scale yields a first partition; each partition and sum of similarities yields a tree of regions;
every node of every tree is a candidate. One superpixel map must hold them all: it is the common refinement of the
partitions, with small pieces merged, and a candidate holds the pieces that it covers more than half of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import SelectiveSearchSettings
from boxsup.proposals.colour import (
    colour_bins,
    colour_space,
    region_histograms,
    texture_bins,
)
from boxsup.proposals.grouping import group_regions
from boxsup.proposals.pool import Pool
from boxsup.proposals.regions import region_graph
from boxsup.proposals.selection import Proposer, select
from boxsup.proposals.superpixels import (
    graph_segmentation,
    majority_nodes,
    merge_small,
    node_members,
    refine_partitions,
)
from boxsup.random import generator

# Bounds for large photographs, far above VOC's, since candidates × superpixels is a matrix of bytes.
MAX_SUPERPIXELS = 2**14
MAX_NODES = 2**13  # nodes of the trees, best ranks first; more if more than a quarter of this number may be kept
PACKAGES = ("opencv-contrib-python-headless", "scipy", "numba")  # that results depend on


@dataclass(frozen=True)
class GroupingTree:
    """The tree of one grouping: `parent` of each node (see `boxsup.proposals.grouping`) and number of the partition."""

    partition: int
    parent: NDArray[np.int64]


def proposer(settings: SelectiveSearchSettings) -> Proposer:
    """Make the method's function of an image and its id; see `boxsup.proposals.methods`."""
    return lambda image, image_id: selective_search(image, settings, image_id)


def selective_search(image: NDArray[np.uint8], settings: SelectiveSearchSettings, image_id: str) -> Pool:
    """Propose the candidate segments of an image.

    Args:
        image: H×W×3 RGB in [0, 255].
        settings: See `config.yaml`, `proposals`.
        image_id: Key of the random part of the ranks, besides `settings.seed`.

    Returns:
        At least one candidate: the whole image if no other survives.
    """
    partitions, trees = _group_all(image, settings)
    nodes = _rank(trees, settings, image_id)
    labels, matrix = _project(partitions, trees, nodes, settings.min_region)
    return select(labels, matrix, settings)


def _group_all(
    image: NDArray[np.uint8], settings: SelectiveSearchSettings
) -> tuple[NDArray[np.int32], list[GroupingTree]]:
    """Return P×H×W partitions, one per colour space and scale, and their trees, one per sum of similarities."""
    partitions: list[NDArray[np.int32]] = []
    trees: list[GroupingTree] = []
    for name in settings.colour_spaces:
        space = colour_space(image, name)
        colours, textures = colour_bins(space), texture_bins(space)
        for scale in settings.scales:
            labels = graph_segmentation(space, scale)
            graph = region_graph(labels)
            counts = region_histograms(labels, len(graph.pixels), colours, textures)
            trees += [
                GroupingTree(len(partitions), group_regions(graph, *counts, sums)) for sums in settings.similarities
            ]
            partitions.append(labels)
    return np.stack(partitions), trees


def _rank(trees: list[GroupingTree], settings: SelectiveSearchSettings, image_id: str) -> NDArray[np.int64]:
    """Order the nodes of all trees by their level from the top times a uniform draw (section 4.2 of the paper).

    Returns:
        N×2 tree and node, best first.
    """
    draws = generator(settings.seed, "selective_search", image_id)
    nodes, ranks = [], []
    for index, tree in enumerate(trees):
        node = np.arange(len(tree.parent))
        nodes.append(np.stack([np.full_like(node, index), node], axis=1))
        ranks.append((len(node) - node) * draws.random(len(node)))
    order = np.argsort(np.concatenate(ranks), kind="stable")[: max(MAX_NODES, 4 * settings.max_candidates)]
    return np.concatenate(nodes)[order]


def _project(
    partitions: NDArray[np.int32], trees: list[GroupingTree], nodes: NDArray[np.int64], min_pixels: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return one superpixel map for all partitions, H×W, and the superpixels that each node mostly covers, N×S."""
    pieces, firsts = refine_partitions(partitions)
    superpixel = merge_small(pieces, len(firsts), max(min_pixels, -(-pieces.size // MAX_SUPERPIXELS)))
    pixels = np.bincount(pieces.ravel())
    leaves = partitions.reshape(len(partitions), -1)[:, firsts]
    matrix = np.empty((len(nodes), int(superpixel.max()) + 1), np.bool_)
    for index, tree in enumerate(trees):
        rows = np.flatnonzero(nodes[:, 0] == index)
        lowest = majority_nodes(tree.parent, leaves[tree.partition], pixels, superpixel)
        matrix[rows] = node_members(tree.parent, nodes[rows, 1], lowest)
    return superpixel[pieces], matrix
