"""Selective Search (Uijlings, van de Sande, Gevers, Smeulders; IJCV 2013) with its segments, not only their boxes.

Each colour space and scale gives a first partition, each partition and sum of similarities a tree of regions; every
node of every tree is a candidate. So that one superpixel map holds them all, the partitions' common refinement is cut
down to pieces of some size, and a candidate keeps the pieces that it covers more than half of.
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
from boxsup.proposals.grouping import group
from boxsup.proposals.pool import Pool
from boxsup.proposals.regions import region_graph
from boxsup.proposals.selection import Proposer, select
from boxsup.proposals.superpixels import covered, graph_segmentation, majority_nodes, merge_small, refine
from boxsup.random import generator

# Bounds for large photographs, far above what one of VOC reaches: candidates × superpixels is a matrix of bytes.
MAX_SUPERPIXELS = 2**14
MAX_NODES = 2**13  # of the trees, best ranks first; more where more than a quarter of as many may be kept
PACKAGES = ("opencv-contrib-python-headless", "scipy", "numba")  # that results depend on


@dataclass(frozen=True)
class GroupingTree:
    """What one grouping made: `parent` of each node, see `boxsup.proposals.grouping`, on partition `partition`."""

    partition: int
    parent: NDArray[np.int64]


def proposer(settings: SelectiveSearchSettings) -> Proposer:
    """The method as a function of an image and its id; see `boxsup.proposals.methods`."""
    return lambda image, image_id: selective_search(image, settings, image_id)


def selective_search(image: NDArray[np.uint8], settings: SelectiveSearchSettings, image_id: str) -> Pool:
    """The candidate segments of an image.

    Args:
        image: H×W×3 RGB in [0, 255].
        settings: See `config.yaml`, `proposals`.
        image_id: What the random part of the ranks is keyed by, beside `settings.seed`.

    Returns:
        At least one candidate: the whole image where no other survives.
    """
    partitions, trees = _group_all(image, settings)
    nodes = _rank(trees, settings, image_id)
    labels, matrix = _project(partitions, trees, nodes, settings.min_region)
    return select(labels, matrix, settings)


def _group_all(
    image: NDArray[np.uint8], settings: SelectiveSearchSettings
) -> tuple[NDArray[np.int32], list[GroupingTree]]:
    """P×H×W partitions, one a colour space and scale, and their trees, one a sum of similarities."""
    partitions: list[NDArray[np.int32]] = []
    trees: list[GroupingTree] = []
    for name in settings.colour_spaces:
        space = colour_space(image, name)
        colours, textures = colour_bins(space), texture_bins(space)
        for scale in settings.scales:
            labels = graph_segmentation(space, scale)
            graph = region_graph(labels)
            counts = region_histograms(labels, len(graph.pixels), colours, textures)
            trees += [GroupingTree(len(partitions), group(graph, *counts, sums)) for sums in settings.similarities]
            partitions.append(labels)
    return np.stack(partitions), trees


def _rank(trees: list[GroupingTree], settings: SelectiveSearchSettings, image_id: str) -> NDArray[np.int64]:
    """Order the nodes of all trees by their level from the top times a uniform draw; section 4.2 of the paper.

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
    partitions: NDArray[np.int32], trees: list[GroupingTree], nodes: NDArray[np.int64], least: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """One superpixel map for all partitions, H×W, and the superpixels that each node covers more than half of, N×S."""
    pieces, firsts = refine(partitions)
    superpixel = merge_small(pieces, len(firsts), max(least, -(-pieces.size // MAX_SUPERPIXELS)))
    pixels = np.bincount(pieces.ravel())
    leaves = partitions.reshape(len(partitions), -1)[:, firsts]
    matrix = np.empty((len(nodes), int(superpixel.max()) + 1), np.bool_)
    for index, tree in enumerate(trees):
        rows = np.flatnonzero(nodes[:, 0] == index)
        lowest = majority_nodes(tree.parent, leaves[tree.partition], pixels, superpixel)
        matrix[rows] = covered(tree.parent, nodes[rows, 1], lowest)
    return superpixel[pieces], matrix
