"""`boxsup masks`: masks for somebody's boxes by a trained network and the proposals, without training."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.check import PROBLEMS, run_checks, write_problems
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.sources import Source, open_source
from boxsup.commands.model_arguments import add_model_arguments, add_scales_argument, whole_number
from boxsup.commands.outputs import add_output_arguments, claim
from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError, DataError
from boxsup.inference.trained import find_trained, print_note
from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.masker import Masker
from boxsup.masking.outputs import FORMATS, formats_of, place_of
from boxsup.masking.parts import ImagePart, has_part, part_key, part_place, read_part, write_part
from boxsup.masking.table import table_of
from boxsup.proposals.methods import build_settings
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup masks --images photos --boxes annotations.json --model results/own_box --out masks"
PARTS, TABLE = "parts", "boxes.csv"


@dataclass(frozen=True, eq=False)
class Job:
    """An image.

    Attributes:
        number: Its place among all images, from 1.
        record: As its annotation has it.
        asked: Its boxes that the model knows the class of, with the model's labels.
        key: What its part is known by.
        done: Whether that was there at the start.
    """

    number: int
    record: Record
    asked: Record
    key: str
    done: bool

    def part(self, folder: Path, known: Sequence[bool]) -> ImagePart:
        """What there is of it: of each of its own boxes, given which classes by their labels the model knows."""
        masks = iter(read_part(folder, self.key, self.asked).masks)
        own = [next(masks) if known[box.label] else None for box in self.record.boxes]
        return ImagePart(self.record, own, self.number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--images", type=Path, required=True, help="the folder of images")
    parser.add_argument(
        "--boxes", type=Path, required=True, help="COCO's JSON, or a folder of VOC XML, YOLO or LabelMe annotations"
    )
    add_model_arguments(parser, of_run=True)
    add_scales_argument(parser, of_run=True)
    parser.add_argument(
        "--format", nargs="+", choices=list(FORMATS), help="of the masks [that of the boxes, voc, coco]"
    )
    parser.add_argument("--tight-boxes", action="store_true", help="COCO's bbox is tight around the mask, not as given")
    parser.add_argument("--proposals", default="mcg", metavar="NAME", help="candidates, by their name in config [mcg]")
    parser.add_argument("--config", type=Path, metavar="YAML", help="keys laid over config.yaml: update, proposals")
    parser.add_argument(
        "--links", action="store_true", help="follow symbolic links out of these folders: you trust them"
    )
    parser.add_argument("--workers", type=whole_number, default=2, metavar="N", help="processes of the proposals [2]")
    text = "the folder to write; run again to go on where it was"
    add_output_arguments(parser, text, outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    """What is known before the boxes are: the tables."""
    return [args.out / name for name in (TABLE, PROBLEMS)]


def run(args: argparse.Namespace) -> None:
    """Write masks in the formats, `boxes.csv` and `problems.csv`; what is done already is not made again.

    An image with problems is noted, and the others go on; the command then ends with status 1.
    """
    source, folder = open_source(args.images, args.boxes, args.links), args.out / PARTS
    formats, stamps = formats_of(args.format, source), stamps_of(source)
    claim([args.out / place_of(name, source) for name in formats], args.out)
    masker = _masker(args)
    source = source.in_order_of(masker.classes)  # before records are read, whose labels are in it
    records, problems, lost = _checked(source, args.workers)
    usable = [(number, record) for number, record in enumerate(records, start=1) if not record.problems]
    boxes = [box for _, record in usable for box in record.boxes]
    if boxes and all(box.crowd for box in boxes):
        raise DataError(source.all_crowds("crowds get no masks"))
    parts = [part_place(folder, record) for _, record in usable]
    claim(parts, args.out, [Path(record.path) for record in records], keep_damaged=True)
    images = len(problems)
    problems += _unknown(masker, [record for _, record in usable], source)
    jobs = [_job(number, record, masker, source, folder) for number, record in usable]
    unwritten = _make_parts(jobs, masker, folder, args.workers)
    problems += unwritten.values()
    jobs = [job for job in jobs if job not in unwritten]
    known = [masker.knows(name) for name in source.classes]
    results = MaskResults(source, stamps, lambda: (job.part(folder, known) for job in jobs), args.tight_boxes)
    problems += [problem for name in formats for problem in FORMATS[name].write(args.out, results)]
    _write_table(args.out, results, jobs, masker.classes)
    notes = [note for record in records for note in record.notes]
    place = write_problems(args.out / PROBLEMS, [*problems, *lost, *notes])
    if notes:
        print(f"masks: {len(notes)} objects are read otherwise than they stand there, see {place}", file=sys.stderr)
    if lost:
        print(f"masks: {len(lost)} annotations are no image's, see {place}", file=sys.stderr)
    if problems:
        what = "images" if len(problems) == images else "images, boxes or files"
        raise DataError(f"{len(problems)} problems left {what} out, see {place}; first: {problems[0].problem}")


def _masker(args: argparse.Namespace) -> Masker:
    config = project_config(args.config)
    where, proposals = ("defaults", "update"), block(config, "proposals")
    update = build(UpdateSettings, generation_settings(block(config, *where)), ".".join(where))
    if args.proposals not in proposals:
        raise ConfigError(f"--proposals {args.proposals}: expected one of {', '.join(proposals)}")
    method = build_settings(proposals[args.proposals], f"proposals.{args.proposals}")
    trained = find_trained(args.model)
    threads, scales = args.threads or trained.labelling.threads, args.scales or trained.labelling.update_scales
    masker = Masker(trained.checkpoint, threads, scales, update, method)
    if not args.scales:
        print_note(trained)
    return masker


def _checked(source: Source, workers: int) -> tuple[list[Record], list[Problem], list[Problem]]:
    """The images, what is wrong with them, and annotations that are no image's."""
    listing = source.listing()
    checks = run_checks(listing.checks, workers)
    records = list(tqdm(checks, "check", len(listing.checks), unit="image", disable=None))
    problems = [*listing.problems, *(problem for record in records for problem in record.problems)]
    return records, problems, list(listing.lost)


def _unknown(masker: Masker, records: Sequence[Record], source: Source) -> list[Problem]:
    """A problem for each image with boxes whose class the model does not know.

    Raises:
        ConfigError: It knows none of all.
    """
    known = ", ".join(masker.classes[1:])
    problems, count = [], 0
    for record in records:
        names = Counter(source.classes[box.label] for box in record.boxes)
        unknown = {name: number for name, number in names.items() if not masker.knows(name)}
        count += sum(names.values()) - sum(unknown.values())
        if unknown:
            told = ", ".join(f"{number} of '{name}'" for name, number in unknown.items())
            text = f"no mask for {told}: the model does not know the class, but {known}"
            problems.append(Problem(record.image, record.annotation, text))
    if problems and not count:
        own = ", ".join(f"'{name}'" for name in source.classes[1:])
        raise ConfigError(
            f"--boxes: none of their classes, {own}, is one that the model knows, {known}; rename them in the "
            "annotations, or name a model that was trained on them"
        )
    return problems


def _job(number: int, record: Record, masker: Masker, source: Source, folder: Path) -> Job:
    asked = masker.relabelled(record, source.classes)
    key = part_key(masker.settings, asked)
    return Job(number, record, asked, key, has_part(folder, key, asked))


def _make_parts(jobs: Sequence[Job], masker: Masker, folder: Path, workers: int) -> dict[Job, Problem]:
    """Make the parts that are not there; those that could not be written, and why."""
    waiting, lost = [job for job in jobs if not job.done], {}
    with tqdm(desc="masks", total=len(jobs), initial=len(jobs) - len(waiting), unit="image", disable=None) as bar:
        parts = masker.parts([job.asked for job in waiting], workers)
        for job, part in zip(waiting, parts, strict=True):
            try:
                write_part(folder, job.key, part)
            except OSError as error:
                lost[job] = Problem(job.record.image, job.record.path, f"{error.filename}: {error.strerror}")
            bar.update()
    return lost


def _write_table(out: Path, results: MaskResults, jobs: Sequence[Job], known: Sequence[str]) -> None:
    source = results.source
    table = table_of(results.parts(), source.classes, known, source.images)
    write_csv(out / TABLE, table, "%.4f")
    done, flagged = sum(job.done for job in jobs), int((table["flags"] != "").sum())
    print(
        f"masks: {len(jobs)} images, {done} of them done before, {len(table)} boxes, {flagged} worth a look: "
        f"{out / TABLE}",
        file=sys.stderr,
    )
