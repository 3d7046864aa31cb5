"""The work of `boxsup masks`: its images, checked, and their parts, made or found from an earlier run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from boxsup.catalogue.check import run_checks
from boxsup.catalogue.oddities import Checked, checks_with_oddities, lines_about, unread_files
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.machine.bars import tqdm
from boxsup.machine.memory import giving_back
from boxsup.machine.workers import useful_processes
from boxsup.masking.made import MadePart
from boxsup.masking.masker import MaskMaker
from boxsup.masking.parts import ImagePart, has_part, part_key, write_part
from boxsup.near import counted
from boxsup.store.atomic import OF_ONE_NAME

SECONDS = 0.25  # what the check of a large photograph takes, about


@dataclass(frozen=True)
class CheckedImages:
    """The images of a source.

    Attributes:
        records: One per image, in order. Those of images with a problem of their names have it, too.
        problems: The problems of the images.
        lost: Annotations that belong to no image.
        told: Lines about what may not be as the user intended, of all usable images.
        odd: The same, one for each image; see `boxsup.catalogue.oddities`.
    """

    records: list[Record]
    problems: list[Problem]
    lost: list[Problem]
    told: list[str]
    odd: list[Problem]

    @property
    def usable(self) -> list[Record]:
        """The records without problems."""
        return [record for record in self.records if not record.problems]

    @property
    def notes(self) -> list[Problem]:
        """The notes on objects that were read differently from how the file has them, or were skipped."""
        return [note for record in self.records for note in record.notes]


@dataclass(frozen=True, eq=False)
class Job:
    """One image to make masks for.

    Attributes:
        number: Its position among all images, from 1.
        made: The image with all its boxes, and the key of its part.
        done: Whether its part existed at the start.
    """

    number: int
    made: MadePart
    done: bool


def check_images(source: Source, workers: int) -> CheckedImages:
    """Check every image in at most `workers` processes, with a progress bar.

    Raises:
        DataError: There are boxes, but all are crowds, which get no masks.
    """
    listing = source.listing()
    processes = useful_processes(workers, len(listing.checks), SECONDS)
    # Masks are made next, in the same processes.
    checks = run_checks(checks_with_oddities(listing.checks), processes, MaskMaker.__module__)
    with giving_back():  # a few large photographs may be checked in this process
        every = list(tqdm(checks, "check", len(listing.checks), unit="image", disable=None))
    problems = [*listing.problems, *(problem for each in every for problem in each.record.problems)]
    wrong = {problem.image: problem for problem in listing.problems}
    every = [_with_problem(each, wrong) for each in every]
    known = {each.record.image for each in every} | {problem.image for problem in problems}
    told = [*lines_about(every), *unread_files(source, known)]
    odd = [oddity.problem(each.record, boxes) for each in every for oddity, boxes in each.oddities().items()]
    checked = CheckedImages([each.record for each in every], problems, list(listing.unmatched), told, odd)
    boxes = [box for record in checked.usable for box in record.boxes]
    if boxes and all(box.crowd for box in boxes):
        raise DataError(source.crowds_message("crowds get no masks"))
    return checked


def _with_problem(each: Checked, wrong: Mapping[str, Problem]) -> Checked:
    """A checked image that cannot be used if its id has a problem: two images share it, so whose are the boxes?"""
    record = each.record
    if record.image not in wrong:
        return each
    return each._replace(record=replace(record, problems=[*record.problems, wrong[record.image]]))


def in_order_of(classes: Sequence[str], source: Source, records: Sequence[Record]) -> tuple[Source, list[Record]]:
    """A source and its records with classes in the model's order, if the annotations give them none.

    Args:
        classes: Names of the model's classes, the background first.
        source: The annotations.
        records: The images; the class ids of their boxes are positions in `source.classes`.
    """
    ordered = source.with_class_order(classes)
    class_ids = [ordered.classes.index(name) for name in source.classes]
    boxes = ([box._replace(class_id=class_ids[box.class_id]) for box in record.boxes] for record in records)
    return ordered, [replace(record, boxes=changed) for record, changed in zip(records, boxes, strict=True)]


def unknown_classes(masker: MaskMaker, records: Sequence[Record], source: Source) -> list[Problem]:
    """A note on each image with boxes whose class the model does not know; none without a model."""
    known, notes = ", ".join(masker.classes[1:]), []
    for record in records if known else ():
        names = Counter(source.classes[box.class_id] for box in record.boxes)
        unknown = [f"{number} of '{name}'" for name, number in names.items() if not masker.knows(name)]
        if unknown:
            text = f"made without the model, for {', '.join(unknown)}: it does not know the class, but {known}"
            notes.append(Problem(record.image, record.annotation, text))
    return notes


def note_on_crowds(records: Iterable[Record]) -> list[str]:
    """A line about the crowds in the images, if there are any."""
    count = sum(bool(box.crowd) for record in records for box in record.boxes)
    said = "no mask: void in voc, panoptic, cityscapes and labelme; yolo and label_studio cannot say it"
    return [f"{counted(count, 'crowd')} (iscrowd 1), which get {said}"] if count else []


def lost_boxes(parts: Iterable[ImagePart], difficult: bool) -> list[Problem]:
    """A note on each image with boxes that lost all of their pixels.

    Args:
        parts: The images. A crowd has no mask anyway, nor has a box that is void or empty by a person's word.
        difficult: Whether difficult boxes have masks.
    """
    notes = []
    for part in parts:
        decided = {*part.nothing, *part.void}
        pairs = enumerate(zip(part.record.boxes, part.masks, strict=True))
        maskless = [box for index, (box, mask) in pairs if mask is None and index not in decided]
        count = sum(not box.crowd and (difficult or not box.difficult) for box in maskless)
        if count:
            text = f"no mask for {count} boxes: another box is surer of each of their pixels"
            notes.append(Problem(part.record.image, part.record.annotation, text))
    return notes


def make_job(number: int, record: Record, masker: MaskMaker, source: Source, folder: Path) -> Job:
    """The job of an image; it is done if `folder` has its part."""
    asked = masker.relabelled(record, source.classes)
    key = part_key(masker.settings, asked)
    return Job(number, MadePart(record, asked, key), has_part(folder, key, asked))


def make_parts(
    jobs: Sequence[Job], masker: MaskMaker, folder: Path, workers: int, known: Mapping[str, Path]
) -> dict[Job, Problem]:
    """Make the parts that do not exist, with a progress bar.

    Args:
        jobs: The work.
        masker: Makes the masks.
        folder: The folder of the parts.
        workers: Number of processes.
        known: See `MaskMaker.parts`.

    Returns:
        The jobs whose part has a name that cannot be written, each with the reason.

    Raises:
        OSError: Nothing can be written there, as on a full disk. Each image costs seconds.
    """
    waiting, lost = [job for job in jobs if not job.done], {}
    if waiting:
        folder.mkdir(parents=True, exist_ok=True)
    with tqdm(desc="masks", total=len(jobs), initial=len(jobs) - len(waiting), unit="image", disable=None) as bar:
        parts = masker.parts([job.made.asked for job in waiting], workers, known)
        for job, part in zip(waiting, parts, strict=True):
            try:
                write_part(folder, job.made.key, part)
            except OSError as error:
                if error.errno not in OF_ONE_NAME:
                    raise
                record = job.made.record
                lost[job] = Problem(record.image, record.path, f"{error.filename}: {error.strerror}")
            bar.update()
    return lost
