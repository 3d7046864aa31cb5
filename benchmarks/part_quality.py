"""The mean IoU of pseudo-masks over a part of the photographs that they were made for.

    python benchmarks/part_quality.py results/data/voc635/train results/voc2635_box_greedy/seed-0/labels/*.zarr

prints a row a generation: over the photographs of the first argument, a split whose true masks are at hand, although
the boxes of others chose beside them. So VOC's masks judge labels of a union, whose other masks are another data set's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from boxsup.catalogue.tables import read_catalogue
from boxsup.evaluation.confusion import confusion_matrix
from boxsup.evaluation.measured import measured_mean
from boxsup.image.files import read_mask
from boxsup.store.labels import Labels


def main() -> None:
    folder, *stores = map(Path, sys.argv[1:])
    split = read_catalogue(folder)
    rows = [row for row in split.rows() if row.mask]
    table = []
    for store in stores:
        labels, classes = Labels(store), len(split.classes)
        counts = (confusion_matrix(read_mask(row.mask), labels[row.image], classes) for row in rows)
        miou = measured_mean(np.sum(list(counts), axis=0))
        table.append({"labels": str(store), "images": len(rows), "mean_iou": round(100 * miou, 2)})
    print(pd.DataFrame(table).to_string(index=False))


if __name__ == "__main__":
    main()
