"""`boxsup init`: from images and annotations to a configuration that runs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from boxsup.catalogue.check import run_checks, write_problems
from boxsup.catalogue.readers.folder import DRAWN, NONE, all_names
from boxsup.catalogue.records import Problem, parse_classes, read_lines
from boxsup.catalogue.sources import Source, open_source
from boxsup.errors import ConfigError, DataError
from boxsup.project.plan import plan, this_machine
from boxsup.project.splits import split
from boxsup.project.summary import summary
from boxsup.project.survey import Survey, looking
from boxsup.project.write import CONFIG, LISTS, MASKED, PROBLEMS, Project, config_text, lists
from boxsup.store.atomic import write_text
from boxsup.store.outputs import add_overwrite_argument

EXAMPLE = "boxsup init mine --images photos --boxes annotations/instances.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
MOST_EPOCHS = 999
LEAST_IMAGES = 200  # a process: starting one costs a second or two


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("project", type=Path, help="folder to write: config.yaml, lists of images, problems.csv")
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    boxes = "COCO JSON, or folder of VOC XML, of YOLO txt (data.yaml in or above it), or of LabelMe JSON"
    parser.add_argument("--boxes", type=Path, required=True, metavar="ANNOTATIONS", help=boxes)
    masks = "folder of true masks ID.png of some images to train on, too; or ANNOTATIONS again: its segmentations"
    parser.add_argument("--masks", type=Path, help=masks)
    classes = "names, in the order of the masks' values 1, 2, …; default: those of the annotations"
    val = "images to evaluate on: a list of names, or a folder of images; default: drawn"
    parser.add_argument("--val", type=Path, help=val)
    parser.add_argument("--classes", nargs="+", help=classes)
    parser.add_argument("--name", default="own", help="of the data set; the experiment is NAME_box or NAME_semi")
    parser.add_argument("--epochs", type=int, help="default: by the number of images")
    parser.add_argument(
        "--links", action="store_true", help="follow symbolic links out of these folders: you trust them"
    )
    parser.add_argument("--workers", type=int, help="processes that check images; default: all cores")
    add_overwrite_argument(parser, _outputs, ["project"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    masks = [MASKED] if args.masks else []
    return [args.project / name for name in (PROBLEMS, *LISTS, *masks, CONFIG)]


def run(args: argparse.Namespace) -> None:
    """Look at everything once, write the project, and say what was found and what to run next."""
    _check_arguments(args)
    machine = this_machine()
    source, chosen = _source(args), _val(args.val)
    survey = _survey(source, args.workers or machine.cores)
    source, survey = _settled(source, survey, args)
    images = {seen.record.image: [box.label for box in seen.record.boxes] for seen in survey.images}
    if chosen and chosen.isdisjoint(images):
        raise DataError(f"{args.val}: none of its {len(chosen)} images is one that can be used")
    splits = split(images, survey.masked, args.masks is not None, chosen)
    truth = not survey.masked.isdisjoint(splits.val)
    settings = plan(len(splits.train), survey.side, machine, args.epochs)
    project = Project(args.project, args.name, source, splits, truth, settings, survey.side, machine.cores)
    files = {**lists(splits, _names(source, survey)), CONFIG: config_text(project)}
    write_problems(args.project / PROBLEMS, survey.problems)
    for file, text in files.items():  # the configuration last: where it stands, all do
        write_text(args.project / file, text)
    print("\n".join(summary(project, survey)), file=sys.stderr)


def _check_arguments(args: argparse.Namespace) -> None:
    if not NAME.fullmatch(args.name):
        raise ConfigError(f"--name: expected letters, digits and _, got {args.name!r}")
    if args.epochs is not None and not 1 <= args.epochs <= MOST_EPOCHS:
        raise ConfigError(f"--epochs: expected 1 to {MOST_EPOCHS}, got {args.epochs}")
    for path in (args.project, args.images, args.boxes, args.masks):
        if path is not None and not str(path.absolute()).isprintable():
            raise ConfigError(f"{str(path)!r}: a path that cannot be shown cannot be written down; rename it")


def _source(args: argparse.Namespace) -> Source:
    """The annotations with all their classes, or those asked for, and the masks that can be looked at."""
    source = open_source(args.images, args.boxes, args.links)
    if args.classes:
        parse_classes(json.dumps(args.classes))
        unknown = [name for name in args.classes if name not in source.classes[1:]]
        if unknown and source.format in ("coco", "yolo"):
            known = ", ".join(source.classes[1:])
            raise ConfigError(f"--classes: the annotations have no class {unknown[0]!r}; they have {known}")
        source = source.with_classes(args.classes)
    if args.masks is None or args.masks.absolute() == args.boxes.absolute():
        return source.with_masks(NONE if source.format == "voc_xml" else DRAWN)
    if not args.masks.is_dir():
        raise DataError(f"{args.masks}: no such folder of masks; name one, or the annotations themselves")
    return source.with_masks(str(args.masks))


def _val(path: Path | None) -> set[str]:
    """Ids of the images to evaluate on, as a list or a folder has them; none without one."""
    if path is None:
        return set()
    names = all_names(path) if path.is_dir() else read_lines(path)
    return {PurePosixPath(name).stem for name in names}


def _survey(source: Source, workers: int) -> Survey:
    """Look at every image.

    Raises:
        DataError: None can be used, or none has a box.
    """
    listing = source.listing()
    problems = list(listing.problems)
    wrong = {problem.image for problem in problems}
    images = []
    known = set(wrong)
    looked = run_checks(looking(listing.checks), min(workers, 1 + len(listing.checks) // LEAST_IMAGES))
    for seen in tqdm(looked, "init", len(listing.checks), unit="image", disable=None):
        problems += seen.record.problems
        known.add(seen.record.image)
        if not seen.record.problems and seen.record.image not in wrong:
            images.append(seen)
    if problems and not images:
        first = problems[0]
        raise DataError(f"{first.file}: {first.problem} (the first of {len(problems)} problems; no image is left)")
    lost = [str(file) for file in source.files() if file.stem not in known]
    problems += [Problem("", file.encode(errors="replace").decode(), "no image has its name") for file in lost]
    others = [name for name in all_names(source.images) if PurePosixPath(name).stem not in known]
    survey = Survey(images, problems, source.classes, len(others))
    if not survey.boxes:
        raise DataError(
            f"{source.annotations}: none of the {len(images)} images has a box; annotations have the names of their "
            "images"
        )
    return survey


def _settled(source: Source, survey: Survey, args: argparse.Namespace) -> tuple[Source, Survey]:
    """The masks and classes that will be used.

    Raises:
        DataError: Masks were asked for, and there are none.
    """
    drawn = source.masks == DRAWN
    if args.masks is not None and not survey.masked:
        expected = "a segmentation of every object" if drawn else "PNGs with their images' names"
        raise DataError(f"{args.masks}: no image has a true mask; expected {expected}")
    if args.masks is not None and drawn and survey.rectangles:
        raise DataError(f"{args.masks}: the segmentations are the boxes themselves; leave --masks out")
    if args.masks is None and (survey.rectangles or not survey.masked):
        source, survey = source.with_masks(NONE), survey.without_masks()
    if args.classes is None and source.masks in (NONE, DRAWN):
        # Of COCO's 80, or data.yaml's, those that occur. Masks in files have the values of all.
        source = source.with_classes([name for name in survey.classes[1:] if survey.boxes[name]])
        parse_classes(json.dumps(list(source.classes[1:])))
    return source, survey


def _names(source: Source, survey: Survey) -> dict[str, str]:
    """Image id -> its name below the folder of images."""
    records = [seen.record for seen in survey.images]
    return {record.image: Path(record.path).relative_to(source.images.absolute()).as_posix() for record in records}
