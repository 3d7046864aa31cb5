"""`boxsup init`: from images and annotations to a configuration that runs."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import yaml
from tqdm import tqdm

from boxsup.catalogue.check import run_checks, write_problems
from boxsup.catalogue.names import MAX_ID, same, shown
from boxsup.catalogue.readers.folder import DRAWN, NONE
from boxsup.catalogue.readers.image_files import all_names, images_below, other_names
from boxsup.catalogue.records import Unusable, first_of, parse_classes, read_lines
from boxsup.catalogue.sources import Source, open_source
from boxsup.commands.outputs import add_overwrite_argument
from boxsup.config.files import project_config
from boxsup.errors import ConfigError, DataError
from boxsup.project.evidence import check_masks, check_objects
from boxsup.project.parts import parts
from boxsup.project.plan import plan, this_machine
from boxsup.project.splits import split
from boxsup.project.summary import summary
from boxsup.project.survey import Survey, looking
from boxsup.project.write import CONFIG, EXPERIMENTS, LISTS, MASKED, PROBLEMS, Project, config_text, lists
from boxsup.store.atomic import write_text

EXAMPLE = "boxsup init mine --images photos --boxes annotations/instances.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,59}")
TAKEN = {"datasets": ("",), "experiments": EXPERIMENTS, "pages": EXPERIMENTS}  # what a name's own must not be among
MAX_EPOCHS = 999
MIN_IMAGES = 200  # a process: starting one costs a second or two


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
    try:
        source = _source(args)
        survey = _survey(source, args.workers or machine.cores)
        source, survey, own = _own_split(source, survey) if args.val is None else (source, survey, set())
        check_objects(survey, source)
        source, survey = _settled(source, survey, args)
    except Unusable as error:
        where = write_problems(args.project / PROBLEMS, error.problems)
        raise DataError(f"{shown(str(error))}; all are in {where}") from error
    named, images = _val(args.val, source), survey.objects
    chosen = {image for image in images if same(image) in named}
    if named and not chosen:
        raise DataError(f"{args.val}: none of its {len(named)} images is one that can be used{_outside(args)}")
    missing = sorted(named - {same(image) for image in chosen})
    if missing:
        note = f"images of {args.val} that cannot be used, or are not there: {len(missing):,}, such as {missing[0]}"
        source = replace(source, notes=(*source.notes, note))
    splits = split(images, survey.masked, args.masks is not None, chosen or own)
    basis = survey.basis(splits.val, source.classes)
    settings = plan(len(splits.train), survey.side, machine, args.epochs)
    project = Project(args.project, args.name, source, splits, basis, settings, survey.side, machine.cores)
    files = {**lists(splits, _names(source, survey)), CONFIG: config_text(project)}
    write_problems(args.project / PROBLEMS, [*survey.problems, *survey.read_otherwise])
    for file, text in files.items():  # the configuration last: where it stands, all do
        write_text(args.project / file, text)
    print("\n".join(summary(project, survey)), file=sys.stderr)


def _check_arguments(args: argparse.Namespace) -> None:
    _check_name(args.name)
    if args.epochs is not None and not 1 <= args.epochs <= MAX_EPOCHS:
        raise ConfigError(f"--epochs: expected 1 to {MAX_EPOCHS}, got {args.epochs}")
    for path in (args.project, args.images, args.boxes, args.masks):
        if path is not None and not str(path.absolute()).isprintable():
            raise ConfigError(f"{str(path)!r}: a path that cannot be shown cannot be written down; rename it")


def _check_name(name: str) -> None:
    """Raise a ConfigError unless a data set can be called so beside those of `config.yaml`."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name: expected letters, digits and _, 60 at most, got {name!r}")
    if yaml.safe_load(name) != name:
        raise ConfigError(
            f"--name: YAML takes {name} for {yaml.safe_load(name)!r}, no text; choose another, as my_{name}"
        )
    config = project_config()
    for key, names in TAKEN.items():
        taken = next((own for own in (f"{name}{ending}" for ending in names) if own in config[key]), None)
        if taken is not None:
            raise ConfigError(f"--name {name}: config.yaml has {key}.{taken} already; choose another, as my_{name}")


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
    if args.masks is None:
        return source.with_masks(NONE if source.boxes_only else DRAWN)
    if args.masks.absolute() == args.boxes.absolute():
        return source.with_masks(NONE if source.format == "voc_xml" else DRAWN)
    if not args.masks.is_dir():
        raise DataError(f"{args.masks}: no such folder of masks; name one, or the annotations themselves")
    return source.with_masks(str(args.masks))


def _val(path: Path | None, source: Source) -> set[str]:
    """Ids of the images to evaluate on, as a list or a folder has them; none without one."""
    if path is None:
        return set()
    below = Path()
    if path.is_dir() and path.resolve().is_relative_to(source.images.resolve()):
        below = path.resolve().relative_to(source.images.resolve())
    names = all_names(path) if path.is_dir() else read_lines(path)
    return {same(source.image_id((below / name).as_posix())) for name in names}


def _outside(args: argparse.Namespace) -> str:
    """What to do about a folder to evaluate on that is not among the images."""
    val, images, boxes = (Path(os.path.realpath(path)) for path in (args.val, args.images, args.boxes))
    if not val.is_dir() or val.is_relative_to(images):
        return ""
    above = os.path.relpath(os.path.commonpath([val, images, boxes]))
    return (
        f": it lies outside of --images; with `--images {shlex.quote(above)} --boxes {shlex.quote(above)}` the folders "
        "train and valid (val) are the split, each image with its annotation"
    )


def _own_split(source: Source, survey: Survey) -> tuple[Source, Survey, set[str]]:
    """The images to evaluate on of an export that is split already, whose images for tests are left out."""
    own = parts(_names(source, survey))
    if not own.val:
        return source, survey, set()
    note = f"the folders' own split: the {len(own.val):,} images of valid (val) are evaluated on; --val names others"
    unused = [f"images of test, not used: {len(own.test):,}"] if own.test else []
    images = [seen for seen in survey.images if seen.record.image not in own.test]
    return replace(source, notes=(*source.notes, note, *unused)), replace(survey, images=images), set(own.val)


def _survey(source: Source, workers: int) -> Survey:
    """Look at every image.

    Raises:
        DataError: None can be used, or one alone, or none has a box.
    """
    listing = source.listing()
    problems = list(listing.problems)
    wrong = {problem.image for problem in problems}
    images = []
    known = set(wrong)
    looked = run_checks(looking(listing.checks), min(workers, 1 + len(listing.checks) // MIN_IMAGES))
    for seen in tqdm(looked, "init", len(listing.checks), unit="image", disable=None):
        problems += seen.record.problems
        known.add(seen.record.image)
        if not seen.record.problems and seen.record.image not in wrong:
            images.append(seen)
    if problems and len(images) < 2:
        left = "one image is left, and one to evaluate on is needed, too" if images else "no image is left"
        raise Unusable(first_of(problems, left), problems)
    problems += listing.lost
    names = {name: shown(name[:MAX_ID]) for name in images_below(source.images)}  # as problems call what has no id
    others = [name for name, said in names.items() if known.isdisjoint({said, source.image_id(name)})]
    survey = Survey(images, problems, source.classes, len(others), other_names(source.images))
    if not survey.boxes:
        text = f"none of the {len(images)} images has a box; annotations have the names of their images"
        raise Unusable(first_of(problems, text) if problems else f"{source.annotations}: {text}", problems)
    return survey


def _settled(source: Source, survey: Survey, args: argparse.Namespace) -> tuple[Source, Survey]:
    """The masks and classes that will be used.

    Raises:
        DataError: Masks were asked for, and there are none that show an object.
    """
    if args.masks is not None:
        own = [problem for problem in survey.problems if Path(problem.file).is_relative_to(args.masks.absolute())]
        if own and not survey.evidence and source.masks != DRAWN:
            raise Unusable(first_of(own, "no image has a true mask"), survey.problems)
        check_masks(survey, source, args.masks)
    elif survey.rectangles or not survey.evidence:
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
