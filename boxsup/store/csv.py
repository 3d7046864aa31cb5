"""Tables as CSV files, whose texts no spreadsheet takes for formulas."""

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

# What a spreadsheet runs: text that starts so, and names of files and classes may; a number is a number.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
NUMBER = re.compile(r"'*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

T = TypeVar("T")


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame, float_format: str | None = None) -> None:
    """Write a table whole or not at all, a missing value as an empty field, its texts as `_cell` makes them."""
    written = _with_texts(table, _cell)
    texts = written.select_dtypes(exclude=["number", "bool"])
    # A carriage return is the one end of a line that `csv` does not quote by itself, and a line is a row.
    returns = any("\r" in str(cell) for cell in texts.to_numpy().ravel())
    quoting: Literal[0, 1] = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
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
    """A table that was read from a file of `write_csv`, with the very texts that were written."""
    return _with_texts(table, _text)


def _cell(value: T) -> T | str:
    r"""A value as a file has it: a formula stands after an apostrophe, as spreadsheets write text themselves.

    Bytes of a file's name that are no UTF-8 are written as \xe9.
    """
    if not isinstance(value, str):
        return value
    with contextlib.suppress(UnicodeEncodeError):  # half signs that no name of a file holds; the file escapes them
        text = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
        return f"'{text}" if _is_formula(text) else value if text == value else text
    return value


def _text(cell: T) -> T | str:
    """The value that `_cell` made into this cell."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _is_formula(cell) else cell


def _with_texts(table: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """The table with each text changed; columns in which none changes stay the very ones, with their type."""
    changed = table.copy(deep=False)
    for place, name in enumerate(table):
        column = table.iloc[:, place]
        if not is_numeric_dtype(column.dtype):
            before = list(column)
            after = list(map(change, before))
            if any(new is not old for new, old in zip(after, before, strict=True)):
                changed[name] = pd.Series(after, column.index, column.dtype)
    return changed


def _is_formula(text: str) -> bool:
    """Whether it is one, or one after apostrophes, of which there is then one more: nothing gets lost."""
    return FORMULA.match(text) is not None and NUMBER.fullmatch(text) is None
