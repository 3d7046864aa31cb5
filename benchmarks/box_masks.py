"""Masks for boxes: `boxsup masks` beside GrabCut (OpenCV), which a user would take instead, on the same boxes.

    python benchmarks/box_masks.py [--runs results] [--out docs/results]

takes the photographs of `benchmarks/mask_quality.py`, and writes the mean IoU of each kind's masks with the true ones,
and its processor time a box: on one core, candidates and network included, reading and writing not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pandas as pd
from mask_quality import SETS, true_iou
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.image.files import read_image, read_mask
from boxsup.inference.scores import Predictor
from boxsup.labels.grabcut import grabcut
from boxsup.masking.box_masks import masks_of_boxes
from boxsup.proposals.methods import build_settings, make_proposer

PHOTOGRAPHS = SETS[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("results"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the table")
    args = parser.parse_args()
    missing = [args.runs / each.model for each in (PHOTOGRAPHS,) if not (args.runs / each.model).is_file()]
    if missing:
        print(f"box_masks: {missing[0]} is not there: `make experiments` and `make demo` train what it takes")
        return
    cv2.setNumThreads(1)
    rows = pd.DataFrame(measured(args.runs))
    table = rows.groupby("masks", sort=False).agg(
        boxes=("iou", "size"), mean_iou=("iou", "mean"), median_iou=("iou", "median"), seconds=("seconds", "mean")
    )
    print(table.round(3).to_string())
    print(f"boxsup's masks: {table.mean_iou['boxsup'] - table.mean_iou['grabcut']:+.3f} of mean IoU against GrabCut's, "
          f"in {table.seconds['boxsup'] / table.seconds['grabcut']:.2f} of its time")  # fmt: skip
    table.round(3).to_csv(args.out / "box_masks.csv")


def measured(runs: Path) -> Iterator[dict[str, object]]:
    """A row a box and kind of masks: IoU, and seconds."""
    config = project_config()
    settings = build(UpdateSettings, generation_settings(block(config, "defaults", "update")), "update")
    propose = make_proposer(build_settings(config["proposals"]["mcg"], "proposals.mcg"))
    catalogue = read_catalogue(runs / PHOTOGRAPHS.tables)
    predictor = Predictor(runs / PHOTOGRAPHS.model, 1, catalogue.classes)
    rows = [row for row in catalogue.rows() if row.objects][:: PHOTOGRAPHS.step][: PHOTOGRAPHS.count]
    propose(read_image(rows[0].path), "warm up")
    for row in tqdm(rows, disable=None):
        pixels, boxes = read_image(row.path), catalogue.boxes_of(row.image)
        boxes = boxes[boxes["crowd"] == 0]
        truth, objects = read_mask(row.mask), read_mask(row.objects)
        start = process_time()
        scores = predictor.log_probabilities(pixels).cpu().numpy()
        chosen = masks_of_boxes(row.image, propose(pixels, row.image), boxes, scores, settings)
        ours = (process_time() - start) / max(1, len(boxes))
        for box, corners, mask in zip(boxes.itertuples(), corners_of(boxes), chosen, strict=True):
            start = process_time()
            cut = grabcut(pixels, corners)
            theirs = process_time() - start
            filled = rectangle(corners, pixels.shape[:2])
            kinds = {"boxsup": (mask.pixels, ours), "grabcut": (filled if cut is None else cut, theirs)}
            for kind, (found, seconds) in (kinds | {"rectangle": (filled, 0.0)}).items():
                iou = true_iou(found, corners, box.label, truth, objects)
                if not np.isnan(iou):
                    yield {"masks": kind, "iou": iou, "seconds": seconds}


def rectangle(corners: NDArray[np.integer], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The box itself as a mask."""
    filled = np.zeros(size, np.bool_)
    x0, y0, x1, y1 = corners
    filled[y0:y1, x0:x1] = True
    return filled


if __name__ == "__main__":
    main()
