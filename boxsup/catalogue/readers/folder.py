"""What the formats for data of one's own share: a folder of images, annotations beside or elsewhere, masks perhaps.

A split names a folder of images, where their annotations are, and where true masks come from. An annotation or a mask
has its image's name with another ending, and lies in the same folder below its own as the image does below its own, or
right in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from boxsup.catalogue.names import plain_path
from boxsup.catalogue.readers.segments import Thing, drawn_masks
from boxsup.catalogue.records import (
    MAX_ID,
    Listing,
    Problem,
    Record,
    check_pixels,
    is_id,
    is_inside,
    links_outside,
    mask_problems,
    problem,
    read_lines,
)
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

ENDINGS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})  # of images
NONE, DRAWN = "none", "annotations"  # of a split's `masks`, in place of a folder
IMAGES, LABELS = "images", PurePosixPath("labels")  # folders of an export, beside one another
MOST_BYTES = 2**26  # of one image's annotation; LabelMe's may hold the image itself


@dataclass(frozen=True)
class FolderSplit:
    """A split's settings. Paths are below the data set's root, or absolute.

    Attributes:
        images: The folder of images.
        annotations: The folder of annotations, or for COCO the JSON.
        masks: NONE, DRAWN (from the annotations, of images whose every object has a segmentation), or a folder of PNGs.
        list: A text file with the names of images below their folder, one a line; "" takes all.
        links: Whether symbolic links may lead out of the root, or of a folder that an absolute path names.
    """

    images: str
    annotations: str
    masks: str
    list: str = ""
    links: bool = False


@dataclass(frozen=True)
class Place:
    """A folder or file, and the folder that symbolic links may not lead out of; None: they may."""

    path: Path
    inside: Path | None

    def beside(self, name: str, ending: str) -> Path:
        """What belongs to an image: its name with another ending, in the same folder below, else right here.

        Where images lie in a folder `images`, theirs may be in `labels` beside it, as Ultralytics has it.
        """
        own = PurePosixPath(name).with_suffix(ending)
        places = [self.path / place for place in (own, *labels_beside(own), own.name)]
        return next((place for place in places if os.path.lexists(place)), places[-1])  # also a link to nothing


def labels_beside(name: PurePosixPath) -> list[PurePosixPath]:
    """Where exports keep a file of labels: in `labels`, or in `labels` where the image is in `images`."""
    parts = name.parent.parts
    last = max((place for place, part in enumerate(parts) if part == IMAGES), default=None)
    swapped = [] if last is None else [PurePosixPath(*parts[:last], LABELS, *parts[last + 1 :], name.name)]
    return [*swapped, LABELS / name]


@dataclass(frozen=True)
class Layout:
    """Where a split's files are.

    Attributes:
        images: The folder.
        annotations: The folder or file.
        masks: The folder of PNGs, or None.
        drawn: Whether masks are drawn from the annotations.
        classes: C with the background.
    """

    images: Place
    annotations: Place
    masks: Place | None
    drawn: bool
    classes: int


Found = tuple[list[Thing], list[str]]  # the objects of an image that are right, and a line for each thing that is wrong


@dataclass(frozen=True)
class Annotations:
    """How a format keeps the annotation of an image; can be sent to another process.

    Attributes:
        ending: Of the file.
        parse: What is in it, from its content, the image's height and width in pixels, and whether pixels are wanted.
        needed: Whether an image without a file is not annotated; otherwise it is background.
    """

    ending: str
    parse: Callable[[bytes, int, int, bool], Found]
    needed: bool = True


def layout(root: Path, split: FolderSplit, classes: Sequence[str]) -> Layout:
    """Where the files of a split are."""
    masks = None if split.masks in (NONE, DRAWN) else place(root, split.masks, split.links)
    images, annotations = (place(root, name, split.links) for name in (split.images, split.annotations))
    return Layout(images, annotations, masks, split.masks == DRAWN, len(classes))


def place(root: Path, name: str, links: bool) -> Place:
    """A folder or file by its path below the root, or anywhere by an absolute one."""
    path = root / name
    return Place(path, None if links else path if Path(name).is_absolute() else root)


def read_folder(root: Path, split: FolderSplit, classes: Sequence[str], annotations: Annotations) -> Listing:
    """A split of a format that has an annotation file an image.

    Args:
        root: Of the data set.
        split: Its settings.
        classes: Names by label, the background first.
        annotations: How the format keeps them.

    Raises:
        DataError: The list, or the folder of images or of annotations, is missing or holds nothing.
    """
    where = layout(root, split, classes)
    if not where.annotations.path.is_dir():
        raise DataError(f"{where.annotations.path}: no such folder of annotations")
    names, problems = image_names(root, split, where.images)
    return Listing([partial(check_file, where, name, annotations) for name in names], problems, where.drawn)


def image_names(root: Path, split: FolderSplit, images: Place) -> tuple[list[str], list[Problem]]:
    """The names of a split's images below their folder: those of its list, or all that are there.

    Returns:
        Names that can be looked up, whose stems are the ids, each id once; and what is wrong with the others.

    Raises:
        DataError: The folder or the list is missing, or names nothing.
    """
    if not images.path.is_dir():
        raise DataError(f"{images.path}: no such folder of images")
    source = place(root, split.list, split.links) if split.list else images
    if split.list:
        listed = [plain_path(line) for line in read_lines(source.path, source.inside)]
    else:
        listed = all_names(images.path)
    names: dict[str, str] = {}
    problems = []
    for name in listed:
        wrong = name_problem(name, names, source.path)
        if wrong is None:
            names[PurePosixPath(name).stem] = name
        else:
            problems.append(wrong)
    return list(names.values()), problems


def all_names(folder: Path) -> list[str]:
    """The names of all images in a folder and below, sorted; hidden ones are passed over.

    Raises:
        DataError: There is none.
    """
    names = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(path).relative_to(folder)
        shown = [file for file in files if Path(file).suffix.lower() in ENDINGS and not file.startswith(".")]
        names += [(below / file).as_posix() for file in shown]
    if not names:
        raise DataError(f"{folder}: holds no image; their files end in {', '.join(sorted(ENDINGS))}")
    return sorted(names)


def name_problem(name: str, ids: Collection[str], source: Path) -> Problem | None:
    """What is wrong with an image's name below its folder, where these ids are taken; None if nothing is."""
    image = PurePosixPath(name).stem
    shown = name.encode(errors="replace").decode()  # names of files may be any bytes
    if not is_inside(name) or not is_id(image) or name != name.strip():
        return Problem(shown[:MAX_ID], str(source), f"file_name {shown[:60]!r} is no file of the image folder")
    if image in ids:
        return Problem(image, str(source), f"two images are called {image}; file names make ids")
    return None


def check_file(where: Layout, name: str, annotations: Annotations) -> Record:
    """Check an image with its annotation file."""
    file = where.annotations.beside(name, annotations.ending)

    def things(height: int, width: int) -> Found:
        if not annotations.needed and not os.path.lexists(file):
            return [], []
        try:
            content = read_content(file, "the image is not annotated: take it off the list", MOST_BYTES)
        except DataError as error:
            return [], [str(error)]
        return annotations.parse(content, height, width, where.drawn)

    return check_image(where, name, file, things)


def check_image(where: Layout, name: str, annotation: Path, things: Callable[[int, int], Found]) -> Record:
    """Check an image, its objects and its mask, and draw the mask if it is to be drawn.

    Args:
        where: Its files.
        name: Its name below the folder of images.
        annotation: The file that the objects are from.
        things: Reads them, given the height and width of an image that can be read.
    """
    image, path = PurePosixPath(name).stem, where.images.path / name
    mask = where.masks.beside(name, ".png") if where.masks else None
    mask = mask if mask is not None and os.path.lexists(mask) else None
    places = [(path, where.images), (annotation, where.annotations), (mask, where.masks)]
    for file, within in places:
        outside = links_outside(image, within.inside, file) if within else []
        if outside:
            return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    found: list[Thing] = []
    if not problems:
        found, texts = things(height, width)
        problems += [problem(image, annotation, text) for text in texts]
    if mask is not None:
        problems += [problem(image, mask, text) for text in mask_problems(mask, height, width, where.classes)]
    drawn = drawn_masks(height, width, found) if where.drawn and not problems else {}
    boxes = [thing.box for thing in found if thing.is_object]
    notes = [problem(image, annotation, thing.note) for thing in found if thing.note]
    return Record(
        image, str(path), height, width, str(mask or ""), boxes=boxes, problems=problems, drawn=drawn, notes=notes
    )
