"""`boxsup evaluation`: predictions of a split against its true masks, by the VOC protocol and by their outlines."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.json_arguments import parse_object
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments, add_predictions_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.evaluation.held_out import evaluated
from boxsup.evaluation.measured import basis_of, score_text
from boxsup.evaluation.predicted import count_predicted, is_refined, predicted_scores
from boxsup.evaluation.tables import write_table
from boxsup.store.atomic import write_text

EXAMPLE = (
    "boxsup evaluation --catalogue results/data/demo/val --predictions "
    "results/demo_semi/seed-0/predictions/006.zarr --out 006.csv"
)

LOGGED = ("iou", "iou_crf", "boundary_iou_crf", "boundary_f_crf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    add_predictions_argument(parser)
    add_held_out_arguments(parser)
    add_workers_argument(parser)
    text = "JSON of the settings that the predictions were made with; written beside the .csv file, for pages"
    parser.add_argument("--settings", default="", help=text)
    add_output_arguments(parser, "the .csv file to write", outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [args.out, *([args.out.with_suffix(".json")] if args.settings else [])]


def run(
    *, catalogue: Path, predictions: Path, held_out: int, held_out_seed: int, workers: int, settings: str, out: Path
) -> None:
    """Write one row per class and `mean`, with the columns of `score_table`.

    `iou`, `boundary_iou` and `boundary_f`, and the same after the CRF (`_crf`), are in [0, 1], over pixels that are not
    void. Images without a true mask and held-out images are left out. Where nothing is measured, as with boxes alone,
    the scores are empty and `note` says why.
    """
    made_with = parse_object(settings, option="--settings") if settings else None
    split = evaluated(read_catalogue(catalogue), held_out, held_out_seed)
    counted = count_predicted(predictions, split, workers, "evaluation")
    basis = basis_of(split, counted.confusions[0].sum(axis=1))
    table = predicted_scores(counted, basis)
    if made_with is not None:
        write_text(out.with_suffix(".json"), json.dumps(made_with, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    write_table(out, table)
    iou, iou_crf, boundary, f = (score_text(table[name].iloc[-1]) for name in LOGGED)
    with_crf = f", with CRF {iou_crf}" if is_refined(predictions) else ""
    scores = f"mean IoU {iou}{with_crf} (boundary IoU {boundary}, boundary F {f}), over {basis.over}"
    print(f"evaluation: {f'not measured: {basis.why_not}' if basis.why_not else scores}", file=sys.stderr)
