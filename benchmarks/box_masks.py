"""Masks for boxes: `boxsup.Masker` as it ships beside GrabCut (OpenCV), which a user would take instead.

    BOXSUP_DATA=DATA python benchmarks/box_masks.py [--out docs/results]

takes the official boxes of the 120 photographs of voc-mini's val, and writes the mean IoU, boundary IoU and boundary F
of each kind's masks with the true ones, and its processor time a box: on one core, reading the photograph, candidates
and networks included, writing not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pandas as pd
from common.true_masks import DATA, boundary_scores, mask_iou, true_object, val_photographs
from numpy.typing import NDArray

from boxsup import Masker
from boxsup.image.files import read_image
from boxsup.labels.grabcut import grabcut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/results"), help="folder for the table")
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"box_masks: skipped, since {DATA} is not there; set BOXSUP_DATA")
        return
    cv2.setNumThreads(1)
    rows = pd.DataFrame(measured(Masker()))
    table = rows.groupby("masks", sort=False).agg(
        boxes=("iou", "size"),
        mean_iou=("iou", "mean"),
        median_iou=("iou", "median"),
        boundary_iou=("boundary_iou", "mean"),
        boundary_f=("boundary_f", "mean"),
        seconds=("seconds", "mean"),
    )
    print(table.round(3).to_string())
    print(f"boxsup's masks: {table.mean_iou['boxsup'] - table.mean_iou['grabcut']:+.3f} of mean IoU against GrabCut's, "
          f"in {table.seconds['boxsup'] / table.seconds['grabcut']:.2f} of its time")  # fmt: skip
    table.round(3).to_csv(args.out / "box_masks.csv")


def measured(masker: Masker) -> Iterator[dict[str, object]]:
    """A row a box whose object is known, and kind of masks: how good they are, and seconds."""
    for number, (path, corners, objects) in enumerate(val_photographs()):
        if not len(corners):
            continue
        pixels = read_image(path)
        if number == 0:
            masker(path, corners[:1])  # loads the networks
        start = process_time()
        chosen = masker(path, corners)
        ours = (process_time() - start) / len(corners)
        for box, mask in zip(corners, chosen, strict=True):
            thing, start = true_object(box, objects), process_time()
            cut = grabcut(pixels, box)
            theirs = process_time() - start
            filled = rectangle(box, pixels.shape[:2])
            kinds = {"boxsup": (mask.mask, ours), "grabcut": (filled if cut is None else cut, theirs)}
            for kind, (found, seconds) in (kinds | {"rectangle": (filled, 0.0)}).items():
                if thing is not None:
                    boundary, f = boundary_scores(found, thing, objects)
                    scores = {"iou": mask_iou(found, thing, objects), "boundary_iou": boundary, "boundary_f": f}
                    yield {"masks": kind, **scores, "seconds": seconds}


def rectangle(box: NDArray[np.integer], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The box itself as a mask."""
    filled = np.zeros(size, np.bool_)
    x0, y0, x1, y1 = box
    filled[y0:y1, x0:x1] = True
    return filled


if __name__ == "__main__":
    main()
