"""`boxsup labels`: one generation of pseudo-masks."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.split_tables import SplitTables
from boxsup.catalogue.tables import ImageRow, boxes_digest, check_ids
from boxsup.commands.argument_types import from_zero, whole_number
from boxsup.commands.model_arguments import add_model_arguments, add_scales_argument
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_reviewed_argument, check_masked
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.build import parse
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError, DataError
from boxsup.labels.choice import Chosen, recorded_count
from boxsup.labels.choice_tables import SHARPENED
from boxsup.labels.fixed_stores import open_stores
from boxsup.labels.in_processes import Sources, images_at_once
from boxsup.labels.pins import Pins, read_pins
from boxsup.labels.supervised import LabelsOf, Network, of_fixed_masks, of_the_update, of_true_masks
from boxsup.machine.bars import tqdm
from boxsup.near import counted, shorter
from boxsup.store.labels import exceeds_classes, labels_writer
from boxsup.store.provenance import provenance
from boxsup.store.shards import ImageIndex

EXAMPLE = (
    'boxsup labels --catalogue results/data/demo/train --generation 1 --seed 0 --settings "$SETTINGS" '
    "--proposals results/data/demo/train/proposals/mcg/0-of-1.zarr --overlaps "
    "results/data/demo/train/overlaps/mcg/0-of-1.zarr --out 001.zarr"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser, "training split")
    parser.add_argument(
        "--generation", type=whole_number, required=True, metavar="N", help="number of the epoch that it is for"
    )
    parser.add_argument("--seed", type=from_zero, required=True, help="seed of the run")
    parser.add_argument("--settings", default="", help="JSON of the update's settings; not needed if no box chooses")
    parser.add_argument("--proposals", type=Path, nargs="*", default=[], help="shards of the candidate pools")
    parser.add_argument("--overlaps", type=Path, nargs="*", default=[], help="shards of the IoU tables")
    parser.add_argument("--objects", type=Path, nargs="*", default=[], help="stores of object maps; without, E_b is 0")
    add_model_arguments(parser, required=False)  # of the epoch before; without it, overlap alone
    add_scales_argument(parser)
    parser.add_argument(
        "--fixed", type=Path, nargs="*", default=[], help="stores of masks to use in place of an update"
    )
    parser.add_argument("--truth", type=Path, nargs="*", default=[], help="stores of true masks")
    parser.add_argument("--masked", type=Path, help="folder of the tables of the images that may use their true mask")
    add_reviewed_argument(parser)
    add_workers_argument(parser, "number of processes in which boxes choose")
    add_output_arguments(parser, "the .zarr folder to write")


def run(
    *,
    catalogue: Path,
    generation: int,
    seed: int,
    settings: str,
    proposals: Sequence[Path],
    overlaps: Sequence[Path],
    objects: Sequence[Path],
    model: Path | None,
    threads: int,
    scales: Sequence[float],
    fixed: Sequence[Path],
    truth: Sequence[Path],
    masked: Path | None,
    reviewed: Path | None,
    workers: int,
    out: Path,
) -> None:
    """Write the generation: true masks where they may be used, else fixed masks, else the update's choices."""
    if reviewed and fixed:
        raise ConfigError("--reviewed: needs boxes that choose, and no --fixed masks")
    split = SplitTables(catalogue)
    pins = read_pins(reviewed, split)
    keeping = _keeping(split, masked)
    true_labels = open_stores(truth)
    check_ids(itertools.compress(split.ids, keeping), true_labels, f"true masks of {masked}")
    network = Network(model, threads, scales) if model else None
    choosing = None
    if fixed:
        others: LabelsOf | None = of_fixed_masks(fixed, split, ~keeping)
    elif keeping.all():
        others = None
    elif proposals and overlaps:
        choosing = parse(UpdateSettings, settings, "update")
        sources = Sources(proposals, overlaps, objects, choosing, seed, generation, images_at_once(split.sizes))
        others = of_the_update(sources, split, ~keeping, pins, network, workers)
    else:
        raise ConfigError("labels: images without true masks need --proposals and --overlaps, or --fixed masks")
    attributes = {
        "generation": generation,
        "seed": seed,
        "settings": choosing.model_dump() if choosing else None,
        "scales": list(network.scales) if network else None,
        "catalogue": str(catalogue),
        "boxes": boxes_digest(split),
        "classes": list(split.classes),
        # The folders and not their shards: the same bytes, however many jobs made the proposals.
        "proposals": list(dict.fromkeys(str(path.parent) for path in proposals)),
        "objects": list(map(str, objects)),
        "versions": provenance("labels", "numpy", "zarr", "torch", network=network is not None),
    } | ({"reviewed": len(pins.masks), "decisions": shorter(reviewed)} if reviewed else {})
    true_masks = of_true_masks(true_labels, recorded_count(choosing) if choosing else 1)
    summary = Counter[str]()
    with labels_writer(out, split.ids, split.sizes, attributes) as writer:
        images = tqdm(_images(split), "labels", len(split), unit="image", disable=None)
        for kept, (row, boxes) in zip(keeping, images, strict=True):
            labels, tables = true_masks(row, boxes) if kept or not others else others(row, boxes)
            _check_labels(row.image, labels, len(split.classes))
            writer.append(row.image, labels=labels)
            for name, values in tables.arrays().items():
                writer.rows(name, split.box_count, values)
            writer.ragged(SHARPENED, tables.runs())
            summary["chose"] += int((tables.chosen != Chosen.NOTHING).sum())
            summary["rectangles"] += int((tables.chosen == Chosen.RECTANGLE).sum())
            summary["maps"] += int((tables.chosen == Chosen.MAP).sum())
        writer.table("true_mask", keeping.astype(np.uint8))
    print(
        f"generation {generation}: {counted(len(split), 'image')}, {int(keeping.sum())} with their true mask, "
        f"{counted(summary['chose'], 'box', 'boxes')} chose, {summary['maps']} of them what their object map sees, "
        f"{summary['rectangles']} their rectangle{_of_decisions(pins) if reviewed else ''}",
        file=sys.stderr,
    )


def _of_decisions(pins: Pins) -> str:
    """How many decisions of a person are used, and how many are not, in words that follow others."""
    used = f"; {counted(len(pins.crowd), 'box', 'boxes')} as a person decided"
    return used + (f", {counted(pins.unused, 'decision')} not used" if pins.unused else "")


def _keeping(split: SplitTables, masked: Path | None) -> NDArray[np.bool_]:
    """Which of the N images of a split may use their true mask: those of the split in the folder `masked`.

    Raises:
        DataError: None of them is in the split.
    """
    if not masked:
        return np.zeros(len(split), bool)
    known = ImageIndex(SplitTables(masked).ids)
    keeping = np.fromiter((image in known for image in split.ids), bool, len(split))
    check_masked(masked, int(keeping.sum()), len(known))
    return keeping


def _images(split: SplitTables) -> Iterator[tuple[ImageRow, pd.DataFrame]]:
    """Each image's row and its boxes."""
    return ((row, part.boxes_of(row.image)) for part in split.parts() for row in part.rows())


def _check_labels(image: str, labels: NDArray[np.uint8], classes: int) -> None:
    """Raise a DataError where masks from elsewhere show more classes than the split has."""
    if exceeds_classes(labels, classes):
        raise DataError(f"{image}: its mask has labels of more classes than the split's {classes}; make it again")
