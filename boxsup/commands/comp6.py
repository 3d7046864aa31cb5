"""`boxsup comp6`: predictions as the archive that the VOC evaluation server takes.

Competition 6 of VOC 2012 is segmentation with training data of any kind. The server takes a tar whose files lie as the
development kit writes them, `results/VOC2012/Segmentation/comp6_SPLIT_cls/ID.png`: palette PNGs of the images' size,
0 background, 1…20 classes.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from pathlib import Path

from tqdm import tqdm

from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError
from boxsup.image.files import encode_mask
from boxsup.store.atomic import atomic_write
from boxsup.store.labels import Labels

EXAMPLE = "boxsup comp6 --predictions results/voc_box/seed-0/predictions/test/045.zarr --split test --out 045.tar"

FOLDER = "results/VOC2012/Segmentation/comp6_{split}_cls"
CLASSES = 21  # with the background


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--predictions", type=Path, required=True, help=".zarr with the stacks labels and labels_crf")
    parser.add_argument("--split", default="test", help="as the server calls it: test or val")
    parser.add_argument("--stack", choices=("labels_crf", "labels"), default="labels_crf", help="with or without CRF")
    add_output_arguments(parser, "the .tar file to write")


def run(args: argparse.Namespace) -> None:
    """Write the archive; equal predictions give equal bytes."""
    maps = Labels(args.predictions, args.stack)
    classes = len(maps.attributes["classes"])
    if classes != CLASSES:
        raise ConfigError(f"{args.predictions}: the server takes VOC's {CLASSES} classes, these are {classes}")
    folder = FOLDER.format(split=args.split)
    with atomic_write(args.out) as partial, tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as archive:
        for image in tqdm(maps, "comp6", unit="image", disable=None):
            picture = encode_mask(maps[image])
            member = tarfile.TarInfo(f"{folder}/{image}.png")  # no owner and no time: nothing of this machine
            member.size = len(picture)
            archive.addfile(member, io.BytesIO(picture))
    print(f"comp6: {len(maps)} images in {folder} of {args.out}", file=sys.stderr)
