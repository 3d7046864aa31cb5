"""`boxsup search`: runs that differ in a few settings, scored on held-out images of their split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments
from boxsup.config.build import mapping
from boxsup.evaluation.held_out import draw_held_out
from boxsup.evaluation.measured import basis_of, measured_mean, score_text
from boxsup.evaluation.predicted import predicted_maps
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.truth import confusions, images_with_masks, truth_pixels

EXAMPLE = 'boxsup search --catalogue results/data/demo/val --points "$POINTS" --held-out 20 --out search.csv'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    text = "JSON: `points`, a list of `experiment`, its `values` by key, and the `predictions` of each of its seeds"
    parser.add_argument("--points", required=True, help=text)
    add_held_out_arguments(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(*, catalogue: Path, points: str, held_out: int, held_out_seed: int, out: Path) -> None:
    """Write one row per point, in the order tried: its values by key, `experiment`, `seeds` and the mean IoU.

    `mean_iou` and `mean_iou_crf`, in [0, 1], are of the held-out images by the VOC protocol, before and after the CRF,
    averaged over the seeds. `images`, `objects` and `classes` say over how many. Where nothing is measured, the
    scores are empty and `note` says why.
    """
    images = draw_held_out(read_catalogue(catalogue), held_out, held_out_seed)
    basis = basis_of(images, truth_pixels(images))
    rows = []
    for point in mapping(points, "points")["points"]:
        scores = np.mean([_scores(images, Path(path)) for path in point["predictions"]], axis=0)
        names: dict[str, Any] = {"experiment": point["experiment"], "seeds": len(point["predictions"])}
        rows.append({**point["values"], **names, "mean_iou": scores[0], "mean_iou_crf": scores[1]})
        print(
            f"search: {point['experiment']}: mean IoU {score_text(scores[0])}, with CRF {score_text(scores[1])}",
            file=sys.stderr,
        )
    write_table(out, pd.DataFrame(rows).assign(**basis.counts, note=basis.notes()[-1]))
    print(f"search: {basis.why_not or f'over {basis.over}'}", file=sys.stderr)


def _scores(images: Catalogue, predictions: Path) -> tuple[float, float]:
    """Mean IoU of a run over the images, before and after the CRF."""
    maps = predicted_maps(predictions, images_with_masks(images), images.classes)
    without, with_crf = confusions(images, maps, predictions.stem)
    return measured_mean(without), measured_mean(with_crf)
