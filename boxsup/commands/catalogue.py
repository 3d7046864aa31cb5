"""`boxsup catalogue`: check every file of a split and write its tables."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.check import PROBLEMS, run_checks, save_drawn, to_catalogue, write_problems
from boxsup.catalogue.readers import READERS
from boxsup.catalogue.records import Listing, Problem, Record, parse_classes
from boxsup.catalogue.tables import Catalogue, write_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_split_arguments
from boxsup.errors import DataError
from boxsup.experiments.splits import TABLES
from boxsup.store.atomic import atomic_write, discard

EXAMPLE = (
    'boxsup catalogue --format voc --root data/VOC2012 --split \'{"list": "val", "masks": '
    '"SegmentationClass"}\' --classes \'["cat", "dog"]\' --on-problem stop --out tables'
)

DRAWN = "drawn"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_split_arguments(parser)
    parser.add_argument("--on-problem", choices=("stop", "skip"), required=True, help="stop, or leave those images out")
    parser.add_argument("--workers", type=int, default=1, help="processes; results do not depend on it")
    add_output_arguments(parser, "folder of the tables and of problems.csv", (*TABLES, PROBLEMS, DRAWN))


def run(args: argparse.Namespace) -> None:
    """Write `problems.csv`, and the tables with the masks drawn for them unless there are problems to stop for."""
    classes = parse_classes(args.classes)
    # What an earlier run found good must not stand beside what this one finds wrong.
    for table in TABLES:
        discard(args.out / table)
    listing = _listing(args, classes)
    problems = list(listing.problems)
    with atomic_write(args.out / DRAWN) if listing.draws else nullcontext(Path()) as partial:
        records = _records(listing, problems, partial, args)
        report = write_problems(args.out / PROBLEMS, problems)
        if problems and args.on_problem == "stop":
            raise DataError(f"{_count(problems)}; fix them, or set on_problem: skip to go without; all are in {report}")
        if not records:
            raise DataError(f"{_count(problems)}; no image of the split is left; all are in {report}")
    catalogue = to_catalogue(records, classes)
    write_catalogue(args.out, catalogue)
    _summary(catalogue, problems, [note for record in records for note in record.notes], report)


def _listing(args: argparse.Namespace, classes: tuple[str, ...]) -> Listing:
    """The split's checks; where there are none to make, `problems.csv` says why."""
    try:
        return READERS[args.format](args.root, classes, args.split)
    except DataError as error:
        file, _, text = str(error).partition(": ")
        write_problems(args.out / PROBLEMS, [Problem("", file, text)])
        raise


def _records(listing: Listing, problems: list[Problem], partial: Path, args: argparse.Namespace) -> list[Record]:
    """The images without problems, their drawn masks written to `partial`; the problems of the others are added."""
    wrong = {problem.image for problem in problems}
    records = []
    if listing.draws:
        partial.mkdir(parents=True)  # though no image may have a mask
    checked = run_checks(listing.checks, args.workers)
    for record in tqdm(checked, "catalogue", len(listing.checks), unit="image", disable=None):
        problems += record.problems
        if not record.problems and record.image not in wrong:
            records.append(save_drawn(record, partial, args.out / DRAWN))
    return records


def _count(problems: Sequence[Problem]) -> str:
    images = len({problem.image for problem in problems})
    count = f"the first of {len(problems)} problems in {images} images" if len(problems) > 1 else "the only problem"
    return f"{problems[0].file}: {problems[0].problem} ({count})"


def _summary(catalogue: Catalogue, problems: Sequence[Problem], notes: Sequence[Problem], report: Path) -> None:
    folders = Counter(Path(mask).parent.name if mask else "none" for mask in catalogue.images["mask"])
    masks = ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
    left_out = len({problem.image for problem in problems})
    print(
        f"catalogue: {len(catalogue.images)} images, {len(catalogue.boxes)} boxes "
        f"({catalogue.boxes['difficult'].sum()} difficult, {catalogue.boxes['crowd'].sum()} crowds), masks: {masks}; "
        f"left out for {len(problems)} problems: {left_out} images" + (f", see {report}" if problems else ""),
        file=sys.stderr,
    )
    if notes:
        first = f"{notes[0].file}: {notes[0].problem}"
        print(f"catalogue: read otherwise than they stand there: {len(notes)}, the first is {first}", file=sys.stderr)
