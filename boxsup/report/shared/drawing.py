"""Boxes, outlines and text on pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from boxsup.image.palette import PALETTE, text_colour

# matplotlib's own font: it is there on every machine, and covers the names of classes in most scripts.
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def font(size: int) -> ImageFont.FreeTypeFont:
    """The font of captions and names, `size` pixels high."""
    return ImageFont.truetype(str(FONT), size)


def draw_boxes(
    image: Image.Image, corners: NDArray[np.int64], labels: Sequence[int], names: Sequence[str], size: int
) -> None:
    """Draw boxes in their classes' colours, each with its name at the upper left, onto `image`.

    Args:
        image: RGB.
        corners: B×4 half-open pixel corners x0, y0, x1, y1 on `image`.
        labels: B classes.
        names: B texts.
        size: Height of the text in pixels; lines are an eighth of it.
    """
    draw, line = ImageDraw.Draw(image), max(2, size // 8)
    for (x0, y0, x1, y1), label in zip(corners.tolist(), labels, strict=True):
        # A light line around the coloured one keeps dark classes visible on dark pictures.
        draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=(255, 255, 255), width=line + 2)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=tuple(PALETTE[label].tolist()), width=line)
    for (x0, y0, _, _), label, name in zip(corners.tolist(), labels, names, strict=True):
        _draw_name(draw, image.size, (x0, y0), label, name, size)


def outlines(mask: NDArray[np.bool_], scale: int) -> list[NDArray[np.int64]]:
    """The borders of a segment as closed polygons, P×2 (x, y) in pixels of the picture enlarged `scale` times."""
    large = cv2.resize(mask.astype(np.uint8), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, np.int64)[:, 0] for contour in contours]


def draw_outline(image: Image.Image, polygon: NDArray[np.int64], label: int, width: int) -> None:
    """Draw a closed polygon in the class's colour between light borders, onto `image`."""
    draw = ImageDraw.Draw(image)
    points = [(int(x), int(y)) for x, y in (*polygon, polygon[0])]
    draw.line(points, fill=(255, 255, 255), width=width + 2, joint="curve")
    draw.line(points, fill=tuple(PALETTE[label].tolist()), width=width, joint="curve")


def with_caption(image: Image.Image, lines: Sequence[str], size: int) -> Image.Image:
    """`image` over a white strip with lines of text; a line too long for it is broken between words."""
    margin, face = size // 2, font(size)
    broken = [part for line in lines for part in _broken(line, face, image.width - 2 * margin)]
    step = round(size * 1.4)
    sheet = Image.new("RGB", (image.width, image.height + 2 * margin + step * len(broken)), (255, 255, 255))
    sheet.paste(image)
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(broken):
        draw.text((margin, image.height + margin + row * step), line, (20, 20, 20), face)
    return sheet


def _draw_name(
    draw: ImageDraw.ImageDraw, within: tuple[int, int], corner: tuple[int, int], label: int, name: str, size: int
) -> None:
    """Write a name on a plate of its class's colour at a box's corner, inside the picture."""
    face, pad = font(size), max(1, size // 5)
    width, height = round(face.getlength(name)) + 2 * pad, size + 2 * pad
    x = max(0, min(corner[0], within[0] - width))
    y = max(0, min(corner[1], within[1] - height))
    draw.rectangle((x, y, x + width, y + height), fill=tuple(PALETTE[label].tolist()))
    draw.text((x + pad, y + height / 2), name, text_colour(label), face, anchor="lm")


def _broken(line: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
