"""A small split with candidates of two methods, as the page of proposals reads them; paths are relative."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, read_catalogue, write_catalogue
from boxsup.cli import main
from boxsup.image.files import write_mask
from boxsup.proposals.pool import make_pool
from boxsup.proposals.pool_store import pools_writer

CLASSES = ("background", "cat", "dog <b>")
SIDE = (48, 64)
FOLDER = Path("results/data/demo/val/proposals")
SPLIT = FOLDER.parent


def write_split(count: int) -> None:
    """Noise with two rectangles each."""
    random = np.random.default_rng(0)
    rows = []
    SPLIT.mkdir(parents=True)
    for i in range(count):
        objects = np.zeros(SIDE, np.uint8)
        objects[6 : 20 + i, 8:24], objects[30:42, 40 - i : 60] = 1, 2
        Image.fromarray(random.integers(0, 255, (*SIDE, 3), np.uint8)).save(SPLIT / f"{i:03d}.png")
        write_mask(SPLIT / f"{i:03d}-objects.png", objects)
        files = (SPLIT / f"{i:03d}-objects.png",) * 2  # object 1 is a cat, 2 a dog
        rows.append((f"{i:03d}", str(SPLIT / f"{i:03d}.png"), *SIDE, *map(str, files)))
    images, boxes = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), pd.DataFrame(columns=list(BOX_COLUMNS))
    write_catalogue(SPLIT, Catalogue(images, boxes, CLASSES))


def write_method(name: str, cell: int) -> None:
    """Candidates are the cells of a grid, and their rows."""
    catalogue = read_catalogue(SPLIT)
    ys, xs = np.mgrid[: SIDE[0], : SIDE[1]] // cell
    columns = xs.max() + 1
    superpixels = ys * columns + xs
    singles = np.eye(superpixels.max() + 1, dtype=bool)
    matrix = np.concatenate([singles, singles.reshape(-1, columns, singles.shape[1]).any(axis=1)])
    for shard in range(2):
        part = catalogue.shard(shard, 2)
        with pools_writer(FOLDER / name / f"{shard}-of-2.zarr", part.ids, part.sizes, {}) as writer:
            for image in part.ids:
                writer.append(image, make_pool(superpixels, matrix, -np.arange(float(len(matrix)))))
    stores = [str(FOLDER / name / f"{shard}-of-2.zarr") for shard in range(2)]
    out = str(FOLDER / name / "evaluation")
    main(["proposals", "evaluate", "--catalogue", str(SPLIT), "--proposals", *stores, "--out", out])
