"""`boxsup fixed-masks`: label maps of a split that never change."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from boxsup.catalogue.tables import read_catalogue, read_mask
from boxsup.labels.generation import rectangles
from boxsup.store.labels import creating_labels
from boxsup.versions import provenance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--kind", choices=("truth", "rectangles"), required=True, help="which masks")
    parser.add_argument("--out", type=Path, required=True, help="the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the masks: `truth` of the images that have true masks, `rectangles` of all."""
    catalogue = read_catalogue(args.catalogue)
    rows = [row for row in catalogue.rows() if row.mask or args.kind != "truth"]
    boxes = catalogue.boxes_by_image()
    sizes = np.array([(row.height, row.width) for row in rows], np.int64).reshape(-1, 2)
    attributes = {"masks": args.kind, "versions": provenance("fixed-masks", "numpy", "zarr")}
    with creating_labels(args.out, [row.image for row in rows], sizes, attributes) as writer:
        for row in tqdm(rows, args.kind, unit="image", disable=None):
            if args.kind == "truth":
                labels = read_mask(row.mask)
            else:
                labels = rectangles(row.height, row.width, boxes.get(row.image, catalogue.boxes[:0]))
            writer.append(row.image, labels=labels)
