"""Tables of scores on disk: one row a class, the last row `mean`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.errors import StoreError
from boxsup.evaluation.confusion import iou_per_class, mean_iou
from boxsup.store.atomic import creating

MEAN = "mean"


def score_table(classes: tuple[str, ...], **confusions: NDArray[np.int64]) -> pd.DataFrame:
    """IoU per class and their mean, in [0, 1].

    Args:
        classes: Names by label, background first.
        **confusions: Column name -> C×(C+1) confusion matrix.

    Returns:
        Columns `class` and those of `confusions`; C + 1 rows, the last of them `mean`. A class that is in neither
        truth nor predictions has NaN.
    """
    columns = {name: [*iou_per_class(matrix), mean_iou(matrix)] for name, matrix in confusions.items()}
    return pd.DataFrame({"class": [*classes, MEAN], **columns})


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV file, whole or not at all: six decimals, NaN as an empty field."""
    with creating(path) as partial:
        table.to_csv(partial, index=False, errors="backslashreplace", float_format="%.6f")


def read_table(path: Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table of this project; the columns `text` are text also where they look like numbers (ids of images).

    Raises:
        StoreError: There is no such file, or it is empty.
    """
    try:
        # A class may be called "nan" or "NA": only an empty field is missing.
        return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
    except FileNotFoundError as error:
        raise StoreError(f"{path}: no such table; make it with Snakemake") from error
    except pd.errors.EmptyDataError as error:
        raise StoreError(f"{path}: an empty table; remove it and make it again with Snakemake") from error
