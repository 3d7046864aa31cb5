"""Pictures of masks: an image with all of its masks at full size, and many images on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from boxsup.catalogue.oddities import is_upright
from boxsup.image.drawing import font
from boxsup.image.files import read_image
from boxsup.image.packed import packed_mask
from boxsup.image.palette import colour_id
from boxsup.masking.parts import ImagePart, masked_objects
from boxsup.report.shared.pictures import Picture, class_colour, fit_side
from boxsup.store.atomic import atomic_write

QUALITY = 88  # of JPEG
NAMED = 160  # px of an image's longer side, from which on there is room for names
SHOWN_BY_BROWSERS = {"JPEG", "PNG", "WEBP", "GIF", "BMP"}
SHEET, COLUMNS, THUMB, GAP = 96, 8, 220, 10  # images on a contact sheet, per row; their longer side and distance in px


@dataclass(frozen=True)
class Score:
    """What is said of a mask: its score in [0, 1], its flags, and whether a person decided on it."""

    score: float
    flags: tuple[str, ...]
    reviewed: bool


Scores = dict[tuple[str, int], Score]  # by image id and number of the object in it, from 1


def overlay_picture(photo: NDArray[np.uint8], part: ImagePart, classes: Sequence[str], scores: Scores) -> Image.Image:
    """An image in grey with its masks in the colours of their classes, and its boxes with their names and scores.

    Args:
        photo: H×W×3, the image.
        part: Its boxes and masks.
        classes: Class names, the background first.
        scores: What is said of the masks.
    """
    height, width = photo.shape[:2]
    found = sorted(masked_objects(part), key=lambda each: -packed_mask(each[2]).area)
    labels = np.zeros((height, width), np.uint8)
    for *_, item in found:
        labels[item.pixels] = colour_id(item.class_id)
    picture, line = Picture(photo, (height, width)), max(1, max(height, width) // 500)
    picture.add_labels(labels)
    for *_, item in found:
        picture.add_outline(item.pixels, class_colour(colour_id(item.class_id)), line)
    if found and max(height, width) >= NAMED:
        names = [_name(part.record.image, item.number or 0, classes[item.class_id], scores) for *_, item in found]
        ids = [colour_id(item.class_id) for *_, item in found]
        corners = np.array([item.box for *_, item in found])
        picture.add_boxes(corners, ids, names, max(11, max(height, width) // 45))
    return picture.image


def save_jpeg(image: Image.Image, path: Path) -> None:
    """Write a picture as JPEG, whole or not at all."""
    with atomic_write(path, ".jpg") as partial:
        image.save(partial, "JPEG", quality=QUALITY)


def browser_shows(path: Path) -> bool:
    """Whether a browser shows a file as we read it: a format that it knows, and no entry that turns it."""
    with Image.open(path) as image:
        known = image.format in SHOWN_BY_BROWSERS
    return known and is_upright(path)


def thumb(image: Image.Image) -> Image.Image:
    """A picture as it is on a contact sheet."""
    height, width = fit_side(image.height, image.width, THUMB)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def contact_sheet(thumbs: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Captions and pictures (of `thumb`) on one sheet, in rows of COLUMNS.

    >>> contact_sheet([("a", Image.new("RGB", (220, 110)))]).size
    (240, 263)
    """
    columns = min(COLUMNS, max(1, len(thumbs)))
    rows = -(-len(thumbs) // columns)
    face, line = font(13), 23
    size = (columns * (THUMB + GAP) + GAP, rows * (THUMB + GAP + line) + GAP)
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for index, (caption, image) in enumerate(thumbs):
        row, column = divmod(index, columns)
        left, top = GAP + column * (THUMB + GAP), GAP + row * (THUMB + GAP + line)
        sheet.paste(image, (left + (THUMB - image.width) // 2, top + (THUMB - image.height) // 2))
        draw.text((left, top + THUMB + 3), _shortened(caption, 30), (20, 20, 20), face)
    return sheet


def photo_of(part: ImagePart) -> NDArray[np.uint8]:
    """The pixels of an image, H×W×3."""
    return read_image(part.record.path)


def _name(image: str, number: int, class_name: str, scores: Scores) -> str:
    said = scores.get((image, number))
    if said is None:
        return class_name
    return f"{class_name} ✓" if said.reviewed else f"{class_name} {said.score:.2f}"


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
