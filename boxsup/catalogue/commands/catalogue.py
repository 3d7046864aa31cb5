"""`boxsup catalogue`: check every file of a split and write its tables."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.check import check_images, to_catalogue, write_problems
from boxsup.catalogue.tables import Catalogue, write_catalogue
from boxsup.catalogue.voc import LISTS, Problem, Tree, parse_classes, read_list
from boxsup.errors import DataError

TABLES = ("images.csv", "boxes.csv", "classes.csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--root", type=Path, required=True, help="a tree in VOC layout")
    parser.add_argument("--list", required=True, help="name of a list in ImageSets/Segmentation, without .txt")
    parser.add_argument(
        "--masks", required=True, help="folder of true masks before SegmentationClass; none: images only"
    )
    parser.add_argument("--classes", required=True, help="JSON list of class names without the background")
    parser.add_argument("--on-problem", choices=("stop", "skip"), required=True, help="stop, or leave those images out")
    parser.add_argument("--workers", type=int, default=1, help="processes; results do not depend on it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables and of problems.csv")


def run(args: argparse.Namespace) -> None:
    """Write `problems.csv`, and the tables unless there are problems to stop for."""
    tree = Tree(args.root, args.masks, parse_classes(args.classes))
    # What an earlier run found good must not stand beside what this one finds wrong.
    for table in TABLES:
        (args.out / table).unlink(missing_ok=True)
    path = args.root / LISTS / f"{args.list}.txt"
    try:
        images, problems = read_list(path)
    except DataError as error:
        write_problems(args.out / "problems.csv", [Problem("", str(path), str(error).removeprefix(f"{path}: "))])
        raise
    wrong = {problem.image for problem in problems}
    records = []
    for record in tqdm(check_images(tree, images, args.workers), "catalogue", len(images), unit="image", disable=None):
        problems += record.problems
        if not record.problems and record.image not in wrong:
            records.append(record)
    report = write_problems(args.out / "problems.csv", problems)
    if problems and args.on_problem == "stop":
        raise DataError(f"{_count(problems)}; fix them, or set on_problem: skip to go without; all are in {report}")
    if not records:
        raise DataError(f"{_count(problems)}; no image of {path} is left; all are in {report}")
    catalogue = to_catalogue(records, tree.classes)
    write_catalogue(args.out, catalogue)
    _summary(catalogue, problems, report)


def _count(problems: Sequence[Problem]) -> str:
    images = len({problem.image for problem in problems})
    count = f"the first of {len(problems)} problems in {images} images" if len(problems) > 1 else "the only problem"
    return f"{problems[0].file}: {problems[0].problem} ({count})"


def _summary(catalogue: Catalogue, problems: Sequence[Problem], report: Path) -> None:
    folders = Counter(Path(mask).parent.name if mask else "none" for mask in catalogue.images["mask"])
    masks = ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
    left_out = len({problem.image for problem in problems})
    print(
        f"catalogue: {len(catalogue.images)} images, {len(catalogue.boxes)} boxes "
        f"({catalogue.boxes['difficult'].sum()} difficult), masks: {masks}; "
        f"left out for {len(problems)} problems: {left_out} images" + (f", see {report}" if problems else ""),
        file=sys.stderr,
    )
