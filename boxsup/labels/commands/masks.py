"""`boxsup masks`: masks for somebody's boxes by a trained network and the proposals, without training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.check import PROBLEMS, run_checks, write_problems
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.sources import Source, open_source
from boxsup.config import block, generation_settings, project_config
from boxsup.errors import ConfigError, DataError
from boxsup.inference.arguments import MODEL_OR_RUN, add_model_arguments, add_scales_argument, whole_number
from boxsup.labels.mask_outputs import FORMATS, PLACES, table_of
from boxsup.labels.mask_parts import ImagePart, has_part, part_key, part_place, read_part, write_part
from boxsup.labels.masker import Masker
from boxsup.network.checkpoint import find_checkpoint
from boxsup.proposals.methods import build_settings
from boxsup.settings import UpdateSettings, build
from boxsup.store.atomic import creating
from boxsup.store.outputs import add_output_arguments, claim

EXAMPLE = "boxsup masks --images photos --boxes annotations.json --model results/own_box --out masks"
PARTS, TABLE = "parts", "boxes.csv"


@dataclass(frozen=True, eq=False)
class Job:
    """An image, what its part is known by, and whether that was there at the start."""

    record: Record
    key: str
    done: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--images", type=Path, required=True, help="the folder of images")
    parser.add_argument(
        "--boxes", type=Path, required=True, help="COCO's JSON, or a folder of VOC XML, YOLO or LabelMe annotations"
    )
    add_model_arguments(parser, what=MODEL_OR_RUN)
    add_scales_argument(parser)
    parser.add_argument(
        "--format", nargs="+", choices=list(FORMATS), default=["voc", "coco"], help="of the masks [voc coco]"
    )
    parser.add_argument("--proposals", default="mcg", metavar="NAME", help="candidates, by their name in config [mcg]")
    parser.add_argument("--config", type=Path, metavar="YAML", help="keys laid over config.yaml: update, proposals")
    parser.add_argument(
        "--links", action="store_true", help="follow symbolic links out of these folders: you trust them"
    )
    parser.add_argument("--workers", type=whole_number, default=2, metavar="N", help="processes of the proposals [2]")
    text = "the folder to write; run again to go on where it was"
    add_output_arguments(parser, text, outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    """What is known before the images are: the masks in their formats, and the tables."""
    return [args.out / name for name in (*(PLACES[name] for name in args.format), TABLE, PROBLEMS)]


def run(args: argparse.Namespace) -> None:
    """Write masks in the formats, `boxes.csv` and `problems.csv`; what is done already is not made again.

    An image with problems is noted, and the others go on; the command then ends with status 1.
    """
    source, folder = open_source(args.images, args.boxes, args.links), args.out / PARTS
    records, problems = _checked(source, args.workers)
    parts = [part_place(folder, record) for record in records]
    claim(parts, args.out, [Path(record.path) for record in records], mending=True)
    masker = _masker(args)
    jobs = [_job(masker.relabelled(record, source.classes), masker, folder) for record in records]
    lost = _make_parts(jobs, masker, folder, args.workers)
    problems += lost.values()
    _write_outputs(args.out, args.format, [job for job in jobs if job not in lost], masker.classes, args.images)
    place = write_problems(args.out / PROBLEMS, problems)
    if problems:
        first = problems[0].problem
        raise DataError(f"{len(problems)} problems left images out, see {place}; first: {first}")


def _masker(args: argparse.Namespace) -> Masker:
    config = project_config(args.config)
    where, proposals = ("defaults", "update"), block(config, "proposals")
    update = build(UpdateSettings, generation_settings(block(config, *where)), ".".join(where))
    if args.proposals not in proposals:
        raise ConfigError(f"--proposals {args.proposals}: expected one of {', '.join(proposals)}")
    method = build_settings(proposals[args.proposals], f"proposals.{args.proposals}")
    return Masker(find_checkpoint(args.model), args.threads, args.scales, update, method)


def _checked(source: Source, workers: int) -> tuple[list[Record], list[Problem]]:
    """The images that can be used, and what is wrong with the others."""
    listing = source.listing()
    checks = run_checks(listing.checks, workers)
    records = list(tqdm(checks, "check", len(listing.checks), unit="image", disable=None))
    problems = [*listing.problems, *(problem for record in records for problem in record.problems)]
    return [record for record in records if not record.problems], problems


def _job(record: Record, masker: Masker, folder: Path) -> Job:
    key = part_key(masker.settings, record)
    return Job(record, key, has_part(folder, key, record))


def _make_parts(jobs: Sequence[Job], masker: Masker, folder: Path, workers: int) -> dict[Job, Problem]:
    """Make the parts that are not there; those that could not be written, and why."""
    waiting, lost = [job for job in jobs if not job.done], {}
    with tqdm(desc="masks", total=len(jobs), initial=len(jobs) - len(waiting), unit="image", disable=None) as bar:
        parts = masker.parts([job.record for job in waiting], workers)
        for job, part in zip(waiting, parts, strict=True):
            try:
                write_part(folder, job.key, part)
            except OSError as error:
                lost[job] = Problem(job.record.image, job.record.path, f"{error.filename}: {error.strerror}")
            bar.update()
    return lost


def _write_outputs(
    out: Path, formats: Sequence[str], jobs: Sequence[Job], classes: Sequence[str], images: Path
) -> None:
    def parts() -> Iterator[ImagePart]:  # from disk each time: they may be many
        return (read_part(out / PARTS, job.key, job.record) for job in jobs)

    for name in formats:
        FORMATS[name](out, parts(), classes, images)
    table = table_of(parts(), classes, images)
    with creating(out / TABLE) as partial:
        table.to_csv(partial, index=False, errors="backslashreplace", float_format="%.4f")
    done, flagged = sum(job.done for job in jobs), int((table["flags"] != "").sum())
    print(
        f"masks: {len(jobs)} images, {done} of them done before, {len(table)} boxes, {flagged} worth a look: "
        f"{out / TABLE}",
        file=sys.stderr,
    )
