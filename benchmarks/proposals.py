"""Quality, time and size of the candidate pools on real photographs, beside OpenCV's own Selective Search (boxes only).

    python benchmarks/proposals.py --voc data/VOCdevkit/VOC2012 --every 4

J_i is the mean over all objects of the best IoU that a candidate among the first n has; void pixels count for nobody.
Both programs run on one thread, in turn on the same images, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.catalogue.tables import read_image, read_mask
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.proposals.pool import Pool, creating_pools
from boxsup.random import generator

COUNTS = (100, 500, 1000, 2000)
CONFIG = Path(__file__).parents[1] / "config.yaml"


def main() -> None:
    """Print the table."""
    args = _arguments()
    cv2.setNumThreads(1)
    settings = build_settings(yaml.safe_load(CONFIG.read_text())["proposals"][args.name], args.name)
    propose = make_proposer(settings)
    ids = (args.voc / "ImageSets" / "Segmentation" / f"{args.list}.txt").read_text().split()[:: args.every]
    # The first calls load compiled code: not counted.
    propose(generator(0, "warm").integers(0, 256, (64, 64, 3), np.uint8), "warm")
    best: list[NDArray[np.float64]] = []
    ours = theirs = 0.0
    pools = {}
    for image_id in ids:
        image = read_image(args.voc / "JPEGImages" / f"{image_id}.jpg")
        start = time.perf_counter()
        pools[image_id] = propose(image, image_id)
        middle = time.perf_counter()
        opencv_selective_search(image)
        ours, theirs = ours + middle - start, theirs + time.perf_counter() - middle
        objects = read_mask(args.voc / "SegmentationObject" / f"{image_id}.png")
        best.append(best_overlaps(pools[image_id], objects))
    _print(np.concatenate(best), pools, ours / len(ids), theirs / len(ids))


def best_overlaps(pool: Pool, objects: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Objects×4: the best IoU with each object among the first 100, 500, 1000 and 2000 candidates.

    Args:
        pool: The candidates of an image.
        objects: H×W, 0 background, 1… objects, 255 void.
    """
    counts = np.zeros((pool.regions, 256))
    np.add.at(counts, (pool.superpixels, objects), 1)
    counts = counts[:, :255]  # without void
    present = 1 + np.flatnonzero(counts[:, 1:].sum(axis=0))
    common = pool.matrix() @ counts
    union = common.sum(axis=1, keepdims=True) + counts.sum(axis=0) - common
    iou = common[:, present] / np.maximum(union[:, present], 1)
    return np.stack([iou[:count].max(axis=0) for count in COUNTS], axis=1)


def opencv_selective_search(image: NDArray[np.uint8]) -> int:
    """The number of boxes of OpenCV's "fast" mode."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    search.switchToSelectiveSearchFast()
    return len(search.process())


def store_bytes(pools: dict[str, Pool]) -> int:
    """Size on disk of a store of all pools."""
    sizes = np.array([pool.superpixels.shape for pool in pools.values()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pools.zarr"
        with creating_pools(path, list(pools), sizes, {}) as writer:
            for image_id, pool in pools.items():
                writer.append(image_id, pool)
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _print(best: NDArray[np.float64], pools: dict[str, Pool], ours: float, theirs: float) -> None:
    candidates = np.mean([len(pool) for pool in pools.values()])
    regions = np.mean([pool.regions for pool in pools.values()])
    print(f"{len(pools)} images, {len(best)} objects; {candidates:.0f} candidates, {regions:.0f} superpixels an image")
    print("| first n | J_i | recall .5 | recall .7 |\n|---|---|---|---|")
    for column, count in enumerate(COUNTS):
        iou = best[:, column]
        print(f"| {count} | {iou.mean():.3f} | {(iou >= 0.5).mean():.3f} | {(iou >= 0.7).mean():.3f} |")
    print(f"seconds an image: {ours:.3f}; OpenCV, fast mode, boxes only: {theirs:.3f}; ratio {ours / theirs:.2f}")
    print(f"bytes an image: {store_bytes(pools) / len(pools) / 1e3:.1f} KB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voc", type=Path, required=True, metavar="ROOT", help="a tree in VOC layout")
    parser.add_argument("--list", default="val", help="the image list in ImageSets/Segmentation")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only every K-th image")
    parser.add_argument("--name", default="selective_search", help="settings by their name in config.yaml")
    return parser.parse_args()


if __name__ == "__main__":
    main()
