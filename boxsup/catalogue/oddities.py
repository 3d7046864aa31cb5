"""What may not be as a user intended, though every file can be read: said in the same words by all commands.

Nothing here is a problem: the image counts. But boxes that were drawn on a turned photograph have masks in the wrong
place, and nobody would know.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from boxsup.catalogue.names import MAX_ID, normalised, printable
from boxsup.catalogue.readers.image_files import images_below, other_names
from boxsup.catalogue.records import Box, Check, Problem, Record, image_problem
from boxsup.catalogue.sources import Source
from boxsup.image.files import FORMATS, ORIENTATION, has_16_bits, has_several_frames, read_image
from boxsup.near import first_few

TURNING = range(2, 9)  # values of EXIF's orientation that rotate or mirror; others mean nothing
LOW = 64  # of 256: the high byte of a 14-bit value in 16 bits
SHOWN = 5  # endings that are listed


class Oddity(NamedTuple):
    """A kind of thing that may not be as intended.

    Attributes:
        many: What they are, of several images or boxes.
        one: What is so in one image.
        advice: What follows, and what to do; "" for nothing.
        of_boxes: Whether it is boxes that are odd, not the image.
    """

    many: str
    one: str
    advice: str = ""
    of_boxes: bool = False

    def line(self, images: Sequence[str]) -> str:
        """A line about all of them.

        >>> THIN.line(["a", "a", "b"])
        'boxes that are one pixel wide or high, as clicks make them: 3, the first is in a'

        Args:
            images: The id of each image, or the id of the image of each box; at least one.
        """
        first = f"the first is {'in ' if self.of_boxes else ''}{images[0]}"
        return f"{self.many}: {len(images):,}, {first}" + (f"; {self.advice}" if self.advice else "")

    def problem(self, record: Record, boxes: Sequence[int]) -> Problem:
        """A line about one image, and the indices of its odd boxes."""
        which = f": {first_few([f'box {index + 1}' for index in boxes])}" if self.of_boxes else ""
        file = record.annotation if self.of_boxes else record.path
        advice = f"; {self.advice}" if self.advice else ""
        return image_problem(record.image, Path(file), f"{self.one}{which}{advice}")


TURNED = Oddity(
    "images with an EXIF orientation, which is not applied",
    "has an EXIF orientation, which is not applied",
    "boxes drawn on the turned image do not fit, save such images as they are shown",
)
DARK = Oddity(
    f"16-bit images with values below {LOW * 256:,}",
    f"has 16-bit values below {LOW * 256:,}",
    "only their high byte is used, which is nearly black: save all with 8 bits, scaled alike",
)
SEVERAL = Oddity(
    "images with several frames or pages, of which only the first is read",
    "has several frames or pages, of which only the first is read",
    "save the others as images of their own",
)
THIN = Oddity(
    "boxes that are one pixel wide or high, as clicks make them",
    "one pixel wide or high, as clicks make them",
    of_boxes=True,
)
DOUBLED = Oddity("boxes that occur twice in their image", "occurs twice in its image", of_boxes=True)
ODDITIES = (TURNED, DARK, SEVERAL, THIN, DOUBLED)


class Checked(NamedTuple):
    """A checked image, and what is odd about its pixels; nothing if it has problems."""

    record: Record
    odd: tuple[Oddity, ...]

    def oddities(self) -> dict[Oddity, list[int]]:
        """All that is odd about a usable image, with the indices of the odd boxes."""
        if self.record.problems:
            return {}
        boxes = {THIN: thin_boxes(self.record.boxes), DOUBLED: doubled_boxes(self.record.boxes)}
        return {oddity: [] for oddity in self.odd} | {oddity: found for oddity, found in boxes.items() if found}


def lines_about(images: Iterable[Checked]) -> list[str]:
    """A line about each kind of oddity that occurs."""
    found: dict[Oddity, list[str]] = {oddity: [] for oddity in ODDITIES}
    for image in images:
        for oddity, boxes in image.oddities().items():
            found[oddity] += [image.record.image] * max(1, len(boxes))
    return [oddity.line(ids) for oddity, ids in found.items() if ids]


def checks_with_oddities(checks: Sequence[Check]) -> list[partial[Checked]]:
    """One picklable call per check, for `boxsup.catalogue.check.run_checks`."""
    return [partial(_checked, check) for check in checks]


def _checked(check: Check) -> Checked:
    record = check()
    return Checked(record, () if record.problems else odd_pixels(Path(record.path)))


def odd_pixels(path: Path) -> tuple[Oddity, ...]:
    """What is odd about the pixels of a readable image."""
    found = {TURNED: not is_upright(path), DARK: is_dark(path), SEVERAL: has_several_frames(path)}
    return tuple(oddity for oddity, holds in found.items() if holds)


def is_upright(path: Path) -> bool:
    """Whether viewers show a readable image as it is stored. Cameras may add an EXIF orientation that rotates it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                return image.getexif().get(ORIENTATION) not in TURNING
        except Exception:  # damaged EXIF raises all kinds of errors; the pixels can still be read
            return True


def is_dark(path: Path) -> bool:
    """Whether an image has 16-bit values whose upper two bits are empty, as from a 10, 12 or 14-bit camera."""
    return has_16_bits(path) and int(read_image(path).max()) < LOW


def thin_boxes(boxes: Sequence[Box]) -> list[int]:
    """The indices of the boxes that are one pixel wide or high.

    >>> thin_boxes([Box(1, 0, 0, 5, 5), Box(1, 0, 0, 1, 5)])
    [1]
    """
    return [index for index, box in enumerate(boxes) if min(box.x1 - box.x0, box.y1 - box.y0) == 1]


def doubled_boxes(boxes: Sequence[Box]) -> list[int]:
    """The indices of the boxes with the class and corners of an earlier one.

    >>> doubled_boxes([Box(1, 0, 0, 5, 5), Box(2, 0, 0, 5, 5), Box(1, 0, 0, 5, 5)])
    [2]
    """
    first: dict[tuple[int, ...], int] = {}
    return [index for index, box in enumerate(boxes) if first.setdefault(box[:5], index) != index]


def unknown_images(source: Source, known: set[str]) -> int:
    """The number of images in the folder that the annotations do not mention.

    Args:
        source: The images and annotations.
        known: The ids of all images that were checked, and of those with problems.
    """
    # What problems call an image without an id is its name. A JSON may spell accents otherwise than the file.
    seen = set(map(normalised, known))
    names = {name: printable(name[:MAX_ID]) for name in images_below(source.images, source.mask_folder)}
    return sum(seen.isdisjoint(map(normalised, (said, source.image_id(name)))) for name, said in names.items())


def notes_on_unread(unknown: int, others: Sequence[str]) -> list[str]:
    """Lines about files in the folder of images that are not read.

    Args:
        unknown: The number of images that the annotations do not mention.
        others: The names of files that are not images by their endings.
    """
    lines = [f"images in the folder that are not in the annotations, and not used: {unknown:,}"] if unknown else []
    if others:
        endings = Counter(PurePosixPath(name).suffix or "without ending" for name in others)
        few = ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common(SHOWN))
        lines.append(f"files among the images that are not read, by their endings: {printable(few)}")
    return lines


def unread_files(source: Source, known: set[str]) -> list[str]:
    """The lines of `notes_on_unread` for a source; see `unknown_images`."""
    return notes_on_unread(unknown_images(source, known), other_names(source.images, source.mask_folder))
