"""What the formats for data of one's own share: a folder of images, annotations beside or elsewhere, masks perhaps.

A split names a folder of images, where their annotations are, and where true masks come from. An annotation or a mask
has its image's name with another ending, and lies in the same folder below its own as the image does below its own, or
right in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.names import MAX_ID, image_id, name_fault, plain_path, shown
from boxsup.catalogue.readers.beside import Files, existing, lost_files
from boxsup.catalogue.readers.image_files import all_names, images_below
from boxsup.catalogue.readers.segments import AnnotatedObject, drawn_masks
from boxsup.catalogue.records import (
    Listing,
    Problem,
    Record,
    check_pixels,
    links_outside,
    mask_problems,
    problem,
    read_lines,
)
from boxsup.config.datasets import FolderSplit
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

MASK = ".png"
NONE, DRAWN = "none", "annotations"  # of a split's `masks`, in place of a folder
MAX_BYTES = 2**26  # of one image's annotation; LabelMe's may hold the image itself


@dataclass(frozen=True)
class SplitPlace:
    """A folder or file, and the folder that symbolic links may not lead out of; None: they may."""

    path: Path
    inside: Path | None


@dataclass(frozen=True)
class Layout:
    """Where a split's files are.

    Attributes:
        images: The folder.
        annotations: The folder or file.
        masks: The folder of PNGs, or None.
        drawn: Whether masks are drawn from the annotations.
        classes: C with the background.
        by_path: Whether ids are made of paths, see `FolderSplit.ids`.
    """

    images: SplitPlace
    annotations: SplitPlace
    masks: SplitPlace | None
    drawn: bool
    classes: int
    by_path: bool = False

    def files(self, ending: str) -> Files:
        """The annotations of a format that has a file of this ending an image."""
        return Files(self.annotations.path, ending, not self.by_path)

    def mask_files(self) -> Files | None:
        """The PNGs, if masks are kept so."""
        return Files(self.masks.path, MASK, not self.by_path) if self.masks else None


Found = tuple[
    list[AnnotatedObject], list[str]
]  # the objects of an image that are right, and a line for each thing that is wrong


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
    return Layout(images, annotations, masks, split.masks == DRAWN, len(classes), split.ids == "path")


def place(root: Path, name: str, links: bool) -> SplitPlace:
    """A folder or file by its path below the root, or anywhere by an absolute one."""
    path = root / name
    return SplitPlace(path, None if links else path if Path(name).is_absolute() else root)


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
    names, problems = image_names(root, split, where)
    files, masks = where.files(annotations.ending), where.mask_files()
    astray = files.astray(names, partial(images_below, where.images.path))
    problems += [_astray(image_id(name, where.by_path), name, path, files) for name, path in astray.items()]
    found = [name for name in names if name not in astray]
    ids = [image_id(name, where.by_path) for name in found]
    checks = [
        partial(check_file, where, name, annotations, files.place(name), masks.of(name) if masks else None)
        for name in found
    ]
    if split.list:
        return Listing(ids, checks, problems, where.drawn)
    lost = [line for own in (files, masks) if own for line in lost_files(own, names, where.images.path)]
    named = {line.file for line in problems}
    return Listing(ids, checks, problems, where.drawn, [line for line in lost if line.file not in named])


def image_names(root: Path, split: FolderSplit, where: Layout) -> tuple[list[str], list[Problem]]:
    """The names of a split's images below their folder: those of its list, or all that are there.

    Returns:
        Names that can be looked up, each of an id of its own; and what is wrong with the others.

    Raises:
        DataError: The folder or the list is missing, or names nothing.
    """
    images = where.images
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
        image = image_id(name, where.by_path)
        wrong = name_problem(name, names.get(image), source.path, where.by_path)
        if wrong is None:
            names[image] = name
        else:
            problems.append(wrong)
    return list(names.values()), problems


def _astray(image: str, name: str, path: Path, files: Files) -> Problem:
    """An image whose annotation is not where it is looked for: it must not pass for background."""
    expected = files.place(name)
    return problem(image, path, f"not read, though it has the name of the image {name}: expected as {expected}")


def name_problem(name: str, other: str | None, source: Path, by_path: bool) -> Problem | None:
    """What is wrong with an image's name below its folder; None if nothing is.

    Args:
        name: The name.
        other: An image that has its id already, if there is one.
        source: The folder, list or JSON that names them.
        by_path: See `Layout`.
    """
    image, fault = image_id(name, by_path), name_fault(name, by_path)
    if fault:
        short = shown(name[:60])
        return Problem(
            shown(name[:MAX_ID]), str(source), f"'{short}' is no file of the image folder: its name {fault}; rename it"
        )
    if other == name:
        return problem(image, source, f"the image {name} stands there more than once; leave it there once")
    if other is not None:
        advice = (
            "give one another name" if by_path else "give one another name, or set `ids: path` beside the split's list"
        )
        text = f"two images are called {image}, {other} and {name}; file names make ids: {advice}"
        return problem(image, source, text)
    return None


def check_file(where: Layout, name: str, annotations: Annotations, file: Path, mask: Path | None) -> Record:
    """Check an image with its annotation file, and its mask if it has one."""

    def things(height: int, width: int) -> Found:
        if not annotations.needed and not os.path.lexists(file):
            return [], []
        try:
            content = read_content(file, "the image is not annotated: take it off the list", MAX_BYTES)
        except DataError as error:
            return [], [str(error)]
        return annotations.parse(content, height, width, where.drawn)

    return check_image(where, name, file, mask, things)


def check_image(
    where: Layout, name: str, annotation: Path, mask: Path | None, things: Callable[[int, int], Found]
) -> Record:
    """Check an image, its objects and its mask, and draw the mask if it is to be drawn.

    Args:
        where: Its files.
        name: Its name below the folder of images.
        annotation: The file that the objects are from.
        mask: The PNG of its true mask, or None.
        things: Reads them, given the height and width of an image that can be read.
    """
    image, path = image_id(name, where.by_path), existing(where.images.path, name)
    places = [(path, where.images), (annotation, where.annotations), (mask, where.masks)]
    for file, within in places:
        outside = links_outside(image, within.inside, file) if within else []
        if outside:
            return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    found: list[AnnotatedObject] = []
    if not problems:
        found, texts = things(height, width)
        problems += [problem(image, annotation, text) for text in texts]
    if mask is not None:
        problems += [problem(image, mask, text) for text in mask_problems(mask, height, width, where.classes)]
    drawn = drawn_masks(height, width, found) if where.drawn and not problems else {}
    objects = [thing for thing in found if thing.is_object]
    return Record(
        *(image, str(path), height, width, str(mask or "")),
        boxes=[thing.box for thing in objects],
        problems=problems,
        drawn=drawn,
        annotation=str(annotation),
        origins=[thing.origin for thing in objects],
        notes=[problem(image, annotation, thing.note) for thing in found if thing.note],
    )
