"""`boxsup masks`: masks for somebody's boxes by a trained network and the proposals, without training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.check import run_checks, write_problems
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.sources import Source, open_source
from boxsup.config import block, generation_settings, project_config
from boxsup.errors import ConfigError, DataError
from boxsup.inference.arguments import MODEL_OR_RUN, add_model_arguments, add_scales_argument, whole_number
from boxsup.labels.mask_outputs import FORMATS, table_of
from boxsup.labels.mask_parts import ImagePart, has_part, part_key, read_part, write_part
from boxsup.labels.masker import Masker
from boxsup.network.checkpoint import find_checkpoint
from boxsup.proposals.methods import build_settings
from boxsup.settings import UpdateSettings, build
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup masks --images photos --boxes annotations.json --model results/own_box --out masks"


@dataclass(frozen=True)
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
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; run again to go on where it was")


def run(args: argparse.Namespace) -> None:
    """Write masks in the formats, `boxes.csv` and `problems.csv`; what is done already is not made again.

    An image with problems is noted, and the others go on; the command then ends with status 1.
    """
    source = open_source(args.images, args.boxes, args.links)
    masker = _masker(args)
    records, problems = _checked(source, args.workers)
    jobs = [_job(masker.relabelled(record, source.classes), masker, args.out / "parts") for record in records]
    waiting = [job for job in jobs if not job.done]
    with tqdm(desc="masks", total=len(jobs), initial=len(jobs) - len(waiting), unit="image", disable=None) as bar:
        parts = masker.parts([job.record for job in waiting], args.workers)
        for job, part in zip(waiting, parts, strict=True):
            write_part(args.out / "parts", job.key, part)
            bar.update()
    _write_outputs(args.out, args.format, jobs, masker.classes, args.images)
    write_problems(args.out / "problems.csv", problems)
    if problems:
        place, first = args.out / "problems.csv", problems[0].problem
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


def _write_outputs(
    out: Path, formats: Sequence[str], jobs: Sequence[Job], classes: Sequence[str], images: Path
) -> None:
    def parts() -> Iterator[ImagePart]:  # from disk each time: they may be many
        return (read_part(out / "parts", job.key, job.record) for job in jobs)

    for name in formats:
        FORMATS[name](out, parts(), classes, images)
    table = table_of(parts(), classes, images)
    write_csv(out / "boxes.csv", table, "%.4f")
    done, flagged = sum(job.done for job in jobs), int((table["flags"] != "").sum())
    print(
        f"masks: {len(jobs)} images, {done} of them done before, {len(table)} boxes, {flagged} worth a look: "
        f"{out / 'boxes.csv'}",
        file=sys.stderr,
    )
