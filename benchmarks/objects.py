"""Object maps: what a box's choice gains by them, and what a map costs beside GrabCut (OpenCV).

    python benchmarks/objects.py --split results/data/voc635/train --maps results/voc635_box_greedy/seed-0/objects/1

reads candidates, overlaps and maps that Snakemake made, lets each box choose by its overlaps alone and with its map (no
semantic network is asked), and compares the choices with the best candidates and the rectangles. Object IoU needs
masks of objects (VOC's SegmentationObject); a box counts if an object's tight box has an IoU of 0.7 with it.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from common.true_masks import VOID, mask_iou, objects_of, true_object, update_settings
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of, read_catalogue
from boxsup.config.update import UpdateSettings
from boxsup.evaluation.confusion import confusion_matrix, mean_iou
from boxsup.image.files import read_image, read_mask
from boxsup.labels.candidates import Candidates
from boxsup.labels.choice import Choice, choose
from boxsup.labels.grabcut import grabcut
from boxsup.labels.overlaps import Overlaps
from boxsup.labels.painting import paint
from boxsup.machine.bars import tqdm
from boxsup.objects.crops import crops_of
from boxsup.objects.maps import ObjectMaps, map_on_box
from boxsup.objects.network import load_network
from boxsup.objects.training import object_maps
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import Pools
from boxsup.random import generator

FULL_BOX = 0.8  # share of its box that an object fills, to count among those that fill it
TIMED = 60  # boxes
Masks = Sequence[NDArray[np.bool_] | None]


@dataclass
class Scores:
    """What is measured of one way to make masks: IoU of objects, of those that fill their box, and of label maps."""

    objects: list[float]
    full: list[float]
    confusion: NDArray[np.int64]

    def __str__(self) -> str:
        labels = 100 * mean_iou(self.confusion)
        full = f"{100 * np.mean(self.full):.1f}" if self.full else "-"
        return f"{labels:10.1f}{100 * np.mean(self.objects):10.1f}{full:>10}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", type=Path, default=Path("results/data/voc240/train"), help="folder of the tables")
    parser.add_argument(
        "--maps", type=Path, default=Path("results/voc240_box_greedy/seed-0/objects/1"), help="folder of the maps"
    )
    args = parser.parse_args()
    stores, networks = sorted(args.maps.glob("*.zarr")), sorted(args.maps.glob("*.pt"))
    if not stores or not (args.split / "images.csv").is_file():
        print(f"objects: {args.maps} or {args.split} is not there: `make experiments` makes them")
        return
    catalogue, maps = read_catalogue(args.split), ObjectMaps(stores, 8)
    scores = measured(catalogue, args.split, maps)
    print(f"{len(catalogue.ids)} images, {len(scores['rectangles'].objects)} boxes with an object's mask, "
          f"{len(scores['rectangles'].full)} of which fill {FULL_BOX:.0%} of their box")  # fmt: skip
    print(f"{'':32}{'labels':>10}{'objects':>10}{'full':>10}")
    for name, values in scores.items():
        print(f"{name:32}{values}")
    best, chosen = (np.mean(scores[name].objects) for name in ("the best candidates", "with maps"))
    print(f"with maps, boxes choose {chosen / best:.3f} of what the best candidates would have")
    if networks:
        ours, theirs = costs(catalogue, networks[0])
        print(f"a map of a box takes {1000 * ours:.1f} ms of a core, {ours / theirs:.2f} of GrabCut's time")


def measured(catalogue: Catalogue, split: Path, maps: ObjectMaps) -> dict[str, Scores]:
    """Measure each way to make masks."""
    settings = update_settings()
    pools, overlaps = (
        Pools(sorted((split / "proposals/mcg").glob("*.zarr")), 8),
        Overlaps(sorted((split / "overlaps/mcg").glob("*.zarr")), 8),
    )
    classes = len(catalogue.classes)
    scores = defaultdict(lambda: Scores([], [], np.zeros((classes, classes + 1), np.int64)))
    for row in tqdm(catalogue.rows(), total=len(catalogue.ids), disable=None):
        boxes = catalogue.boxes_of(row.image)
        corners, truth = corners_of(boxes), read_mask(row.mask)
        numbers = objects_of(row)
        objects = [true_object(box, numbers) for box in corners]
        ways = ways_of(row, pools[row.image], corners, overlaps[row.image], maps[row.image], numbers, objects, settings)
        for name, masks, claims in ways:
            own = scores[name]
            labels = paint(row.height, row.width, corners, boxes["label"].to_numpy(), masks, True, claims)
            own.confusion += confusion_matrix(truth, labels, classes)
            for box, mask, true in zip(corners, masks, objects, strict=True):
                if true is not None:
                    x0, y0, x1, y1 = box
                    inside = np.s_[y0:y1, x0:x1]
                    cut = in_image(True if mask is None else mask[inside], box, row)
                    own.objects.append(mask_iou(cut, true, numbers))
                    if true[inside].mean() >= FULL_BOX:
                        own.full.append(own.objects[-1])
    return dict(scores)


def ways_of(
    row: ImageRow,
    pool: Pool,
    corners: NDArray[np.int64],
    iou: NDArray[np.float32],
    maps: NDArray[np.uint8],
    numbers: NDArray[np.uint8],
    objects: Sequence[NDArray[np.bool_] | None],
    settings: UpdateSettings,
) -> Iterator[tuple[str, Masks, Masks | None]]:
    """Yield each way to make the masks of an image's boxes: its name, the masks, and the boxes' claims to pixels."""
    yield "rectangles", [None] * len(corners), None
    if not len(corners):
        empty: Masks = []
        yield from ((name, empty, None) for name in ("maps above 1/2", "by overlap alone", "with maps"))
        yield "the best candidates", empty, None
        return
    yield (
        "maps above 1/2",
        [in_image(map_on_box(m, b) > 0.5, b, row) for m, b in zip(maps, corners, strict=True)],
        None,
    )
    candidates = Candidates(pool.superpixels, pool.matrix().astype(np.float32), pool.boxes, corners, iou)
    draws = [generator(0, "benchmark")] * len(corners)
    alone = choose(candidates, None, settings.changed(temperature=0.05), draws)
    yield "by overlap alone", masks_of(alone, pool), None
    chosen = choose(candidates, None, settings, draws, maps)
    claims = [
        None if c.claim is None else c.claim[pool.superpixels[w]]
        for c, w in zip(chosen, candidates.windows(), strict=True)
    ]
    yield "with maps", masks_of(chosen, pool), claims
    yield (
        "the best candidates",
        [
            mask if true is None else pool.mask(best_candidate(candidates, number, true, numbers))
            for number, (mask, true) in enumerate(zip(masks_of(chosen, pool), objects, strict=True))
        ],
        claims,
    )


def masks_of(choices: Sequence[Choice], pool: Pool) -> list[NDArray[np.bool_] | None]:
    """The masks of choices, None for a rectangle."""
    return [pool.mask(choice.chosen) if choice.chosen >= 0 else None for choice in choices]


def best_candidate(candidates: Candidates, number: int, true: NDArray[np.bool_], numbers: NDArray[np.uint8]) -> int:
    """The candidate that has the greatest IoU with a box's object, cut at the box."""
    window = candidates.windows()[number]
    superpixels, regions = candidates.superpixels[window].ravel(), candidates.members.shape[1]
    held = np.bincount(superpixels, true[window].ravel(), regions)
    known = np.bincount(superpixels, (numbers[window] != VOID).ravel(), regions)
    intersections, areas = candidates.members @ held, candidates.members @ known
    return int(np.argmax(intersections / (areas + true.sum() - intersections)))


def in_image(inside: NDArray[np.bool_] | bool, box: NDArray[np.int64], row: ImageRow) -> NDArray[np.bool_]:
    """Put the mask of a box's pixels into its image."""
    mask = np.zeros((row.height, row.width), np.bool_)
    x0, y0, x1, y1 = box
    mask[y0:y1, x0:x1] = inside
    return mask


def costs(catalogue: Catalogue, path: Path) -> tuple[float, float]:
    """Seconds of a core that the map of a box takes, cutting it out included, and that GrabCut takes for its mask."""
    network, made = load_network(path)
    size, seconds, count = made["settings"]["size"], [0.0, 0.0], 0
    for row in catalogue.rows():
        pixels, corners = read_image(row.path), corners_of(catalogue.boxes_of(row.image))
        start = process_time()
        object_maps(network, crops_of(pixels, corners, size), size)
        middle = process_time()
        for box in corners:
            grabcut(pixels, box)
        seconds = [seconds[0] + middle - start, seconds[1] + process_time() - middle]
        count += len(corners)
        if count >= TIMED:
            break
    return seconds[0] / count, seconds[1] / count


if __name__ == "__main__":
    main()
