"""Combinatorial grouping of superpixels, after MCG (Pont-Tuset, Arbeláez, Barron, Marques & Malik, PAMI 2017).

MCG combines regions of four hierarchies, made from contours at three resolutions. Here all hierarchies share one map of
superpixels, so that none has to be aligned with another and every candidate is a set of superpixels from the start.
Some hierarchies merge across the weakest contour, as in MCG; others merge the most similar regions, as in Selective
Search, minus the strength of the contour between them. Level sets of geodesic transforms (GOP), whose errors are not
those of hierarchies, are mixed in. No ranking is learned: it would have to be learned from masks.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import McgSettings
from boxsup.contours.detector import at_scales, detector
from boxsup.proposals.colour import (
    colour_bins,
    colour_space,
    region_histograms,
    texture_bins,
)
from boxsup.proposals.combinations import Combinations, combine, set_hashes
from boxsup.proposals.geodesic import level_sets
from boxsup.proposals.grouping import group_regions
from boxsup.proposals.hierarchy import boundary_tree, superpixels
from boxsup.proposals.holes import combination_members
from boxsup.proposals.pool import Pool
from boxsup.proposals.regions import RegionGraph, border_means, border_regions, region_graph
from boxsup.proposals.selection import Proposer, select
from boxsup.random import generator

PACKAGES = ("opencv-contrib-python-headless", "scipy", "numba", "higra", "torch")  # that results depend on


def proposer(settings: McgSettings) -> Proposer:
    """Make the method's function of an image and its id; see `boxsup.proposals.methods`.

    Raises:
        StoreError: The contour network's weights are missing or damaged.
    """
    detect = at_scales(detector(settings.contours), settings.scales)
    return lambda image, image_id: mcg(image, detect(image), settings, image_id)


def mcg(image: NDArray[np.uint8], contours: NDArray[np.float32], settings: McgSettings, image_id: str) -> Pool:
    """Propose the candidate segments of an image.

    Args:
        image: H×W×3 RGB in [0, 255].
        contours: H×W boundary strength in [0, 1].
        settings: See `config.yaml`, `proposals.mcg`.
        image_id: Key of the random part of the ranks, besides `settings.seed`.

    Returns:
        At least one candidate: the whole image if no other survives.
    """
    labels = superpixels(contours, settings.superpixels)
    graph = region_graph(labels)
    trees = [
        combine(tree, graph, settings.leaves, settings.combinations)
        for tree in _trees(image, contours, labels, graph, settings)
    ]
    parts = _combinations(trees, labels, graph, generator(settings.seed, "mcg", image_id))
    limits = (settings.min_area, settings.max_area)
    for transforms in settings.transforms:
        sets, _ = level_sets(image, contours, labels, graph, transforms, limits)
        # They are about as good as singles and pairs, so spread them evenly over these ranks.
        parts.append((sets, 1 + 2 * np.arange(len(sets)) / len(sets)))
    matrix, ranks = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return select(labels, matrix[np.argsort(ranks, kind="stable")], settings, diverse=settings.diverse)


def _trees(
    image: NDArray[np.uint8],
    contours: NDArray[np.float32],
    labels: NDArray[np.int32],
    graph: RegionGraph,
    settings: McgSettings,
) -> Iterator[NDArray[np.int64]]:
    """Yield the hierarchies on the superpixels: the parent of each node."""
    regions = len(graph.pixels)
    means = border_means(labels, graph.pairs, contours)
    for blur in settings.contour_trees:
        strengths = border_means(labels, graph.pairs, _blurred(contours, blur)) if blur else means
        yield boundary_tree(graph.pairs, strengths, graph.lengths, regions)
    counted = {}
    for tree in settings.similarity_trees:
        if tree.space not in counted:
            space = colour_space(image, tree.space)
            counted[tree.space] = region_histograms(labels, regions, colour_bins(space), texture_bins(space))
        yield group_regions(graph, *counted[tree.space], tree.similarities, tree.contour * means)


def _blurred(contours: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(contours, (0, 0), deviation), np.float32)


def _combinations(
    trees: list[Combinations], labels: NDArray[np.int32], graph: RegionGraph, draws: np.random.Generator
) -> list[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Return the combinations of each tree, without those that another makes of fewer regions: N×R sets, N ranks.

    Low ranks are best. Singles rank from 1 to 2, pairs from 2 to 3 and so on; within one size, by their order in the
    tree times a uniform draw, as Selective Search ranks its regions.
    """
    regions = len(graph.pixels)
    border = np.zeros(regions, np.bool_)
    border[border_regions(labels)] = True
    keys = draws.integers(1, 2**64, regions, np.uint64)
    sizes = [(tree.nodes >= 0).sum(axis=1) for tree in trees]
    small_first = np.argsort(np.concatenate(sizes), kind="stable")
    _, first = np.unique(np.concatenate([set_hashes(tree, keys) for tree in trees])[small_first], return_index=True)
    new = np.zeros(len(small_first), np.bool_)
    new[small_first[first]] = True
    parts = []
    new_of_tree = np.split(new, np.cumsum([len(size) for size in sizes])[:-1])
    for tree, size, is_new in zip(trees, sizes, new_of_tree, strict=True):
        rows = np.flatnonzero(is_new)
        ranks = size[rows] + (rows + 1) / (len(tree.nodes) + 1) * draws.random(len(rows))
        parts.append((combination_members(tree, rows, graph, border), ranks))
    return parts
