"""`boxsup crf-search`: the weights of the dense CRF, searched on held-out images of a split."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.inference import CrfSettings
from boxsup.errors import ConfigError
from boxsup.evaluation.crf_search import Point, around, best_of, confusions_at, grid
from boxsup.evaluation.held_out import add_held_out_arguments, held_out
from boxsup.evaluation.measured import basis_of, measured_mean
from boxsup.evaluation.tables import write_table
from boxsup.evaluation.truth import truth_pixels
from boxsup.image.files import read_mask
from boxsup.inference.crf import relevant_labels
from boxsup.inference.scores import Predictor
from boxsup.inference.settings import CrfSearchInference, parse_inference
from boxsup.machine.workers import map_in_processes

EXAMPLE = (
    "boxsup crf-search --catalogue results/data/demo/val --model "
    'results/demo_semi/seed-0/epochs/006/model.pt --inference "$INFERENCE" --held-out 20 --out '
    "crf.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    add_inference_arguments(parser, CrfSearchInference)
    add_held_out_arguments(parser)
    parser.add_argument("--workers", type=int, default=1, help="processes of the CRF; results do not depend on it")
    add_output_arguments(parser, "the .csv file to write")


def run(args: argparse.Namespace) -> None:
    """Write `round, bilateral_weight, bilateral_xy, bilateral_rgb, mean_iou`: a row a point, in the order tried.

    Mean IoU, in [0, 1], is over the held-out images by the VOC protocol; `images`, `objects`, `classes` say over how
    many. These images go through the network once a round, so that the scores of a few are in memory, whatever their
    number, as when predictions are made.
    """
    if not args.held_out:
        raise ConfigError("validation.held_out: no image is held out to search on; set it, for instance to 100")
    asked = parse_inference(CrfSearchInference, args.inference)
    whole = read_catalogue(args.catalogue)
    images = held_out(whole, args.held_out, args.held_out_seed)
    basis = basis_of(images, truth_pixels(images))
    if basis.why_not:
        raise ConfigError(f"validation.held_out: nothing to choose by: {basis.why_not}; hold out more, or other images")
    predictor = Predictor(args.model, asked.threads, whole.classes, asked.scales, asked.background_bias)
    rounds: dict[Point, int] = {}
    scores: dict[Point, float] = {}
    points, steps = grid(asked.crf_search)
    for number in range(1, asked.crf_search.rounds + 1):
        rounds |= dict.fromkeys(points, number)
        settings = [asked.crf.changed(**point._asdict()) for point in points]
        scores |= zip(points, score(images, predictor, settings, args.workers, f"round {number}"), strict=True)
        best = best_of(scores)
        values = ", ".join(f"{name} {value:g}" for name, value in best._asdict().items())
        print(f"crf-search: round {number}: {len(points)} points on {len(images.ids)} images, mean IoU "
              f"{100 * scores[best]:.2f} % at the best so far, {values}", file=sys.stderr)  # fmt: skip
        points, steps = around(best, steps, scores)
        if not points:
            break
    rows = [{"round": rounds[point], **point._asdict(), "mean_iou": value} for point, value in scores.items()]
    write_table(args.out, pd.DataFrame(rows).assign(**basis.counts))
    print(f"crf-search: over {basis.over}", file=sys.stderr)


def score(
    images: Catalogue, predictor: Predictor, settings: Sequence[CrfSettings], workers: int, what: str
) -> list[float]:
    """The mean IoU over the images, in [0, 1], under each of the settings, which differ in what is searched alone."""
    calls = _calls(images, predictor, settings)
    counts = map_in_processes(confusions_at, calls, workers)
    total = sum(tqdm(counts, what, len(images.ids), unit="image", disable=None))
    return [measured_mean(confusion) for confusion in total]  # type: ignore[union-attr]


def _calls(images: Catalogue, predictor: Predictor, settings: Sequence[CrfSettings]) -> Iterator[tuple[Any, ...]]:
    """Each image's arguments of `confusions_at`."""
    scored = predictor.score_files(images.images["path"])
    for row, (pixels, scores) in zip(images.rows(), scored, strict=True):
        kept = relevant_labels(scores, settings[0])
        yield pixels, scores[kept], kept, read_mask(row.mask), settings, len(images.classes)
