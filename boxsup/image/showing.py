"""Pictures as files in memory, and as HTML for notebooks."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.image.palette import css_colour

SHOWN_SIDE = 800  # px, the longer side of a picture in a notebook
SHOWN_ROWS = 30  # of a table in a notebook
CELL = "text-align: left; padding: 0.1em 0.8em"

Row = tuple[int | None, Sequence[object]]  # the number of a colour in the palette, if there is one, and the cells


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A picture (H×W×3 uint8 RGB, or H×W grey) as a PNG.

    >>> png_bytes(np.zeros((1, 1, 3), np.uint8))[1:4]
    b'PNG'
    """
    return _encoded(Image.fromarray(pixels), "PNG")


def jpeg_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A picture (H×W×3 uint8 RGB) as a JPEG, with full colours at edges."""
    return _encoded(Image.fromarray(pixels), "JPEG", quality=92, subsampling=0)


def encode_base64(image: Image.Image, file_format: str, **options: object) -> str:
    """A picture as a file ("JPEG", "PNG", "WEBP") in base64, for a data URI: the same bytes for the same pixels.

    Args:
        image: The picture.
        file_format: A format that Pillow writes.
        **options: Options of Pillow's writer, for instance `quality`.
    """
    return base64.b64encode(_encoded(image, file_format, **options)).decode("ascii")


def html_picture(pixels: NDArray[np.uint8], text: str, side: int = SHOWN_SIDE) -> str:
    """A picture for a notebook, an `<img>` that loads no file; larger pictures are scaled down.

    Args:
        pixels: H×W×3 uint8 RGB.
        text: What it shows, for those who cannot see it.
        side: The longer side at most, in pixels.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    data = encode_base64(image, "PNG")
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(text)}" style="max-width: 100%">'


def html_table(titles: Sequence[str], rows: Sequence[Row]) -> str:
    """A table for a notebook; of many rows the first are shown, and a last one says how many more there are.

    >>> html_table(["label"], [(None, ["<cat>"])])[-31:]
    '">&lt;cat&gt;</td></tr></table>'

    Args:
        titles: Titles of the columns.
        rows: The rows; one with a colour begins with a square in it.
    """
    lines = [_cells("th", titles), *(_row(row) for row in rows[:SHOWN_ROWS])]
    if len(rows) > SHOWN_ROWS:
        lines.append(f'<td colspan="{len(titles)}" style="{CELL}">and {len(rows) - SHOWN_ROWS:,} more</td>')
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _row(row: Row) -> str:
    colour, values = row
    first, *rest = (html.escape(str(value)) for value in values)
    if colour is not None:
        square = f"display: inline-block; width: 0.8em; height: 0.8em; background: {css_colour(colour)}"
        first = f'<span style="{square}"></span> {first}'
    return "".join(f'<td style="{CELL}">{value}</td>' for value in (first, *rest))


def _cells(tag: str, values: Iterable[object]) -> str:
    return "".join(f'<{tag} style="{CELL}">{html.escape(str(value))}</{tag}>' for value in values)


def _encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
