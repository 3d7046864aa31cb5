"""`boxsup masks`: masks for a user's boxes by object networks and the proposals, without training."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from boxsup.catalogue.check import PROBLEMS, write_problems
from boxsup.catalogue.names import printable
from boxsup.catalogue.records import Problem
from boxsup.catalogue.reviewed import REVIEWED, read_reviewed
from boxsup.catalogue.sources import Source, open_source
from boxsup.commands.model_arguments import add_model_argument, add_scales_argument
from boxsup.commands.outputs import add_output_arguments, claim, keep_apart
from boxsup.commands.source_arguments import add_source_arguments
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.datasets import CornerConvention
from boxsup.errors import ConfigError, DataError
from boxsup.inference.trained import find_trained, print_note
from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.decided import Decisions
from boxsup.masking.jobs import (
    CheckedImages,
    Job,
    check_images,
    in_order_of,
    lost_boxes,
    make_job,
    make_parts,
    note_on_crowds,
    unknown_classes,
)
from boxsup.masking.made import (
    CONTACT,
    INDEX,
    MADE,
    OVERLAYS,
    PARTS,
    Before,
    Made,
    made_before,
    masks_digest,
    old_outputs,
    write_made,
)
from boxsup.masking.masker import MaskMaker
from boxsup.masking.outputs import FORMATS, formats_of, output_path
from boxsup.masking.parts import ImagePart, part_path
from boxsup.masking.settings import mask_recipe, mask_settings
from boxsup.masking.table import masks_table
from boxsup.near import counted, shorter
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup masks --images photos --boxes annotations.json --out masks"
TABLE = "boxes.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument(
        "--boxes", type=Path, required=True, help="COCO JSON, or folder of VOC XML, YOLO or LabelMe annotations"
    )
    add_model_argument(parser, required=False, of_run=True)
    text = "object networks of `boxsup objects`, whose maps are averaged [those of the model's run and the shipped one]"
    parser.add_argument("--objects", type=Path, nargs="+", metavar="PT", help=text)
    add_scales_argument(parser, of_run=True)
    parser.add_argument(
        "--format", nargs="+", choices=list(FORMATS), help="formats of the masks [that of the boxes, voc, coco]"
    )
    text = "give a pixel to one box only, the surest; masks of overlapping boxes overlap otherwise"
    parser.add_argument("--disjoint", action="store_true", help=text)
    parser.add_argument("--tight-boxes", action="store_true", help="make COCO's bbox tight around the mask")
    text = "name of the proposals in the config [mcg_views]"
    parser.add_argument("--proposals", default="mcg_views", metavar="NAME", help=text)
    parser.add_argument("--config", type=Path, metavar="YAML", help="keys laid over config.yaml: update, proposals")
    text = f"write pictures, too: {OVERLAYS}/ID.jpg, {CONTACT} and the page {INDEX}, the worst masks first"
    parser.add_argument("--look", action="store_true", help=text)
    text = f"decisions of `boxsup review`, which replace what was made [{REVIEWED} in --out, if it is there]"
    parser.add_argument("--reviewed", type=Path, metavar="JSONL", help=text)
    add_source_arguments(parser)
    add_workers_argument(parser, "number of processes, of some 0.5 GB each and the networks of a model", default=4)
    text = "the folder to write; run again to go on where it was stopped"
    # The decisions lie in --out, and are no output.
    add_output_arguments(parser, text, outputs=_outputs, written=["reviewed"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    """The outputs that are known before the boxes are read: the tables."""
    looks = (OVERLAYS, CONTACT, INDEX) if args.look else ()
    return [args.out / name for name in (TABLE, PROBLEMS, MADE, *looks)]


def run(
    *,
    images: Path,
    boxes: Path,
    model: Path | None,
    scales: Sequence[float] | None,
    objects: Sequence[Path] | None,
    disjoint: bool,
    format: Sequence[str] | None,
    tight_boxes: bool,
    proposals: str,
    config: Path | None,
    look: bool,
    reviewed: Path | None,
    links: bool,
    corners: CornerConvention | None,
    workers: int,
    out: Path,
) -> None:
    """Write masks in the formats, `boxes.csv` and `problems.csv`; masks that are there from an earlier run are kept.

    An image with problems is noted and the others go on; the command then ends with status 1.
    """
    source, folder = open_source(images, boxes, links, corners or ""), out / PARTS
    formats, stamps = formats_of(format, source), stamps_of(source)
    if tight_boxes and not any(name.startswith("coco") for name in formats):
        raise ConfigError("--tight-boxes: is of COCO's bbox, and no format is COCO's; add one, or leave it out")
    before = _kept_apart(out, images, reviewed)
    claim([out / output_path(name, source) for name in formats], out)
    settings = mask_settings(proposals, config)
    trained = None if model is None else find_trained(model)
    recipe = mask_recipe(trained, objects, scales, settings, disjoint)
    decided = read_reviewed(reviewed or out / REVIEWED).latest() if reviewed or (out / REVIEWED).exists() else {}
    checked = check_images(source, workers)
    forgotten = _forgotten(before, out, reviewed)
    crowds = note_on_crowds(checked.records)
    for note in (*source.notes, *checked.told, *crowds, *forgotten):  # before the work: the user may want to stop it
        print(f"masks: note: {printable(note)}", file=sys.stderr)
    parts = [part_path(folder, record) for record in checked.usable]
    claim(parts, out, [Path(record.path) for record in checked.records], keep_damaged=True)
    masker = MaskMaker(recipe)
    if trained is not None and not scales:
        print_note(trained)
    source, records = in_order_of(masker.classes, source, checked.records)
    usable = [(number, record) for number, record in enumerate(records, start=1) if not record.problems]
    problems, unknown = list(checked.problems), unknown_classes(masker, [record for _, record in usable], source)
    jobs = [make_job(number, record, masker, source, folder) for number, record in usable]
    unwritten = make_parts(jobs, masker, folder, workers, _known_pools(jobs, masker))
    jobs = [job for job in jobs if job not in unwritten]
    parts_made = tuple(job.made for job in jobs)
    made = Made(out, source.images, source.classes, recipe, parts_made, before.written, _outside(reviewed, out))
    write_made(made)
    decisions = Decisions(decided, source.classes, disjoint)
    results = MaskResults(source, stamps, lambda: map(decisions.applied, _read(jobs, folder)), tight_boxes)
    problems += unwritten.values()
    problems += [problem for name in formats for problem in FORMATS[name].write(out, results)]
    table = _write_table(out, results, jobs, masker.classes)
    if look:
        _look(out, results, table)
    names = [output_path(name, source) for name in formats] + [OVERLAYS] * look
    _note_written(made, names, masks_digest(parts_made, decided.values()), source)
    lost = lost_boxes(results.parts(), difficult=settings[0].difficult == "use") if disjoint else []
    stale = decisions.faults(_read(jobs, folder), {problem.image for problem in problems}) if decided else []
    _report_problems(out, checked, problems, unknown, lost, stale)


def _kept_apart(out: Path, images: Path, reviewed: Path | None) -> Before:
    """Replace no masks of other images unasked; with them go their decisions, unless these are asked for.

    Returns:
        What an earlier run left in the folder.

    Raises:
        StoreError: The folder has masks of other images.
    """
    before = made_before(out)
    others = before.others(images)
    if not others:
        return before
    names = dict.fromkeys([MADE, PARTS, TABLE, PROBLEMS, *before.written, CONTACT, INDEX, REVIEWED])
    there = [out / name for name in names if (out / name).exists()]
    asked = None if reviewed is None else reviewed.resolve()
    whose = f"is of other images than those in {shorter(images)}, such as {shorter(others[0])}"
    keep_apart([path for path in there if path.resolve() != asked], whose)
    return made_before(out)


def _outside(reviewed: Path | None, out: Path) -> Path | None:
    """The file of decisions that was named, unless it is the one that is found without."""
    return None if reviewed is None or reviewed.resolve() == (out / REVIEWED).resolve() else reviewed


def _forgotten(before: Before, out: Path, reviewed: Path | None) -> list[str]:
    """A line about decisions that are there and that nobody names now."""
    if reviewed is not None:
        own = out / REVIEWED
        if _outside(reviewed, out) is None or not own.exists():
            return []
        return [f"{shorter(own)} has decisions, too; they are not used, since --reviewed names {shorter(reviewed)}"]
    if before.reviewed is None:
        return []
    file = shorter(before.reviewed)
    return [
        f"the masks here had the decisions of {file}, and have them no more; --reviewed {shlex.quote(file)} has them"
    ]


def _read(jobs: Sequence[Job], folder: Path) -> Iterator[ImagePart]:
    return (job.made.part(folder, job.number) for job in jobs)


def _known_pools(jobs: Sequence[Job], masker: MaskMaker) -> dict[str, Path]:
    """The candidates that the workflow has made of images whose masks are to be made, and a line about them."""
    waiting = [job.made.asked for job in jobs if not job.done]
    known = masker.known_pools(waiting)
    if known:
        folders = ", ".join(dict.fromkeys(shorter(store.parent) for store in known.values()))
        print(f"masks: candidates of {len(known)} of {len(waiting)} images are those of {folders}", file=sys.stderr)
    return known


def _look(out: Path, results: MaskResults, table: pd.DataFrame) -> None:
    """Write what a person looks at."""
    from boxsup.report.masks.page import Pages  # matplotlib, which has the font, is slow to import

    print(f"masks: look at {Pages(out, results.source.classes, table).write(results.parts())}", file=sys.stderr)


def _note_written(made: Made, names: Sequence[str], digest: str, source: Source) -> None:
    """Record what was written from these masks and decisions, and say what is there of other ones."""
    before = {name: other for name, other in made.written.items() if name not in names}
    write_made(replace(made, written=before | dict.fromkeys(names, digest)))
    old = old_outputs(made.out, before, digest)
    if old:
        asked = [name for name in FORMATS if output_path(name, source) in old]
        again = (["--look"] if OVERLAYS in old else []) + ([f"--format {' '.join(asked)}"] if asked else [])
        text = f"of an earlier run, with other masks or decisions; to write them again, add {' and '.join(again)}"
        print(f"masks: {', '.join(old)}: {text}", file=sys.stderr)


def _write_table(out: Path, results: MaskResults, jobs: Sequence[Job], known: Sequence[str]) -> pd.DataFrame:
    source = results.source
    table = masks_table(results.parts(), source.classes, known, source.images)
    write_csv(out / TABLE, table, "%.4f")
    done, flagged = sum(job.done for job in jobs), int((table["flags"] != "").sum())
    print(
        f"masks: {counted(len(jobs), 'image')}, {done} of them done before, {counted(len(table), 'box', 'boxes')}, "
        f"{flagged} worth a look: "
        f"{out / TABLE}",
        file=sys.stderr,
    )
    return table


def _report_problems(
    out: Path,
    checked: CheckedImages,
    problems: Sequence[Problem],
    unknown: Sequence[Problem],
    lost: Sequence[Problem],
    stale: Sequence[Problem],
) -> None:
    """Write `problems.csv` and say what is in it.

    Raises:
        DataError: Something was left out.
    """
    noted = {
        "objects are read otherwise than they are written": checked.notes,
        "annotations belong to no image": checked.lost,
        "images or their boxes may not be as you intended": checked.odd,
        "images have boxes of a class that the model does not know, whose masks are made without it": unknown,
        "images have boxes without a mask, since another box is surer of each of their pixels": lost,
        "reviewed boxes are not as they were when they were reviewed, and keep the masks that were made": stale,
    }
    report = write_problems(out / PROBLEMS, [*problems, *(note for notes in noted.values() for note in notes)])
    for what, notes in noted.items():
        if notes:
            print(f"masks: {len(notes)} {what}, see {report}", file=sys.stderr)
    if problems:
        left_out = "images" if len(problems) == len(checked.problems) else "images, boxes or files"
        count, first = counted(len(problems), "problem"), problems[0].problem
        raise DataError(f"{count} left {left_out} out, see {report}; first: {first}")
