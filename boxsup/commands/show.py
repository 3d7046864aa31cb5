"""`boxsup show`: draw an image with its boxes, the segments that they chose, and the labels of a generation."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError, DataError
from boxsup.near import did_you_mean, nearest
from boxsup.report.experiment.generation_picture import Generation, picture
from boxsup.store.atomic import atomic_write

EXAMPLE = "boxsup show results/demo_semi/seed-0/labels/003.zarr train_0001 --out show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("generation", type=Path, help="results/EXPERIMENT/seed-S/labels/NNN.zarr")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="ids of images of the training split")
    add_output_arguments(
        parser, "folder to write, or .png file for one image [show]", default=Path("show"), outputs=_outputs
    )


def _outputs(args: argparse.Namespace) -> list[Path]:
    return [_picture_path(args.out, image) for image in args.images]


def _picture_path(out: Path, image: str) -> Path:
    """The file of an image's picture."""
    return out if out.suffix.lower() == ".png" else out / f"{image}.png"


def run(*, generation: Path, images: Sequence[str], out: Path) -> None:
    """Write one PNG per image and print its path."""
    opened = Generation.open(generation)
    if len(images) > 1 and out.suffix.lower() == ".png":
        raise ConfigError(f"--out {out}: one file for {len(images)} images; name a folder")
    for image in images:
        _check(image, opened.catalogue.ids)
    for image in images:
        path = _picture_path(out, image)
        with atomic_write(path) as partial:
            picture(opened, image).save(partial, "PNG")
        print(path)


def _check(image: str, known: list[str]) -> None:
    """Raise a DataError, with near names, unless the image is one of those known."""
    if image not in known:
        others = f"; ids look like {known[0]}" if known else "; it is empty"
        raise DataError(f"{image}: no such image in this generation{did_you_mean(nearest(image, known)) or others}")
