"""`boxsup init`: write a configuration that runs, from images and annotations."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from boxsup.catalogue.check import run_checks, write_problems
from boxsup.catalogue.names import printable
from boxsup.catalogue.oddities import unknown_images
from boxsup.catalogue.readers.image_files import other_names
from boxsup.catalogue.records import UnusableData, summarise_problems
from boxsup.catalogue.sources import Source, open_source
from boxsup.commands.argument_types import whole_number
from boxsup.commands.outputs import add_overwrite_argument
from boxsup.commands.source_arguments import add_source_arguments
from boxsup.config.datasets import CornerConvention
from boxsup.errors import ConfigError, DataError
from boxsup.machine.bars import tqdm
from boxsup.project.choices import (
    image_names,
    split_by_folders,
    with_labelmap,
    with_named_classes,
    with_occurring_classes,
    with_true_masks,
    with_used_masks,
)
from boxsup.project.evaluated import evaluated_images, names_in
from boxsup.project.evidence import check_objects
from boxsup.project.names import check_name, name_for, note_on_name
from boxsup.project.pinned import carried_over, decided_classes
from boxsup.project.plan import make_plan, this_machine
from boxsup.project.splits import split_images
from boxsup.project.summary import summary
from boxsup.project.survey import Survey, survey_calls
from boxsup.project.write import CONFIG, LISTS, MASKED, PROBLEMS, Project, config_text, list_files
from boxsup.store.atomic import write_text

EXAMPLE = "boxsup init mine --images photos --boxes annotations/instances.json"
MAX_EPOCHS = 999
MIN_IMAGES = 200  # images per process: starting one costs a second or two


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("project", type=Path, help="folder to write: config.yaml, lists of images, problems.csv")
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    text = "COCO JSON, or folder of VOC XML, of YOLO txt (data.yaml in or above it), or of LabelMe JSON"
    parser.add_argument("--boxes", type=Path, required=True, metavar="ANNOTATIONS", help=text)
    text = "train on true masks, too: a folder with ID.png of some images, or ANNOTATIONS for their segmentations"
    parser.add_argument("--masks", type=Path, help=text)
    text = "images to evaluate on: a list of names, or a folder of images [drawn at random]"
    parser.add_argument("--val", type=Path, help=text)
    text = "class names, in the order of the masks' values 1, 2, … [those of the annotations]"
    parser.add_argument("--classes", nargs="+", help=text)
    text = "name of the data set; the experiment is NAME_box or NAME_semi [the project's if it has one, else own, or"
    parser.add_argument("--name", help=f"{text} the folder's name if another project here is called own]")
    epochs = functools.partial(whole_number, most=MAX_EPOCHS)
    parser.add_argument("--epochs", type=epochs, help="number of epochs [by the number of images]")
    add_source_arguments(parser)
    text = "number of processes that check images [all cores]"
    parser.add_argument("--workers", type=whole_number, metavar="N", help=text)
    add_overwrite_argument(parser, _outputs, ["project"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    masks = [MASKED] if args.masks else []
    return [args.project / name for name in (PROBLEMS, *LISTS, *masks, CONFIG)]


def run(
    *,
    project: Path,
    images: Path,
    boxes: Path,
    masks: Path | None,
    val: Path | None,
    classes: Sequence[str] | None,
    name: str | None,
    epochs: int | None,
    links: bool,
    corners: CornerConvention | None,
    workers: int | None,
) -> None:
    """Look at every image once, write the project, and print what was found and what to run next."""
    check_name(name := name_for(project, Path.cwd()) if name is None else name)
    _check_paths(filter(None, (project, images, boxes, masks)))
    _check_folder(project, {"--images": images, "--boxes": boxes, "--masks": masks})
    machine = this_machine()
    try:
        source = with_true_masks(open_source(images, boxes, links, corners or "", masks), masks)
        source = with_named_classes(source, classes) if classes else with_labelmap(source)
        names = [] if val is None else names_in(val, source)
        survey = _survey(source, workers or machine.cores)
        named = None
        if val is not None:
            source, named = evaluated_images(val, names, source, survey)
        source, survey, chosen = split_by_folders(source, survey, named)
        check_objects(survey, source)
        source, survey = with_used_masks(source, survey, masks)
        reviewed, note_on_reviewed = carried_over(project / CONFIG, source.split_settings())
        if classes is None:
            source = with_occurring_classes(source, survey, decided_classes(Path(reviewed)) if reviewed else ())
    except UnusableData as error:
        report = write_problems(project / PROBLEMS, error.problems)
        raise DataError(f"{printable(str(error))}; all are in {report}") from error
    splits = split_images(survey.objects, survey.masked, masks is not None, chosen)
    basis = survey.basis(splits.val, source.classes)
    boxes_to_learn = survey.boxes_of(set(splits.train)).total()
    settings = make_plan(len(splits.train), boxes_to_learn, survey.side, machine, epochs)
    written = Project(project, name, source, splits, basis, settings, survey.side, machine.cores, reviewed)
    files = {**list_files(splits, image_names(source, survey)), CONFIG: config_text(written)}
    write_problems(project / PROBLEMS, [*survey.problems, *survey.read_otherwise])
    for file, text in files.items():  # the configuration comes last: if it is there, all files are
        write_text(project / file, text)
    notes = filter(None, [note_on_name(name, project, Path.cwd()), note_on_reviewed])
    written = replace(written, source=replace(source, notes=(*source.notes, *notes)))
    print("\n".join(summary(written, survey)), file=sys.stderr)


def _check_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        if not str(path.absolute()).isprintable():
            raise ConfigError(f"{str(path)!r}: a path that cannot be shown cannot be written down; rename it")


def _check_folder(project: Path, folders: Mapping[str, Path | None]) -> None:
    """Raise a ConfigError if the project's files would lie among the user's."""
    for argument, folder in folders.items():
        if folder is not None and folder.is_dir() and folder.resolve() == project.resolve():
            raise ConfigError(
                f"{project}: is the folder of {argument}, and the project's files would lie among yours; name a new "
                "folder for the project, which may be in it"
            )


def _survey(source: Source, workers: int) -> Survey:
    """Look at every image, with a bar.

    Raises:
        UnusableData: Fewer than two images can be used, or none has a box.
    """
    listing = source.listing()
    problems = list(listing.problems)
    wrong = {problem.image for problem in problems}
    images = []
    known = set(wrong)
    looks = run_checks(survey_calls(listing.checks), min(workers, 1 + len(listing.checks) // MIN_IMAGES))
    for seen in tqdm(looks, "init", len(listing.checks), unit="image", disable=None):
        problems += seen.record.problems
        known.add(seen.record.image)
        if not seen.record.problems and seen.record.image not in wrong:
            images.append(seen)
    if problems and len(images) < 2:
        left = "one image is left, and one to evaluate on is needed, too" if images else "no image is left"
        raise UnusableData(summarise_problems(problems, left), problems)
    problems += listing.unmatched
    others = other_names(source.images, source.mask_folder)
    survey = Survey(images, problems, source.classes, unknown_images(source, known), others)
    if not survey.boxes:
        text = f"none of the {len(images)} images has a box; annotations have the names of their images"
        raise UnusableData(
            summarise_problems(problems, text) if problems else f"{source.annotations}: {text}", problems
        )
    return survey
