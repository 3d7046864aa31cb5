"""`boxsup crf-search`: the weights of the dense CRF, searched on held-out images of a split."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_held_out_arguments
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.inference import CrfSettings, why_no_crf_search
from boxsup.errors import ConfigError
from boxsup.evaluation.crf_search import Point, best_point, confusions_at, search_rounds
from boxsup.evaluation.held_out import draw_held_out
from boxsup.evaluation.measured import basis_of, measured_mean
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.truth import truth_pixels
from boxsup.inference.crf import relevant_labels, require_crf
from boxsup.inference.scores import Predictor
from boxsup.inference.settings import CrfSearchInference, parse_inference
from boxsup.machine.bars import tqdm
from boxsup.machine.workers import map_in_processes
from boxsup.near import counted

EXAMPLE = (
    "boxsup crf-search --catalogue results/data/demo/val --model "
    'results/demo_semi/seed-0/epochs/006/model.pt --inference "$INFERENCE" --held-out 20 --out '
    "crf.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    add_inference_arguments(parser, CrfSearchInference)
    add_held_out_arguments(parser)
    add_workers_argument(parser, "number of CRF processes")
    add_output_arguments(parser, "the .csv file to write")


def run(
    *,
    catalogue: Path,
    model: Path,
    inference: str,
    held_out: int,
    held_out_seed: int,
    workers: int,
    out: Path,
) -> None:
    """Write `round, bilateral_weight, bilateral_xy, bilateral_rgb, mean_iou`: one row per point, in the order tried.

    The mean IoU, in [0, 1], are over the held-out images by the VOC protocol; `images`, `objects` and `classes` say
    over how many. The images go through the network once per round, so that memory holds the scores of a few images,
    however many there are.
    """
    settings = parse_inference(CrfSearchInference, inference)
    if why := why_no_crf_search(held_out, settings.crf.refines):
        raise ConfigError(why)
    require_crf()
    split = read_catalogue(catalogue)
    images = draw_held_out(split, held_out, held_out_seed)
    basis = basis_of(images, truth_pixels(images))
    if basis.why_not:
        raise ConfigError(f"validation.held_out: nothing to choose by: {basis.why_not}; hold out more, or other images")
    predictor = Predictor.asked(model, settings, split.classes)

    def score_round(number: int, points: Sequence[Point]) -> list[float]:
        tried = [settings.crf.changed(**point._asdict()) for point in points]
        return score(images, predictor, tried, workers, f"round {number}")

    rows = []
    for number, points, scores in search_rounds(settings.crf_search, score_round):
        rows += [{"round": number, **point._asdict(), "mean_iou": scores[point]} for point in points]
        _log_round(number, len(points), len(images.ids), scores)
    write_table(out, pd.DataFrame(rows).assign(**basis.counts))
    print(f"crf-search: over {basis.over}", file=sys.stderr)


def _log_round(number: int, points: int, images: int, scores: dict[Point, float]) -> None:
    best = best_point(scores)
    values = ", ".join(f"{name} {value:g}" for name, value in best._asdict().items())
    print(
        f"crf-search: round {number}: {counted(points, 'point')} on {counted(images, 'image')}, mean IoU "
        f"{100 * scores[best]:.2f} % at the best point so far, {values}",
        file=sys.stderr,
    )


def score(
    images: Catalogue, predictor: Predictor, settings: Sequence[CrfSettings], workers: int, title: str
) -> list[float]:
    """The mean IoU over the images, in [0, 1], with each of the settings, which differ only in what is searched."""
    calls = _calls(images, predictor, settings)
    counts = map_in_processes(confusions_at, calls, workers)
    total = sum(tqdm(counts, title, len(images.ids), unit="image", disable=None))
    return [measured_mean(confusion) for confusion in total]  # type: ignore[attr-defined]


def _calls(images: Catalogue, predictor: Predictor, settings: Sequence[CrfSettings]) -> Iterator[tuple[Any, ...]]:
    """The arguments of `confusions_at` for each image."""
    scored = predictor.score_images(row.photo() for row in images.rows())
    for row, (pixels, scores) in zip(images.rows(), scored, strict=True):
        kept = relevant_labels(scores, settings[0])
        yield pixels, scores[kept], kept, row.true_mask(), settings, len(images.classes)
