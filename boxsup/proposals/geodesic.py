"""Geodesic object proposals (GOP; Krähenbühl & Koltun, ECCV 2014) on superpixels cut from contours.

A step over a strong contour costs more than one over a weak contour. The set of superpixels within reach of a seed
grows quickly with the reach, except at levels at which contours hold it back: there it is a candidate. The reach of a
superpixel is its distance from the seed, or this minus its distance from the image's border, which the background is
assumed to touch. Nothing is learned (GOP can learn from masks where to put seeds and what is background) and nothing is
drawn.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from boxsup.config.proposals import GeodesicSettings, Transforms
from boxsup.contours.detector import detector
from boxsup.machine.compiled import compiled
from boxsup.proposals.colour import colour_space
from boxsup.proposals.hierarchy import superpixels
from boxsup.proposals.pool import Pool
from boxsup.proposals.regions import RegionGraph, border_means, border_regions, region_graph
from boxsup.proposals.selection import Proposer, select
from boxsup.proposals.shortest_paths import Graph, distances, farthest_points, graph_centre, make_graph

# Levels of a Lab channel in [0, 255]: colours at least this far apart cost `colour`.
FAR = 100.0
# Greatest IoU of two level sets of one transform; it is the ratio of their areas, since one holds the other.
NESTED = 0.8
PACKAGES = ("opencv-contrib-python-headless", "scipy", "numba", "higra", "torch")  # that results depend on


def proposer(settings: GeodesicSettings) -> Proposer:
    """Make the method's function of an image and its id; see `boxsup.proposals.methods`.

    Raises:
        StoreError: The contour network's weights are missing or damaged.
    """
    detect = detector(settings.contours)
    return lambda image, image_id: geodesic(image, detect(image), settings)


def geodesic(image: NDArray[np.uint8], contours: NDArray[np.float32], settings: GeodesicSettings) -> Pool:
    """Propose the candidate segments of an image.

    Args:
        image: H×W×3 RGB in [0, 255].
        contours: H×W boundary strength in [0, 1].
        settings: See `config.yaml`, `proposals.geodesic`; `seed` has no effect.

    Returns:
        At least one candidate: the whole image if no other survives.
    """
    labels = superpixels(contours, settings.superpixels)
    limits = (settings.min_area, settings.max_area)
    sets, seeds = level_sets(image, contours, labels, region_graph(labels), settings.transforms, limits)
    # The seeds are candidates too, as in GOP since version 1.2. They come last: most are only a piece of something.
    return select(labels, np.concatenate([sets, seeds[:, None] == np.arange(sets.shape[1])]), settings)


def level_sets(
    image: NDArray[np.uint8],
    contours: NDArray[np.float32],
    labels: NDArray[np.int32],
    regions: RegionGraph,
    transforms: Transforms,
    limits: tuple[float, float],
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the critical level sets of geodesic distance transforms from seeds spread over an image.

    Args:
        image: H×W×3 RGB in [0, 255].
        contours: H×W boundary strength in [0, 1].
        labels: H×W superpixel of each pixel, 0…R-1.
        regions: Graph of the superpixels.
        transforms: See `config.yaml`, `proposals.geodesic.transforms`.
        limits: Least and greatest share of the image that a level set covers.

    Returns:
        N×R superpixels of each level set, see `critical_sets`; and the superpixels that are seeds.
    """
    graph = make_graph(regions.pairs, _costs(image, contours, labels, regions, transforms), len(regions.pixels))
    seeds, near = farthest_points(graph, graph_centre(graph), transforms.seeds)
    reach = np.concatenate([near - _background(name, labels, graph) for name in transforms.backgrounds])
    return critical_sets(reach, regions.pixels / labels.size, transforms.levels, limits), seeds


def _costs(
    image: NDArray[np.uint8],
    contours: NDArray[np.float32],
    labels: NDArray[np.int32],
    regions: RegionGraph,
    transforms: Transforms,
) -> NDArray[np.float64]:
    """Return the cost of a step between each pair of superpixels: GOP's function of the contour, and of colour."""
    space = colour_space(image, "lab").reshape(-1, 3)
    sums = np.stack([np.bincount(labels.ravel(), channel) for channel in space.T], axis=1)
    mean = sums / regions.pixels[:, None]
    apart = np.sqrt(((mean[regions.pairs[:, 0]] - mean[regions.pairs[:, 1]]) ** 2).sum(axis=1))
    strength = border_means(labels, regions.pairs, contours) + transforms.colour * np.minimum(apart / FAR, 1)
    # A product, not a power: powers are rounded differently on different processors.
    costs: NDArray[np.float64] = math.prod([strength] * transforms.power) + transforms.floor
    return costs


def _background(name: str, labels: NDArray[np.int32], graph: Graph) -> NDArray[np.float64]:
    """Return the distance of each superpixel from what is assumed to be background: R."""
    if name == "none":
        return np.zeros(len(graph))
    return distances(graph, border_regions(labels))


def critical_sets(
    reach: NDArray[np.float64], share: NDArray[np.float64], max_sets: int, limits: tuple[float, float]
) -> NDArray[np.bool_]:
    """Return the level sets at which a transform grows slowest (GOP's critical level sets).

    There the gap to the next superpixel's value is widest. Level sets of one transform whose IoU is above `NESTED`
    differ only in a few superpixels: the one with the widest gap stands for them.

    Args:
        reach: T×R, the value of each transform on each superpixel.
        share: R, the share of the image that each superpixel covers, above 0.
        max_sets: L, most level sets per transform.
        limits: Least and greatest share of the image that a level set covers.

    Returns:
        N×R superpixels of each level set, N at most TL: first each transform's best, then each one's second, and so on;
        within these by gap times the root of the area, since contours grow with it.

    Example:
        >>> critical_sets(np.array([[0.0, 1.0, 5.0]]), np.array([0.2, 0.3, 0.5]), 1, (0, 1))
        array([[ True,  True, False]])
    """
    order = np.argsort(reach, axis=1, kind="stable")
    shares = np.cumsum(share[order], axis=1)[:, :-1]
    gaps = np.diff(np.take_along_axis(reach, order, axis=1), axis=1)
    gaps[(shares < limits[0]) | (shares > limits[1])] = 0
    transform, last, rank = _critical(gaps, shares, max_sets).T
    weight = gaps[transform, last] * np.sqrt(shares[transform, last])
    best = np.lexsort((-weight, rank))
    return _members(order, transform[best], last[best])


@compiled
def _critical(gaps: NDArray[np.float64], shares: NDArray[np.float64], max_sets: int) -> NDArray[np.int64]:
    """Return N×3: transform, index of the last superpixel in its order, and rank of the gap in the transform."""
    found, count = np.empty((len(gaps) * max_sets, 3), np.int64), 0
    if gaps.shape[1] == 0:
        return found[:0]
    for transform in range(len(gaps)):
        left = gaps[transform].copy()
        for rank in range(max_sets):
            last = np.argmax(left)
            if left[last] <= 0:
                break
            found[count, 0], found[count, 1], found[count, 2] = transform, last, rank
            count += 1
            one = shares[transform, last]
            for k in range(len(left)):
                other = shares[transform, k]
                if min(one, other) > NESTED * max(one, other):
                    left[k] = 0.0
    return found[:count]


@compiled
def _members(order: NDArray[np.int64], transforms: NDArray[np.int64], lasts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the superpixels of each transform up to the last one: N×R."""
    members = np.zeros((len(transforms), order.shape[1]), np.bool_)
    for n in range(len(transforms)):
        for k in range(lasts[n] + 1):
            members[n, order[transforms[n], k]] = True
    return members
