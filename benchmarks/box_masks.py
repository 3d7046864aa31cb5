"""Masks for boxes: `boxsup masks` beside GrabCut (OpenCV), which a user would take instead, on the same boxes.

    python benchmarks/box_masks.py [--runs results] [--out docs/results]

takes every third photograph of val of `benchmarks/voc240.yaml` and the networks of `voc240_box_greedy`, and writes the
mean IoU, boundary IoU and boundary F of each kind's masks with the true ones, and its processor time a box: on one
core, candidates and networks included, reading and writing not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pandas as pd
from common.true_masks import boundary_scores, mask_iou, objects_of, true_object, update_settings
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import corners_of, read_catalogue
from boxsup.config.files import project_config
from boxsup.experiments.found import object_networks_in
from boxsup.experiments.tree import Run
from boxsup.image.files import read_image
from boxsup.inference.scores import Predictor
from boxsup.labels.grabcut import grabcut
from boxsup.masking.box_masks import masks_of_boxes
from boxsup.objects.viewer import ObjectViewer
from boxsup.proposals.methods import build_settings, make_proposer

STEP, COUNT, EPOCH = 3, 40, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("results"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the table")
    args = parser.parse_args()
    run = Run("voc240_box_greedy", 0, args.runs)
    if not run.model(EPOCH).is_file() or not object_networks_in(run.folder):
        print(f"box_masks: {run.model(EPOCH)} or its object networks are not there: `make experiments` trains them")
        return
    cv2.setNumThreads(1)
    rows = pd.DataFrame(measured(run))
    table = rows.groupby("masks", sort=False).agg(
        boxes=("iou", "size"),
        mean_iou=("iou", "mean"),
        median_iou=("iou", "median"),
        boundary_iou=("boundary_iou", "mean"),
        boundary_f=("boundary_f", "mean"),
        seconds=("seconds", "mean"),
    )
    print(table.round(3).to_string())
    print(f"boxsup's masks: {table.mean_iou['boxsup'] - table.mean_iou['grabcut']:+.3f} of mean IoU against GrabCut's, "
          f"in {table.seconds['boxsup'] / table.seconds['grabcut']:.2f} of its time")  # fmt: skip
    table.round(3).to_csv(args.out / "box_masks.csv")


def measured(run: Run) -> Iterator[dict[str, object]]:
    """A row a box and kind of masks: how good they are, and seconds."""
    settings = update_settings()
    propose = make_proposer(build_settings(project_config()["proposals"]["mcg"], "proposals.mcg"))
    catalogue = read_catalogue(run.results / "data/voc240/val")
    predictor, viewer = (
        Predictor(run.model(EPOCH), 1, catalogue.classes),
        ObjectViewer(object_networks_in(run.folder), 1),
    )
    rows = [row for row in catalogue.rows() if row.objects][::STEP][:COUNT]
    propose(read_image(rows[0].path), "warm up")
    for row in tqdm(rows, disable=None):
        pixels, boxes = read_image(row.path), catalogue.boxes_of(row.image)
        boxes = boxes[boxes["crowd"] == 0]
        objects, start = objects_of(row), process_time()
        scores, maps = predictor.log_probabilities(pixels).cpu().numpy(), viewer.maps(pixels, corners_of(boxes))
        chosen = masks_of_boxes(row.image, propose(pixels, row.image), boxes, scores, maps, settings)
        ours = (process_time() - start) / max(1, len(boxes))
        for corners, mask in zip(corners_of(boxes), chosen, strict=True):
            thing, start = true_object(corners, objects), process_time()
            cut = grabcut(pixels, corners)
            theirs = process_time() - start
            filled = rectangle(corners, pixels.shape[:2])
            kinds = {"boxsup": (mask.pixels, ours), "grabcut": (filled if cut is None else cut, theirs)}
            for kind, (found, seconds) in (kinds | {"rectangle": (filled, 0.0)}).items():
                if thing is not None:
                    boundary, f = boundary_scores(found, thing, objects)
                    scores = {"iou": mask_iou(found, thing, objects), "boundary_iou": boundary, "boundary_f": f}
                    yield {"masks": kind, **scores, "seconds": seconds}


def rectangle(corners: NDArray[np.integer], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The box itself as a mask."""
    filled = np.zeros(size, np.bool_)
    x0, y0, x1, y1 = corners
    filled[y0:y1, x0:x1] = True
    return filled


if __name__ == "__main__":
    main()
