"""`boxsup predict`: label maps of images and videos by a trained model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from boxsup.catalogue.check import PROBLEMS
from boxsup.catalogue.oddities import SEVERAL
from boxsup.commands.argument_types import above_zero, tile_side
from boxsup.commands.model_arguments import (
    add_crf_arguments,
    add_labelling_arguments,
    add_model_arguments,
)
from boxsup.commands.outputs import add_output_arguments, claim, keep_apart, nothing_yet
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.errors import DataError
from boxsup.inference.inputs import Input, find_inputs
from boxsup.inference.predicted_files import SUMMARY, FileWriter, Summary, of_others, result_paths, results_before
from boxsup.inference.scores import Predictor
from boxsup.inference.trained import find_trained, override_crf, override_labelling, print_note
from boxsup.near import counted, first_few, shorter

EXAMPLE = "boxsup predict photos 'shots/**/*.jpg' clip.mp4 --model results/demo_semi/seed-0/epochs/006/model.pt --crf"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("inputs", nargs="+", metavar="IMAGES", help="files, folders, patterns in quotes; videos too")
    add_model_arguments(parser, of_run=True)
    add_labelling_arguments(parser)
    parser.add_argument(
        "--megapixels",
        type=above_zero,
        metavar="N",
        help="an image with more is reduced to this for the network; inf: none is [as the run, or 0.31]",
    )
    parser.add_argument(
        "--tile",
        type=tile_side,
        metavar="PX",
        help="label a larger image in overlapping tiles of this side, so that memory does not grow with it [whole]",
    )
    add_crf_arguments(parser)
    text = "follow symbolic links out of the folders that you name: you trust them"
    parser.add_argument("--links", action="store_true", help=text)
    add_workers_argument(parser, "number of CRF processes", default=2)
    out = Path("predicted")
    add_output_arguments(parser, f"the folder to write [{out}]", default=out, outputs=nothing_yet)


def run(
    *,
    inputs: Sequence[str],
    model: Path,
    threads: int | None,
    scales: Sequence[float] | None,
    background_bias: float | None,
    megapixels: float | None,
    tile: int | None,
    crf: bool | None,
    config: Path | None,
    links: bool,
    workers: int,
    out: Path,
) -> None:
    """Write `masks/NAME.png`, `overlays/NAME.jpg`, `videos/NAME.mp4`, `summary.csv` and `problems.csv`.

    A file that cannot be used is noted and the others go on; the command then ends with status 1.
    """
    items, problems, ours = find_inputs(inputs, out, links)
    links_left = len(problems)
    if ours:
        print(
            f"predict: {len(ours)} files are not read, since boxsup wrote them: {first_few(ours, 1)}", file=sys.stderr
        )
    _keep_apart(items, out)
    claim(_outputs(items, out), out, [item.path for item in items])
    trained = find_trained(model)
    labelling = override_labelling(trained.labelling, scales, background_bias, megapixels)
    settings = override_crf(trained.labelling, crf, config)
    threads, bias = threads or labelling.threads, labelling.background_bias
    predictor = Predictor(trained.checkpoint, threads, None, labelling.scales, bias, labelling.megapixels)
    print_note(trained)
    summary = Summary(predictor.classes, problems=problems)
    writer = FileWriter(predictor, settings, workers, out, summary, tile)
    writer.write_images([item for item in items if not item.video])
    for item in items:
        if item.video:
            writer.write_video(item)
    summary.write(out)
    if summary.several:
        of_them = f"{len(summary.several):,}, the first is {summary.several[0].path}"
        print(f"predict: {SEVERAL.many}: {of_them}; {SEVERAL.advice}", file=sys.stderr)
    done = len({row["name"] for row in summary.rows})
    print(f"predict: {counted(done, 'file')}, see {out / SUMMARY}", file=sys.stderr)
    if summary.problems:
        first = summary.problems[0].problem
        count = f"{len(summary.problems)} of {len(items) + links_left} files"
        raise DataError(f"{count}, see {out / PROBLEMS}: {first}")


def _keep_apart(items: Sequence[Input], out: Path) -> None:
    """Replace no results of other files unasked, and say whose are in the folder, too.

    Raises:
        StoreError: There are some of the same names.
    """
    before = results_before(out)
    others = of_others(items, before)
    paths = [path for old in others for path in result_paths(old, out) if path.exists()]
    if paths:
        keep_apart([*paths, out / SUMMARY], f"is of {shorter(others[0].path)}, and would be replaced")
        return
    now = {path for item in items for path in result_paths(item, out)}
    more = [old for old in before if all(path.exists() and path not in now for path in result_paths(old, out))]
    if more:
        said = f"{out} has results of {len(more):,} other files, too, such as {shorter(more[0].path)}"
        print(f"predict: {said}; {SUMMARY} lists those of this call", file=sys.stderr)


def _outputs(inputs: Sequence[Input], out: Path) -> list[Path]:
    """All files that the command writes."""
    return [path for item in inputs for path in result_paths(item, out)] + [out / SUMMARY, out / PROBLEMS]
