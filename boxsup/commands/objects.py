"""`boxsup objects`: an object network that learns from the boxes of a split, and maps of boxes that it has not seen."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boxsup.catalogue.tables import Catalogue, check_ids, corners_of, read_catalogue
from boxsup.commands.argument_types import from_zero
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument, add_reviewed_argument, check_masked, part_of_all
from boxsup.config.build import parse
from boxsup.config.objects import ObjectNetSettings
from boxsup.config.params import object_settings
from boxsup.config.update import ExpectationSettings
from boxsup.errors import ConfigError
from boxsup.labels.fixed_stores import open_stores
from boxsup.labels.lessons import Teacher, collect_lessons
from boxsup.labels.object_targets import fold_of
from boxsup.labels.overlaps import Overlaps
from boxsup.labels.pins import read_pins
from boxsup.machine.bars import LossBar, tqdm
from boxsup.machine.imports import large_imports
from boxsup.near import counted
from boxsup.objects.maps import ObjectMaps, object_maps_writer, to_bytes
from boxsup.proposals.pool_store import Pools
from boxsup.random import generator
from boxsup.store.provenance import provenance

if TYPE_CHECKING:
    from boxsup.objects.network import ObjectNet

EXAMPLE = (
    'boxsup objects --catalogue results/data/demo/train --part 0/2 --seed 0 --settings "$OBJECTS" --update "$UPDATE" '
    "--proposals results/data/demo/train/proposals/mcg/0-of-1.zarr --overlaps "
    "results/data/demo/train/overlaps/mcg/0-of-1.zarr --out 0-of-2.pt --maps 0-of-2.zarr"
)

READ_AHEAD = 8  # images whose candidates are in memory at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser, "training split")
    text = "make maps of the I-th of N parts of the images, and learn from the others [learn from all, make no maps]"
    parser.add_argument("--part", default="", metavar="I/N", help=text)
    parser.add_argument("--seed", type=from_zero, required=True, help="seed of the run")
    parser.add_argument("--settings", required=True, help="JSON of the settings of `objects` in config.yaml")
    parser.add_argument("--update", required=True, help="JSON of the update's settings that say what boxes expect")
    parser.add_argument("--proposals", type=Path, nargs="*", default=[], help="shards of the candidate pools")
    parser.add_argument("--overlaps", type=Path, nargs="*", default=[], help="shards of the IoU tables")
    parser.add_argument("--before", type=Path, nargs="*", default=[], help="stores of the maps of the round before")
    parser.add_argument("--truth", type=Path, nargs="*", default=[], help="stores of true masks")
    parser.add_argument("--masked", type=Path, help="folder of the tables of the images that may use their true mask")
    add_reviewed_argument(parser)
    parser.add_argument("--maps", type=Path, metavar="ZARR", help="store to write: the maps of the part")
    add_output_arguments(parser, "the .pt file of the network to write", outputs=_outputs, written=["maps"])


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [path for path in (args.out, args.maps) if path]


def run(
    *,
    catalogue: Path,
    part: str,
    seed: int,
    settings: str,
    update: str,
    proposals: Sequence[Path],
    overlaps: Sequence[Path],
    before: Sequence[Path],
    truth: Sequence[Path],
    masked: Path | None,
    reviewed: Path | None,
    maps: Path | None,
    out: Path,
) -> None:
    """Train the network, write the maps of the part that it has not seen, and the network."""
    with large_imports():
        from boxsup.objects.network import round_weights, save_network, start_network
        from boxsup.objects.training import train_network

    recipe, choice = parse(ObjectNetSettings, settings, "objects"), parse(ExpectationSettings, update, "update")
    split = read_catalogue(catalogue)
    pins = read_pins(reviewed, split)
    split = pins.applied(split)
    if maps and not part:
        raise ConfigError("--maps: needs --part, since a network judges no box that it has learned from")
    judged = _images_of(part, split, seed) if part else set()
    keeping = set[str]()
    if masked:
        allowed = set(read_catalogue(masked).ids)
        keeping = allowed & set(split.ids)
        check_masked(masked, len(keeping), len(allowed))
    true_labels = open_stores(truth)
    check_ids(sorted(keeping), true_labels, f"true masks of {masked}")
    pools, tables = Pools(proposals, READ_AHEAD), Overlaps(overlaps, READ_AHEAD)
    known = ObjectMaps(before, READ_AHEAD) if before else None
    learned = [image for image in split.ids if image not in judged]
    boxed = [image for image in learned if image not in keeping]
    check_ids(boxed, pools, "proposals")
    check_ids(boxed, tables, "overlaps")
    if known is not None:
        check_ids(boxed, known, "object maps of the round before")
    teacher = Teacher(pools, tables, true_labels, keeping, known, choice)
    lessons = collect_lessons(split, learned, teacher, recipe, seed, pins.masks)
    network, start = start_network(recipe.weights, seed)
    with LossBar("objects") as bar:
        train_network(network, lessons.crops, lessons.targets, recipe, seed, bar.step)
    round_weights(network)  # so that maps are those of the network that is written
    made = {
        "boxes": len(lessons.crops),
        "seed": seed,
        "settings": object_settings(recipe.model_dump()),
        "start": start,
        "versions": provenance("objects", "numpy", "torch"),
    } | ({"reviewed": len(pins.masks)} if reviewed else {})
    if maps:
        _write_maps(maps, split.subset(judged), network, recipe, made)
    save_network(out, network, made)
    learned_from = f"{counted(len(lessons.crops), 'box', 'boxes')} of {counted(len(learned), 'image')}"
    print(f"objects: learned from {learned_from}", file=sys.stderr)


def _images_of(part: str, split: Catalogue, seed: int) -> set[str]:
    number, count = part_of_all(part, "--part")
    draws = {image: float(generator(seed, "part", image).random()) for image in split.ids}
    return {image for image, fold in fold_of(split.ids, count, draws).items() if fold == number}


def _write_maps(
    path: Path, split: Catalogue, network: ObjectNet, recipe: ObjectNetSettings, made: Mapping[str, Any]
) -> None:
    """Write the maps of all boxes of a split; networks that have no weight or have learned nothing are not asked."""
    from boxsup.machine.devices import device
    from boxsup.network.folding import folded
    from boxsup.objects.network import load_shipped
    from boxsup.objects.viewer import mean_maps

    is_asked = made["boxes"] and recipe.shipped < 1
    asked = [(copy.deepcopy(network), recipe.size, 1 - recipe.shipped)] if is_asked else []
    if recipe.shipped:
        shipped, about = load_shipped()
        asked.append((shipped, int(about["settings"]["size"]), recipe.shipped))
    networks, weights = [(folded(one).to(device()), size) for one, size, _ in asked], [weight for *_, weight in asked]
    with object_maps_writer(path, split.ids, recipe.size, made) as writer:
        for row in tqdm(split.rows(), "maps", len(split.images), unit="image", disable=None):
            corners = corners_of(split.boxes_of(row.image))
            values = np.full((len(corners), recipe.size, recipe.size), 0.5, np.float32)
            if networks and len(corners):
                values = mean_maps(networks, weights, row.photo(), corners, recipe.size)
            writer.append(to_bytes(values))
