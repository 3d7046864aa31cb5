"""One picture: a photograph at some size, over which labels, a segment, outlines and boxes are drawn.

Every raster picture comes from here: those of `boxsup show`, the galleries on the pages, and the files at full size.
The explorer draws the same things as SVG in the browser; see `boxsup.report.shared.explorer`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.image.drawing import Colour, draw_boxes, draw_outlines, outlines
from boxsup.image.palette import PALETTE, faded, overlay

SEGMENT_OPACITY = 0.6  # of a filled segment over the faded photograph
HEAT: Colour = (214, 39, 40)  # of an object map; page.css has it too
HEAT_OPACITY = 0.8  # where it is surely the object
GAP = 8  # px between pictures side by side
WHITE: Colour = (255, 255, 255)

Size = tuple[int, int]  # height and width in pixels


class Picture:
    """A photograph at some size, on which one thing after the other is drawn.

    What is added is given in the pixels of the photograph and scaled with it.

    Attributes:
        image: The picture so far, RGB.
    """

    def __init__(
        self, photo: NDArray[np.uint8], size: Size, resample: Image.Resampling = Image.Resampling.LANCZOS
    ) -> None:
        self._size = size
        self._scale = size[1] / photo.shape[1]
        self.image = Image.fromarray(resize(photo, size, resample))

    def add_labels(self, labels: NDArray[np.uint8], grey: bool = True) -> None:
        """Lay a label map (H×W) over the photograph; see `boxsup.image.palette.overlay`."""
        self.image = Image.fromarray(overlay(np.asarray(self.image), resize(labels, self._size), grey))

    def add_segment(self, mask: NDArray[np.bool_], colour: Colour) -> None:
        """Fade the photograph to light grey and fill a segment (H×W) with a colour."""
        pixels = faded(np.asarray(self.image))
        inside = self._resized(mask)
        pixels[inside] = (1 - SEGMENT_OPACITY) * pixels[inside] + SEGMENT_OPACITY * np.array(colour)
        self.image = Image.fromarray(np.rint(pixels).astype(np.uint8))

    def add_heat(self, values: NDArray[np.floating]) -> None:
        """Fade the photograph to light grey and lay an object map (H×W in [0, 1]) over it: the surer, the redder."""
        opacity = (
            HEAT_OPACITY * np.asarray(Image.fromarray(values.astype(np.float32)).resize(self.image.size))[..., None]
        )
        pixels = (1 - opacity) * faded(np.asarray(self.image)) + opacity * np.array(HEAT)
        self.image = Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))

    def add_outline(self, mask: NDArray[np.bool_], colour: Colour, width: int, halo: Colour = WHITE) -> None:
        """Draw the borders of a segment (H×W), `width` pixels wide, between two thin lines of the colour `halo`."""
        draw_outlines(self.image, outlines(self._resized(mask)), colour, width, halo)

    def add_boxes(
        self, corners: NDArray[np.integer], class_ids: Sequence[int], names: Sequence[str], text_height: int
    ) -> None:
        """Draw boxes (B×4 half-open corners x0, y0, x1, y1) with a name each; see `drawing.draw_boxes`."""
        scaled = np.rint(corners * self._scale).astype(np.int64)
        draw_boxes(self.image, scaled, class_ids, names, text_height)

    def _resized(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return resize(mask.astype(np.uint8), self._size) > 0


def heat_picture(values: NDArray[np.uint8]) -> Image.Image:
    """An object map (h×w, 255: surely the object) as a picture to lay over a grey photograph, RGBA.

    >>> np.asarray(heat_picture(np.array([[0, 255]], np.uint8)))[..., 3]
    array([[  0, 204]], dtype=uint8)
    """
    picture = Image.new("RGB", values.shape[::-1], HEAT)
    picture.putalpha(Image.fromarray(np.rint(HEAT_OPACITY * values.astype(np.float32)).astype(np.uint8)))
    return picture


def class_colour(class_id: int) -> Colour:
    """The colour of a class in VOC's palette.

    >>> class_colour(1)
    (128, 0, 0)
    """
    red, green, blue = PALETTE[class_id].tolist()
    return red, green, blue


def fit_side(height: int, width: int, side: int) -> Size:
    """Height and width in proportion, the longer one at most `side`; nothing is enlarged.

    >>> fit_side(375, 500, side=240), fit_side(48, 64, side=240)
    ((180, 240), (48, 64))
    """
    scale = min(1.0, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def fit_width(height: int, width: int, wanted: int) -> Size:
    """Height and width in proportion, the width equal to `wanted`.

    >>> fit_width(40, 80, wanted=300)
    (150, 300)
    """
    return max(1, round(height * wanted / width)), wanted


def resize(
    pixels: NDArray[np.uint8], size: Size, resample: Image.Resampling = Image.Resampling.NEAREST
) -> NDArray[np.uint8]:
    """A label map (H×W) or a photograph (H×W×3) at another size; label maps need the default, nearest neighbours.

    >>> resize(np.array([[1, 2]], np.uint8), (2, 4))
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]], dtype=uint8)
    """
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), resample))


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of one height in a row, GAP white pixels between them.

    >>> side_by_side([Image.new("RGB", (20, 10)), Image.new("RGB", (20, 10))]).size
    (48, 10)
    """
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    sheet = Image.new("RGB", (width, pictures[0].height), WHITE)
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet
