"""`boxsup masks`: masks for somebody's boxes by a trained network and the proposals, without training."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.check import run_checks, to_catalogue, write_problems
from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.sources import open_source
from boxsup.catalogue.tables import read_image
from boxsup.config import generation_settings, project_config
from boxsup.errors import ConfigError, DataError
from boxsup.inference.arguments import add_model_arguments, add_scales_argument, whole_number
from boxsup.labels.box_masks import check_update, masks_of_boxes
from boxsup.labels.mask_outputs import FORMATS, write_table
from boxsup.labels.mask_parts import BoxPart, ImagePart, has_part, part_key, read_part, write_part
from boxsup.proposals.methods import build_settings, make_proposer, packages
from boxsup.proposals.pool import Pool
from boxsup.proposals.selection import Proposer
from boxsup.settings import ProposalSettings, UpdateSettings, build
from boxsup.store.checksums import sha256_of
from boxsup.versions import provenance
from boxsup.workers import in_order

EXAMPLE = (
    "boxsup masks --images photos --boxes annotations.json --model results/mine_box/seed-0/epochs/012/model.pt --out m"
)


@dataclass(frozen=True)
class Job:
    """An image, what its part is known by, and whether that is there."""

    record: Record
    key: str
    done: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--images", type=Path, required=True, help="the folder of images")
    parser.add_argument(
        "--boxes", type=Path, required=True, help="COCO's JSON, or a folder of VOC XML, YOLO or LabelMe annotations"
    )
    add_model_arguments(parser)
    add_scales_argument(parser)
    parser.add_argument(
        "--format", nargs="+", choices=list(FORMATS), default=["voc", "coco"], help="of the masks [voc coco]"
    )
    parser.add_argument("--proposals", default="mcg", metavar="NAME", help="candidates, by their name in config [mcg]")
    parser.add_argument("--config", type=Path, metavar="YAML", help="keys laid over config.yaml: update, proposals")
    parser.add_argument("--workers", type=whole_number, default=2, metavar="N", help="processes of the proposals [2]")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; run again to go on where it was")


def run(args: argparse.Namespace) -> None:
    """Write masks in the formats, `boxes.csv` and `problems.csv`; what is done already is not made again.

    An image with problems is noted, and the others go on; the command then ends with status 1.
    """
    config = project_config(args.config)
    update = build(UpdateSettings, generation_settings(config["defaults"]["update"]), "defaults.update")
    check_update(update)
    if args.proposals not in config["proposals"]:
        raise ConfigError(f"--proposals {args.proposals}: expected one of {', '.join(config['proposals'])}")
    proposals = build_settings(config["proposals"][args.proposals], f"proposals.{args.proposals}")
    source = open_source(args.images, args.boxes)
    listing = source.listing()
    checks = tqdm(run_checks(listing.checks, args.workers), "check", len(listing.checks), unit="image", disable=None)
    records = list(checks)
    problems = [*listing.problems, *(problem for record in records for problem in record.problems)]
    masker = Masker(args, update, proposals)
    usable = [masker.relabelled(record, source.classes) for record in records if not record.problems]
    folder = args.out / "parts"
    jobs = [_job(record, masker.settings, folder) for record in usable]
    done = sum(job.done for job in jobs)
    bar = tqdm(desc="masks", total=len(jobs), initial=done, unit="image", disable=None)
    for job, part in masker.parts([job for job in jobs if not job.done], args.workers):
        write_part(folder, job.key, part)
        bar.update()
    bar.close()
    _write_outputs(args, jobs, masker.classes, problems, done)


def _job(record: Record, settings: dict[str, Any], folder: Path) -> Job:
    key = part_key(settings, Path(record.path), record.boxes)
    return Job(record, key, has_part(folder, record.image, key))


class Masker:
    """Makes the parts of images, with the settings that they depend on.

    Attributes:
        classes: Of the model, the background first.
        settings: All that masks depend on beside the image and its boxes, as JSON has it.
    """

    def __init__(self, args: argparse.Namespace, update: UpdateSettings, proposals: ProposalSettings) -> None:
        """Read the model."""
        from boxsup.inference.scores import Predictor  # torch costs seconds that bad annotations need not wait for

        self._predictor = Predictor(args.model, args.threads, None, args.scales)
        self._update, self._proposals, self._images, self._model = update, proposals, args.images, args.model
        self.classes = self._predictor.classes
        self.settings: dict[str, Any] = {
            "model": sha256_of(args.model),
            "threads": args.threads,
            "scales": args.scales,
            "update": asdict(update),
            "proposals": asdict(proposals),
            "versions": provenance("masks", "numpy", "torch", *packages(proposals.method)),
        }

    def relabelled(self, record: Record, classes: Sequence[str]) -> Record:
        """A record whose labels are the model's, by the names of its own classes.

        Raises:
            ConfigError: The model does not know a class.
        """
        boxes = []
        for box in record.boxes:
            name = classes[box.label]
            if name not in self.classes[1:]:
                raise ConfigError(
                    f"--boxes: the class '{name}' of {record.image} is none of {self._model}, which knows "
                    f"{', '.join(self.classes[1:])}; rename it in the annotations, or name a model trained on it"
                )
            boxes.append(box._replace(label=self.classes.index(name)))
        return Record(record.image, record.path, record.height, record.width, boxes=boxes)

    def parts(self, jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, ImagePart]]:
        """The jobs and their parts, in order; candidates come from as many processes."""
        if not jobs:
            return
        calls = ((self._proposals, job.record.image, job.record.path) for job in jobs)
        made = in_order(_propose, calls, workers, initializer=partial(cv2.setNumThreads, 1))
        for job, (pixels, pool) in zip(jobs, made, strict=True):
            yield job, self._part(job.record, pixels, pool)

    def _part(self, record: Record, pixels: NDArray[np.uint8], pool: Pool) -> ImagePart:
        scores = self._predictor.log_probabilities(pixels).cpu().numpy()
        boxes = to_catalogue([record], self.classes).boxes
        masks = masks_of_boxes(record.image, pool, boxes, scores, self._update)
        own = [BoxPart(box, mask) for box, mask in zip(record.boxes, masks, strict=True)]
        file = os.path.relpath(record.path, self._images)
        return ImagePart(record.image, Path(file).as_posix(), record.height, record.width, own)


def _propose(settings: ProposalSettings, image: str, path: str) -> tuple[NDArray[np.uint8], Pool]:
    pixels = read_image(path)
    return pixels, _proposer(settings)(pixels, image)


@cache  # once a process
def _proposer(settings: ProposalSettings) -> Proposer:
    return make_proposer(settings)


def _write_outputs(
    args: argparse.Namespace, jobs: Sequence[Job], classes: Sequence[str], problems: Sequence[Problem], done: int
) -> None:
    def parts() -> Iterator[ImagePart]:
        return (read_part(args.out / "parts", job.record.image, job.key) for job in jobs)

    for name in args.format:
        FORMATS[name](args.out, parts(), classes)
    table = write_table(args.out / "boxes.csv", parts(), classes)
    write_problems(args.out / "problems.csv", problems)
    flagged = int((table["flags"] != "").sum())
    print(
        f"masks: {len(jobs)} images, {done} of them done before, {len(table)} boxes, {flagged} worth a look: "
        f"{args.out / 'boxes.csv'}",
        file=sys.stderr,
    )
    if problems:
        raise DataError(
            f"{len(problems)} problems left images out, see {args.out / 'problems.csv'}; first: {problems[0].problem}"
        )
