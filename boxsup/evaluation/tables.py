"""Tables of scores on disk: one row per class, and a last row `mean`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.evaluation.boundaries import measured_boundaries
from boxsup.evaluation.measured import Basis, measured_iou, measured_mean
from boxsup.store.csv import unescape_texts, write_csv

MEAN = "mean"
BOUNDARY_COLUMNS = ("boundary_iou", "boundary_f")  # and the same with `_crf`


def score_table(
    basis: Basis, boundaries: Mapping[str, NDArray[np.int64]] | None = None, **confusions: NDArray[np.int64]
) -> pd.DataFrame:
    """Make a table of the IoU of each class and their mean, in [0, 1], and of what they are computed from.

    Args:
        basis: Basis of the matrices.
        boundaries: What follows the names of BOUNDARY_COLUMNS -> C×7 counts of `boxsup.evaluation.boundaries`.
        **confusions: Column name -> C×(C+1) confusion matrix.

    Returns:
        Columns `class`, those of `confusions`, BOUNDARY_COLUMNS for each of `boundaries`, `truth_pixels`, `images`,
        `objects`, `classes` and `note`; C + 1 rows, `mean` the last. The scores of a class that is not measured are
        NaN, as is the mean if nothing is measured; `note` says why. The background has no scores of boundaries, and
        their means leave it out. `images`, `objects` and `classes` are equal in all rows; see `Basis.counts`.
    """
    columns = {name: [*measured_iou(matrix), measured_mean(matrix)] for name, matrix in confusions.items()}
    fits = {end: measured_boundaries(counts, basis.pixels) for end, counts in (boundaries or {}).items()}
    columns |= {f"{name}{end}": fit[name].tolist() for name in BOUNDARY_COLUMNS for end, fit in fits.items()}
    table = pd.DataFrame({"class": [*basis.classes, MEAN], **columns})
    table["truth_pixels"] = [*basis.pixels, basis.pixels.sum()]
    return table.assign(**basis.counts, note=basis.notes())


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV file, whole or not at all, with six decimals; NaN becomes an empty field."""
    write_csv(path, table, "%.6f")


def read_table(path: Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that this project wrote.

    Args:
        path: The CSV file.
        text: Columns that are text even if they look like numbers, such as ids of images.

    Raises:
        StoreError: There is no such file, or it is empty.
    """
    try:
        # A class may be called "nan" or "NA": only an empty field is missing.
        table = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError as error:
        raise StoreError(f"{path}: no such table; make it with Snakemake") from error
    except pd.errors.EmptyDataError as error:
        raise StoreError(f"{path}: an empty table; remove it and make it again with Snakemake") from error
    return unescape_texts(table)
