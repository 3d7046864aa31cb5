"""`boxsup labels`: one generation of pseudo-masks."""

from __future__ import annotations

import argparse
import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, check_ids, read_catalogue
from boxsup.commands.model_arguments import add_model_arguments, add_scales_argument
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.build import parse
from boxsup.config.update import UpdateSettings
from boxsup.errors import ConfigError, DataError
from boxsup.labels.choice import Chosen, recorded
from boxsup.labels.generation import ChoiceTables, Update
from boxsup.labels.overlaps import Overlaps
from boxsup.machine.instructions import warn_of_other_instructions
from boxsup.proposals.pool import Pools
from boxsup.store.labels import Labels, exceeds_classes, labels_writer
from boxsup.store.provenance import provenance

EXAMPLE = (
    'boxsup labels --catalogue results/data/demo/train --generation 1 --seed 0 --settings "$SETTINGS" '
    "--proposals results/data/demo/train/proposals/mcg/0-of-1.zarr --overlaps "
    "results/data/demo/train/overlaps/mcg/0-of-1.zarr --out 001.zarr"
)

READ_AHEAD = 8  # images whose candidates are in memory at once, some 0.6 MB each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--generation", type=int, required=True, help="its number: the epoch it is made for")
    parser.add_argument("--seed", type=int, required=True, help="of the experiment")
    parser.add_argument("--settings", default="", help="JSON of the update's settings; not read where nothing chooses")
    parser.add_argument("--proposals", type=Path, nargs="*", default=[], help="shards of the candidate pools")
    parser.add_argument("--overlaps", type=Path, nargs="*", default=[], help="shards of the IoU tables")
    add_model_arguments(parser, required=False)  # of the epoch before; without it, overlap alone
    add_scales_argument(parser)
    parser.add_argument(
        "--fixed", type=Path, nargs="*", default=[], help="masks for images without true ones, in place of an update"
    )
    parser.add_argument("--truth", type=Path, nargs="*", default=[], help="stores of true masks")
    parser.add_argument("--masked", type=Path, help="catalogue folder of the images that may use their true mask")
    add_output_arguments(parser, "the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the generation: true masks where they may be used, else fixed masks, else the update's choices."""
    catalogue = read_catalogue(args.catalogue)
    truth, fixed = _open_all(args.truth), _open_all(args.fixed)
    masked = set(read_catalogue(args.masked).ids) & set(catalogue.ids) if args.masked else set()
    check_ids(sorted(masked), list(truth), f"true masks of {args.masked}")
    unmasked = [image for image in catalogue.ids if image not in masked]
    update = _update(args, catalogue, unmasked) if unmasked and not args.fixed else None
    fixed_choices = _fixed_choices(args.fixed, catalogue, unmasked)

    settings = update.settings if update else None
    tables = ChoiceTables(len(catalogue.boxes), recorded(settings) if settings else 1)
    with labels_writer(args.out, catalogue.ids, catalogue.sizes, _attributes(args, settings, catalogue)) as writer:
        for row in tqdm(catalogue.rows(), "labels", len(catalogue.images), unit="image", disable=None):
            own = catalogue.boxes_of(row.image)
            if row.image in masked:
                labels = truth[row.image]
            elif update is None:
                labels = fixed[row.image]
                tables.chosen[own.index] = fixed_choices[own.index]
            else:
                result = update.labels(row.image, row.height, row.width, own)
                labels = result.labels
                for box, choice in zip(own.index, result.choices, strict=True):
                    tables.record(box, choice)
            _check_labels(row.image, labels, len(catalogue.classes))
            writer.append(row.image, labels=labels)
        writer.table("true_mask", np.isin(catalogue.ids, list(masked)).astype(np.uint8))
        for name, values in tables.arrays().items():
            writer.table(name, values)
    _summary(args.generation, tables, len(masked), len(catalogue.images))


def _open_all(paths: Sequence[Path]) -> Mapping[str, NDArray[np.uint8]]:
    """The label maps of several stores as one mapping."""
    return ChainMap(*map(Labels, paths))  # type: ignore[arg-type] # only read


def _check_labels(image: str, labels: NDArray[np.uint8], classes: int) -> None:
    """Raise a DataError where masks from elsewhere show more classes than the split has."""
    if exceeds_classes(labels, classes):
        raise DataError(f"{image}: its mask has labels of more classes than the split's {classes}; make it again")


def _update(args: argparse.Namespace, catalogue: Catalogue, images: Sequence[str]) -> Update:
    settings = parse(UpdateSettings, args.settings, "update")
    if not args.proposals or not args.overlaps:
        raise ConfigError("labels: images without true masks need --proposals and --overlaps, or --fixed masks")
    pools, overlaps = Pools(args.proposals, READ_AHEAD), Overlaps(args.overlaps, READ_AHEAD)
    check_ids(images, list(pools), "proposals")
    check_ids(images, list(overlaps), "overlaps")
    for path, made in zip(args.proposals, pools.attributes, strict=True):
        warn_of_other_instructions(made.get("versions", {}).get("instructions"), str(path))
    scores = _ScoresAhead(args, catalogue, images) if args.model else None
    return Update(pools, overlaps, scores, settings, args.seed, args.generation)


def _fixed_choices(paths: Sequence[Path], catalogue: Catalogue, images: Sequence[str]) -> NDArray[np.int32]:
    """What the fixed masks made of each box of the catalogue; Chosen.NOTHING if no store has its image."""
    chosen = np.full(len(catalogue.boxes), Chosen.NOTHING, np.int32)
    stores = [Labels(path) for path in paths]
    for store in stores:
        own, rows = set(store), np.flatnonzero(catalogue.boxes["image"].isin(list(store)))
        choices = store.table("chosen")
        if list(store) != [image for image in catalogue.ids if image in own] or len(choices) != len(rows):
            raise DataError(f"{store.path}: its images or boxes are not those of the split; make it again")
        chosen[rows] = choices
    if stores:
        check_ids(images, [image for store in stores for image in store], "fixed masks")
    return chosen


class _ScoresAhead:
    """A network's scores, for which it works in a thread of its own while boxes of earlier images choose."""

    def __init__(self, args: argparse.Namespace, catalogue: Catalogue, images: Sequence[str]) -> None:
        from boxsup.inference.scores import Predictor  # torch costs seconds that overlap alone need not pay
        from boxsup.network.checkpoint import instructions_of

        predictor = Predictor(args.model, args.threads, catalogue.classes, args.scales)
        warn_of_other_instructions(instructions_of(args.model), str(args.model))
        own = catalogue.boxes[catalogue.boxes["image"].isin(images)].groupby("image")["label"]
        labels = {str(image): np.union1d(0, rows).astype(np.int64) for image, rows in own}
        paths = zip(catalogue.images["image"], catalogue.images["path"], strict=True)
        wanted = [(image, path, labels[image]) for image, path in paths if image in labels]
        scored = predictor.score_classes((path, present) for _, path, present in wanted)
        self._scored = zip(wanted, scored, strict=True)

    def __call__(self, image: str, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores of an image, asked for in the order of the catalogue."""
        for (name, _, present), scores in self._scored:
            if name == image:  # those passed over have boxes, none of which chooses
                return scores[np.searchsorted(present, labels)]
        raise AssertionError(image)


def _attributes(args: argparse.Namespace, settings: UpdateSettings | None, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "generation": args.generation,
        "seed": args.seed,
        "settings": settings.model_dump() if settings else None,
        "scales": args.scales if args.model else None,
        "catalogue": str(args.catalogue),
        "classes": list(catalogue.classes),
        # The folders and not their shards: the same bytes, however many jobs made the proposals.
        "proposals": list(dict.fromkeys(str(path.parent) for path in args.proposals)),
        "versions": provenance("labels", "numpy", "zarr", "torch", network=bool(args.model)),
    }


def _summary(generation: int, tables: ChoiceTables, masked: int, images: int) -> None:
    supervising = tables.chosen != Chosen.NOTHING
    rectangles = int((tables.chosen == Chosen.RECTANGLE).sum())
    print(
        f"generation {generation}: {images} images, {masked} with their true mask, "
        f"{int(supervising.sum())} boxes chose, {rectangles} of them their rectangle",
        file=sys.stderr,
    )
