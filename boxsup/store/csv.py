"""Tables as CSV files in which no spreadsheet finds a formula to run."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections.abc import Callable
from typing import Literal, TypeVar

import pandas as pd
from pandas.api.types import is_numeric_dtype

from boxsup.store.atomic import atomic_write

# A spreadsheet runs text that begins like this, and names of files and classes may. Numbers are left alone.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"'*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

T = TypeVar("T")


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame, float_format: str | None = None) -> None:
    """Write a table, whole or not at all.

    A text that is a formula gets an apostrophe in front, as in spreadsheets. A missing value is an empty field.

    Args:
        path: The file.
        table: The table; its index is not written.
        float_format: How floats are written, for instance "%.4f".
    """
    written = _with_texts(table, _escape)
    texts = written.select_dtypes(exclude=["number", "bool"])
    # `csv` quotes a line feed in a text by itself, but not a carriage return.
    has_returns = any("\r" in str(cell) for cell in texts.to_numpy().ravel())
    quoting: Literal[0, 1] = csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL
    with atomic_write(path) as partial:
        written.to_csv(
            partial,
            index=False,
            float_format=float_format,
            lineterminator="\n",
            quoting=quoting,
            errors="backslashreplace",  # names of files may be any bytes
        )


def unescape_texts(table: pd.DataFrame) -> pd.DataFrame:
    """A table that was read from a file of `write_csv`, with the texts as they were before they were escaped.

    >>> unescape_texts(pd.DataFrame({"name": ["'=1+1", "cat"]}))["name"].tolist()
    ['=1+1', 'cat']
    """
    return _with_texts(table, unescape)


def _escape(value: T) -> T | str:
    r"""The text of a cell; values that are not texts stay as they are.

    A formula gets an apostrophe in front. Bytes of a file's name that are not UTF-8 are written as \xe9.

    >>> _escape("=1+1"), _escape("-1"), _escape(2)
    ("'=1+1", '-1', 2)
    """
    if not isinstance(value, str):
        return value
    with contextlib.suppress(UnicodeEncodeError):  # lone surrogates, which no file's name has: `to_csv` escapes them
        text = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return f"'{text}" if _is_formula(text) else value if text == value else text
    return value


def unescape(cell: T) -> T | str:
    """The value that `_escape` made this cell from."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _is_formula(cell) else cell


def _with_texts(table: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """The table with each text changed; columns without a change are not copied, and keep their type."""
    changed = table.copy(deep=False)
    for index, name in enumerate(table):
        column = table.iloc[:, index]
        if not is_numeric_dtype(column.dtype):
            before = list(column)
            after = list(map(change, before))
            if any(new is not old for new, old in zip(after, before, strict=True)):
                changed[name] = pd.Series(after, column.index, column.dtype)
    return changed


def _is_formula(text: str) -> bool:
    """Whether a text is a formula, or a formula after apostrophes: those are escaped too, so that nothing gets lost."""
    return FORMULA.match(text) is not None and NUMBER.fullmatch(text) is None
