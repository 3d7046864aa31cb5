"""Lines, boxes, names and captions, drawn onto a picture in its own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from boxsup.image.palette import PALETTE, colour_id, overlay, text_colour

# matplotlib's own font: every machine has it, and it covers the names of classes in most scripts.
FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"

MIN_TEXT, MAX_TEXT = 10, 28  # px, the height of names on a photograph

Colour = tuple[int, int, int]  # red, green, blue


def font(height: int) -> ImageFont.FreeTypeFont:
    """The font of captions and names, `height` pixels high."""
    return ImageFont.truetype(str(FONT), height)


def draw_boxes(
    image: Image.Image,
    corners: NDArray[np.int64],
    class_ids: Sequence[int],
    names: Sequence[str],
    text_height: int,
) -> None:
    """Draw boxes in the colours of their classes, each with its name at its upper left corner.

    Args:
        image: The RGB picture to draw on.
        corners: B×4 half-open pixel corners x0, y0, x1, y1 on `image`.
        class_ids: The classes of the B boxes.
        names: B texts.
        text_height: Height of the names in pixels; lines are an eighth as wide.
    """
    draw, line = ImageDraw.Draw(image), max(2, text_height // 8)
    for (x0, y0, x1, y1), class_id in zip(corners.tolist(), class_ids, strict=True):
        # A light line around the coloured one keeps dark classes visible on dark pictures.
        draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=(255, 255, 255), width=line + 2)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=tuple(PALETTE[class_id].tolist()), width=line)
    for (x0, y0, _, _), class_id, name in zip(corners.tolist(), class_ids, names, strict=True):
        if name:
            _draw_name(draw, image.size, (x0, y0), class_id, name, text_height)


def object_numbers(masks: Sequence[NDArray[np.bool_]], height: int, width: int) -> NDArray[np.uint8]:
    """Say which object is visible at each pixel: 0 for none, then 1, 2, … 254, and from 1 again.

    Where masks overlap, the smaller one is in front.

    >>> large, small = np.array([[True, True, True]]), np.array([[False, True, False]])
    >>> object_numbers([small, large], 1, 3)
    array([[2, 1, 2]], dtype=uint8)

    Args:
        masks: H×W each; each is read twice.
        height: H.
        width: W.
    """
    numbers = np.zeros((height, width), np.uint8)
    for index in np.argsort([-int(mask.sum()) for mask in masks], kind="stable"):
        numbers[masks[index]] = colour_id(int(index) + 1)
    return numbers


def draw_objects(
    pixels: NDArray[np.uint8],
    masks: Sequence[NDArray[np.bool_]],
    corners: NDArray[np.integer],
    names: Sequence[str],
) -> NDArray[np.uint8]:
    """Draw objects over a photograph in grey: their masks, their boxes and their names, a colour for each object.

    Args:
        pixels: H×W×3 uint8 RGB.
        masks: B masks, H×W each.
        corners: B×4 half-open pixel corners; no rows for no boxes.
        names: B texts beside the boxes; none for no boxes.

    Returns:
        H×W×3 uint8 RGB.
    """
    height, width = pixels.shape[:2]
    image = Image.fromarray(overlay(pixels, object_numbers(masks, height, width)))
    text_height = int(np.clip(min(height, width) // 25, MIN_TEXT, MAX_TEXT))
    numbers = [colour_id(index + 1) for index in range(len(corners))]
    draw_boxes(image, np.asarray(corners, np.int64), numbers, names, text_height)
    return np.asarray(image)


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    """The borders of a mask (H×W), those of its holes too, as closed polygons: P×2 int (x, y) on its outermost pixels.

    >>> [polygon.tolist() for polygon in outlines(np.pad(np.ones((2, 3), bool), 1))]
    [[[1, 1], [1, 2], [3, 2], [3, 1]]]
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, np.int32)[:, 0] for contour in contours]


def draw_outlines(
    image: Image.Image, polygons: Sequence[NDArray[np.int32]], colour: Colour, width: int, halo: Colour
) -> None:
    """Draw closed polygons (P×2) as lines over wider lines of the colour `halo`, which keep them visible."""
    draw = ImageDraw.Draw(image)
    for line_colour, line_width in ((halo, width + 2), (colour, width)):
        for polygon in polygons:
            points = [(int(x), int(y)) for x, y in (*polygon, polygon[0])]
            draw.line(points, fill=line_colour, width=line_width, joint="curve")


def with_caption(image: Image.Image, lines: Sequence[str], text_height: int) -> Image.Image:
    """`image` above a white strip with lines of text; lines that are too long are broken between words."""
    margin, face = text_height // 2, font(text_height)
    broken = [part for line in lines for part in _broken(line, face, image.width - 2 * margin)]
    step = round(text_height * 1.4)
    sheet = Image.new("RGB", (image.width, image.height + 2 * margin + step * len(broken)), (255, 255, 255))
    sheet.paste(image)
    draw = ImageDraw.Draw(sheet)
    for row, line in enumerate(broken):
        draw.text((margin, image.height + margin + row * step), line, (20, 20, 20), face)
    return sheet


def _draw_name(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    corner: tuple[int, int],
    class_id: int,
    name: str,
    text_height: int,
) -> None:
    """Write a name on a plate in its class's colour, at a corner but inside a picture of `size` (width, height)."""
    face, pad = font(text_height), max(1, text_height // 5)
    width, height = round(face.getlength(name)) + 2 * pad, text_height + 2 * pad
    x = max(0, min(corner[0], size[0] - width))
    y = max(0, min(corner[1], size[1] - height))
    draw.rectangle((x, y, x + width, y + height), fill=tuple(PALETTE[class_id].tolist()))
    draw.text((x + pad, y + height / 2), name, text_colour(class_id), face, anchor="lm")


def _broken(line: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The line in parts that are at most `width` pixels wide each; a word that is wider stands alone."""
    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
