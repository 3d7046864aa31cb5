"""What sharpens segments, of the update and of `boxsup masks`: weights of pixels, and masks before and after.

    python benchmarks/mask_pixels.py [--runs results]

fits the weights of `boxsup/labels/sharpening.py` to pixels of the photographs that `voc635_box_greedy` trains on; their
object maps are by networks that have not seen them. The semantic network is that of the run's last epoch but one, as
its last generation asks it; it has seen the photographs. The weights in use are between those with and without it. The
chosen candidates and the sharpened masks are measured beside true masks, there and, without a semantic network, on val,
with the object networks of `voc240_box_greedy`.
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
from boxsup.inference.scores import Predictor
from boxsup.labels.choice import Choice
from boxsup.labels.sharpening import WEIGHTS, sharpened
from boxsup.labels.soft_masks import log_odds
from boxsup.machine.bars import tqdm
from boxsup.masking.box_masks import ImageScores, choices_of_boxes
from boxsup.objects.maps import ObjectMaps, map_on_box
from boxsup.objects.viewer import ObjectViewer
from boxsup.proposals.pool import Pool
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
    epochs = sorted(Run("voc635_box_greedy", 0, args.runs).folder.glob("epochs/*/model.pt"))
    predictor = Predictor(epochs[-2], 1)
    split, val_split = args.runs / "data/voc635/train", args.runs / "data/voc240/val"
    train = list(judged(split, lambda row, _: stored[row.image]))
    asked = list(judged(split, lambda row, _: stored[row.image], predictor))
    val = list(judged(val_split, lambda row, boxes: viewer.maps(read_image(row.path), boxes)))
    print("weights:", logistic(train).round(2).tolist(), "with a network:", logistic(asked).round(2).tolist())
    print("in use:", list(WEIGHTS))
    for name, boxes in (("train", train), ("train, with a network", asked), ("val", val)):
        print(f"{name}: {len(boxes)} boxes")
        full = [box for box in boxes if box.full]
        for place, kind in enumerate(("chosen", "sharpened", "rectangle")):
            iou, of_full = np.mean([box.iou[place] for box in boxes]), np.mean([box.iou[place] for box in full])
            fits = np.nanmean([box.boundary[place] for box in boxes], axis=0) if place < 2 else (np.nan, np.nan)
            outlines = f"boundary IoU {fits[0]:.3f}, boundary F {fits[1]:.3f}"
            print(f"  {kind:10} IoU {iou:.3f}, {outlines}, of {len(full)} that fill the box {of_full:.3f}")


def judged(split: Path, maps_of: Maps, predictor: Predictor | None = None) -> Iterator[Judged]:
    """The boxes of a split that chose a candidate and whose object is known, with or without a semantic network."""
    catalogue, settings, pool_of = read_catalogue(split), update_settings(), pools_of(split)
    for row in tqdm(list(catalogue.rows()), disable=None):
        boxes = catalogue.boxes_of(row.image)
        if boxes.empty:
            continue
        pool, corners, objects = pool_of(row), corners_of(boxes), objects_of(row)
        maps = maps_of(row, corners)
        network = predictor and ImageScores(
            predictor.log_probabilities(read_image(row.path)).cpu().numpy(), pool.superpixels.shape
        )
        choices = choices_of_boxes(row.image, pool, boxes, network, maps, settings)
        for box, choice, map_ in zip(corners, choices, maps, strict=True):
            thing = true_object(box, objects)
            if thing is None or choice.shares is None:
                continue
            window = np.s_[box[1] : box[3], box[0] : box[2]]
            chosen = pool.mask(choice.chosen, window)
            masks = [np.zeros_like(thing) for _ in range(3)]
            sharp = sharpened(choice, pool, box, map_)
            for mask, inside in zip(masks, (chosen, sharp, True), strict=True):
                mask[window] = inside
            known = np.flatnonzero(objects[window].ravel() != VOID)
            some = generator(0, "pixels", row.image, *map(int, box)).choice(
                known, min(PIXELS, len(known)), replace=False
            )
            columns = [np.asarray(each, float).ravel()[some] for each in columns_of(choice, pool, box, map_)]
            design = np.column_stack([np.ones(len(some)), *columns])
            ious = [mask_iou(mask, thing, objects) for mask in masks]
            boundaries = [boundary_scores(mask, thing, objects) for mask in masks[:2]]
            full = bool(thing[window].mean() >= FULL_BOX)
            yield Judged(design, thing[window].ravel()[some], full, (*ious,), (*boundaries,))


def columns_of(
    choice: Choice, pool: Pool, box: NDArray[np.int64], map_: NDArray[np.uint8]
) -> Iterator[NDArray[np.floating]]:
    """What WEIGHTS weigh beside 1, each h×w; without a semantic network one column less."""
    window = np.s_[box[1] : box[3], box[0] : box[2]]
    superpixels = pool.superpixels[window]
    yield choice.shares[superpixels]
    yield log_odds(map_on_box(map_, box))
    yield np.full(superpixels.shape, pool.mask(choice.chosen, window).mean())
    if choice.where is not None:
        yield log_odds(choice.where[superpixels])


def logistic(boxes: list[Judged]) -> NDArray[np.float64]:
    """Weights of a logistic function of the design, by penalised maximum likelihood."""
    design, truth = np.concatenate([box.design for box in boxes]), np.concatenate([box.is_object for box in boxes])
    return logistic_weights(design, truth, ridge=1.0)


if __name__ == "__main__":
    main()
