"""`boxsup catalogue`: check every file of a split and write its tables."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from boxsup.catalogue.check import PROBLEMS, at_working_size, run_checks, save_drawn, to_catalogue, write_problems
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.records import Listing, Problem, Record, parse_classes
from boxsup.catalogue.row_starts import ROWS
from boxsup.catalogue.tables import Catalogue, write_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_split_arguments
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.proposals import MEGAPIXELS
from boxsup.errors import DataError
from boxsup.evaluation.held_out import check_asked
from boxsup.experiments.splits import TABLES
from boxsup.image.scaling import MILLION
from boxsup.machine.bars import tqdm
from boxsup.near import counted
from boxsup.store.atomic import atomic_write, discard
from boxsup.store.limits import check_stack

EXAMPLE = (
    'boxsup catalogue --format voc --root data/VOC2012 --split \'{"list": "val", "masks": '
    '"SegmentationClass"}\' --classes \'["cat", "dog"]\' --on-problem stop --out tables'
)

DRAWN = "drawn"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_split_arguments(parser)
    parser.add_argument(
        "--on-problem", choices=("stop", "skip"), required=True, help="stop at problems, or skip their images"
    )
    text = "work on images with more than this at a reduced size [0.31]"
    parser.add_argument("--megapixels", type=float, default=MEGAPIXELS, metavar="N", help=text)
    add_workers_argument(parser)
    add_output_arguments(parser, "folder of the tables and of problems.csv", (*TABLES, ROWS, PROBLEMS, DRAWN))


def run(
    *,
    format: str,
    root: Path,
    split: str,
    classes: str,
    on_problem: str,
    megapixels: float,
    workers: int,
    out: Path,
) -> None:
    """Write `problems.csv` and, unless there are problems to stop for, the tables and the masks drawn for them."""
    names = parse_classes(classes)
    # The tables of an earlier run must not stand beside the problems of this one.
    for table in (*TABLES, ROWS):
        discard(out / table)
    listing = _listing(format, root, split, names, out)
    problems = list(listing.problems)
    with atomic_write(out / DRAWN) if listing.draws_masks else nullcontext(Path()) as partial:
        records = _records(listing, problems, partial, out / DRAWN, workers)
        report = write_problems(out / PROBLEMS, problems)
        if problems and on_problem == "stop":
            raise DataError(f"{_count(problems)}; fix them, or set on_problem: skip to go without; all are in {report}")
        if not records:
            raise DataError(f"{_count(problems)}; no image of the split is left; all are in {report}")
    catalogue = to_catalogue((at_working_size(record, megapixels) for record in records), names)
    check_asked(catalogue, out)
    check_stack(catalogue.ids, catalogue.sizes)  # else the first store of label maps would say it, perhaps a day later
    write_catalogue(out, catalogue)
    reduced = sum(record.height * record.width > megapixels * MILLION for record in records)
    if reduced:
        print(f"catalogue: {counted(reduced, 'image')} of more than {megapixels:g} megapixels reduced", file=sys.stderr)
    _summary(catalogue, problems, report)
    _say_first("objects read otherwise than they are written", [note for record in records for note in record.notes])
    _say_first("annotations and masks that belong to no image", listing.unmatched)


def _listing(format: str, root: Path, split: str, classes: tuple[str, ...], out: Path) -> Listing:
    """The checks of the split; if it cannot be listed, `problems.csv` says why."""
    try:
        return READERS[format](root, classes, split)
    except DataError as error:
        file, _, text = str(error).partition(": ")
        write_problems(out / PROBLEMS, [Problem("", file, text)])
        raise


def _records(listing: Listing, problems: list[Problem], partial: Path, drawn: Path, workers: int) -> list[Record]:
    """The records of the images without problems; the problems of the others are appended to `problems`.

    Masks that were drawn are written to `partial`, the folder that becomes `drawn`.
    """
    wrong = {problem.image for problem in problems}
    records = []
    if listing.draws_masks:
        partial.mkdir(parents=True)  # even if no image has a mask
    checked = run_checks(listing.checks, workers)
    for record in tqdm(checked, "catalogue", len(listing.checks), unit="image", disable=None):
        problems += record.problems
        if not record.problems and record.image not in wrong:
            records.append(save_drawn(record, partial, drawn))
    return records


def _count(problems: Sequence[Problem]) -> str:
    images = len({problem.image for problem in problems})
    count = (
        f"the first of {len(problems):,} problems in {counted(images, 'image')}"
        if len(problems) > 1
        else "the only problem"
    )
    return f"{problems[0].file}: {problems[0].problem} ({count})"


def _summary(catalogue: Catalogue, problems: Sequence[Problem], report: Path) -> None:
    folders = Counter(Path(mask).parent.name if mask else "none" for mask in catalogue.images["mask"])
    masks = ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
    left_out = len({problem.image for problem in problems})
    print(
        f"catalogue: {counted(len(catalogue.images), 'image')}, {counted(len(catalogue.boxes), 'box', 'boxes')} "
        f"({catalogue.boxes['difficult'].sum()} difficult, {catalogue.boxes['crowd'].sum()} crowds), masks: {masks}; "
        f"left out for {counted(len(problems), 'problem')}: {counted(left_out, 'image')}"
        + (f", see {report}" if problems else ""),
        file=sys.stderr,
    )


def _say_first(what: str, notes: Sequence[Problem]) -> None:
    if notes:
        first = f"{notes[0].file}: {notes[0].problem}"
        print(f"catalogue: {what}: {len(notes)}, the first is {first}", file=sys.stderr)
