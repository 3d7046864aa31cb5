"""`boxsup comp6`: pack predictions into the archive that the VOC evaluation server takes.

Competition 6 of VOC 2012 is segmentation with training data of any kind. The server takes a tar with the files that the
development kit writes, `results/VOC2012/Segmentation/comp6_SPLIT_cls/ID.png`: palette PNGs of the images' size, 0 for
background and 1…20 for the classes.
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from pathlib import Path

from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_predictions_argument
from boxsup.errors import ConfigError
from boxsup.image.files import encode_mask
from boxsup.machine.bars import tqdm
from boxsup.near import counted
from boxsup.store.atomic import atomic_write
from boxsup.store.labels import PLAIN, REFINED, Labels

EXAMPLE = "boxsup comp6 --predictions results/voc_box/seed-0/predictions/test/045.zarr --split test --out 045.tar"

FOLDER = "results/VOC2012/Segmentation/comp6_{split}_cls"
CLASSES = 21  # background included


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_predictions_argument(parser)
    parser.add_argument("--split", default="test", help="name of the split on the server: test or val [test]")
    parser.add_argument(
        "--stack", choices=(REFINED, PLAIN), default=REFINED, help="labels with or without the CRF [with]"
    )
    add_output_arguments(parser, "the .tar file to write")


def run(*, predictions: Path, split: str, stack: str, out: Path) -> None:
    """Write the archive. Its maps have the size that images were worked on at: for VOC's images their own."""
    maps = Labels(predictions, stack)
    classes = len(maps.attributes["classes"])
    if classes != CLASSES:
        raise ConfigError(f"{predictions}: the server takes VOC's {CLASSES} classes, these are {classes}")
    folder = FOLDER.format(split=split)
    with atomic_write(out) as partial, tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as archive:
        for image in tqdm(maps, "comp6", unit="image", disable=None):
            picture = encode_mask(maps[image])
            # No owner and no time, so that equal predictions give equal bytes.
            member = tarfile.TarInfo(f"{folder}/{image}.png")
            member.size = len(picture)
            archive.addfile(member, io.BytesIO(picture))
    print(f"comp6: {counted(len(maps), 'image')} in {folder} of {out}", file=sys.stderr)
