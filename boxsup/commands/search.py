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
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.build import mapping
from boxsup.evaluation.held_out import draw_held_out
from boxsup.evaluation.measured import Basis, basis_of, score_text
from boxsup.evaluation.predicted import count_predicted, is_refined, predicted_scores
from boxsup.evaluation.tables import BOUNDARY_COLUMNS, write_table
from boxsup.evaluation.truth import truth_pixels

EXAMPLE = 'boxsup search --catalogue results/data/demo/val --points "$POINTS" --held-out 20 --out search.csv'

SCORES = tuple(f"{name}{end}" for name in ("mean_iou", *BOUNDARY_COLUMNS) for end in ("", "_crf"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    text = "JSON: `points`, a list of `experiment`, its `values` by key, and the `predictions` of each of its seeds"
    parser.add_argument("--points", required=True, help=text)
    add_held_out_arguments(parser)
    add_workers_argument(parser)
    add_output_arguments(parser, "the .csv file to write")


def run(*, catalogue: Path, points: str, held_out: int, held_out_seed: int, workers: int, out: Path) -> None:
    """Write one row per point, in the order tried: its values by key, `experiment`, `seeds` and the mean IoU.

    `mean_iou` and `mean_iou_crf`, in [0, 1], are of the held-out images by the VOC protocol, before and after the CRF,
    averaged over the seeds; `boundary_iou` and `boundary_f`, and the same with `_crf`, say how well outlines fit.
    Scores after the CRF are empty for a point that has none. `images`, `objects` and `classes` say over how many. Where
    nothing is measured, the scores are empty and `note` says why.
    """
    images = draw_held_out(read_catalogue(catalogue), held_out, held_out_seed)
    basis = basis_of(images, truth_pixels(images))
    rows = []
    for point in mapping(points, "points")["points"]:
        runs = [_scores(images, basis, Path(path), workers) for path in point["predictions"]]
        scores = np.mean(runs, axis=0)  # NaN if a run has no CRF
        names: dict[str, Any] = {"experiment": point["experiment"], "seeds": len(point["predictions"])}
        rows.append({**point["values"], **names, **dict(zip(SCORES, scores, strict=True))})
        with_crf = "" if np.isnan(scores[1]) else f", with CRF {score_text(scores[1])}"
        print(f"search: {point['experiment']}: mean IoU {score_text(scores[0])}{with_crf}", file=sys.stderr)
    write_table(out, pd.DataFrame(rows).assign(**basis.counts, note=basis.notes()[-1]))
    print(f"search: {basis.why_not or f'over {basis.over}'}", file=sys.stderr)


def _scores(images: Catalogue, basis: Basis, predictions: Path, workers: int) -> list[float]:
    """Means over the classes of a run's scores over the images, in the order of SCORES."""
    means = predicted_scores(count_predicted(predictions, images, workers, predictions.stem), basis).iloc[-1]
    refined = is_refined(predictions)
    known = (refined or not name.endswith("_crf") for name in SCORES)
    return [
        float(means[name.removeprefix("mean_")]) if is_known else float("nan")
        for name, is_known in zip(SCORES, known, strict=True)
    ]
