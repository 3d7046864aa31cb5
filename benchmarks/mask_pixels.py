"""What sharpens the masks of `boxsup masks`: weights of pixels, and masks before and after, beside true masks.

    python benchmarks/mask_pixels.py [--runs results]

fits the weights of `boxsup/masking/refine.py` to pixels of the photographs that `voc635_box_greedy` trains on; their
object maps are by networks that have not seen them. It measures the chosen candidates and the sharpened masks there and
on val, with the object networks of `voc240_box_greedy`; no semantic network is asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from common.logistic import logistic_weights
from common.true_masks import boundary_scores, mask_iou, objects_of, pools_of, true_object, update_settings
from numpy.typing import NDArray

from boxsup.catalogue.tables import ImageRow, corners_of, read_catalogue
from boxsup.experiments.found import object_networks_in
from boxsup.experiments.tree import Run
from boxsup.image.files import read_image
from boxsup.labels.soft_masks import log_odds
from boxsup.machine.bars import tqdm
from boxsup.masking.box_masks import choices_of_boxes
from boxsup.masking.refine import WEIGHTS, object_probabilities, refined
from boxsup.objects.maps import ObjectMaps, map_on_box
from boxsup.objects.viewer import ObjectViewer
from boxsup.random import generator

PIXELS = 400  # of a box, to fit what pixels weigh
FULL_BOX = 0.8  # share of its box that an object fills, to count among those that fill it
VOID = 255
Maps = Callable[[ImageRow, NDArray[np.int64]], NDArray[np.uint8]]


class Judged(NamedTuple):
    """A box: what its pixels are made of, and how good both masks are."""

    design: NDArray[np.float64]
    is_object: NDArray[np.bool_]
    full: bool
    iou: tuple[float, float, float]  # chosen, sharpened, rectangle
    boundary: tuple[tuple[float, float], ...]  # boundary IoU and F of the first two


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("results"), help="folder of the runs")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    own, other = (object_networks_in(Run(f"{name}_box_greedy", 0, args.runs).folder) for name in ("voc240", "voc635"))
    if not (own and other):
        print("mask_pixels: object networks are not there: `make experiments` trains them")
        return
    stored, viewer = ObjectMaps([path.with_suffix(".zarr") for path in other]), ObjectViewer(own, 1)
    train = list(judged(args.runs / "data/voc635/train", lambda row, _: stored[row.image]))
    val = list(judged(args.runs / "data/voc240/val", lambda row, boxes: viewer.maps(read_image(row.path), boxes)))
    print("weights:", logistic(train).round(2).tolist(), "in use:", list(WEIGHTS))
    for name, boxes in (("train", train), ("val", val)):
        print(f"{name}: {len(boxes)} boxes")
        full = [box for box in boxes if box.full]
        for place, kind in enumerate(("chosen", "sharpened", "rectangle")):
            iou, of_full = np.mean([box.iou[place] for box in boxes]), np.mean([box.iou[place] for box in full])
            fits = np.nanmean([box.boundary[place] for box in boxes], axis=0) if place < 2 else (np.nan, np.nan)
            outlines = f"boundary IoU {fits[0]:.3f}, boundary F {fits[1]:.3f}"
            print(f"  {kind:10} IoU {iou:.3f}, {outlines}, of {len(full)} that fill the box {of_full:.3f}")


def judged(split: Path, maps_of: Maps) -> Iterator[Judged]:
    """The boxes of a split that chose a candidate and whose object is known."""
    catalogue, settings, pool_of = read_catalogue(split), update_settings(), pools_of(split)
    for row in tqdm(list(catalogue.rows()), disable=None):
        boxes = catalogue.boxes_of(row.image)
        if boxes.empty:
            continue
        pool, corners, objects = pool_of(row), corners_of(boxes), objects_of(row)
        maps = maps_of(row, corners)
        choices = choices_of_boxes(row.image, pool, boxes, None, maps, settings)
        for box, choice, map_ in zip(corners, choices, maps, strict=True):
            thing = true_object(box, objects)
            if thing is None or choice.shares is None:
                continue
            window = np.s_[box[1] : box[3], box[0] : box[2]]
            chosen, seen = pool.mask(choice.chosen)[window], map_on_box(map_, box)
            shares = choice.shares[pool.superpixels[window]]
            masks = [np.zeros_like(thing) for _ in range(3)]
            sharp = refined(object_probabilities(chosen, shares, seen), seen)
            for mask, inside in zip(masks, (chosen, sharp, True), strict=True):
                mask[window] = inside
            known = np.flatnonzero(objects[window].ravel() != VOID)
            some = generator(0, "pixels", row.image, *map(int, box)).choice(
                known, min(PIXELS, len(known)), replace=False
            )
            columns = (chosen, shares, log_odds(seen), np.full(chosen.shape, chosen.mean()))
            design = np.column_stack([np.ones(len(some)), *(np.asarray(each, float).ravel()[some] for each in columns)])
            ious = [mask_iou(mask, thing, objects) for mask in masks]
            boundaries = [boundary_scores(mask, thing, objects) for mask in masks[:2]]
            full = bool(thing[window].mean() >= FULL_BOX)
            yield Judged(design, thing[window].ravel()[some], full, (*ious,), (*boundaries,))


def logistic(boxes: list[Judged]) -> NDArray[np.float64]:
    """Weights of a logistic function of the design, by penalised maximum likelihood."""
    design, truth = np.concatenate([box.design for box in boxes]), np.concatenate([box.is_object for box in boxes])
    return logistic_weights(design, truth, ridge=1.0)


if __name__ == "__main__":
    main()
