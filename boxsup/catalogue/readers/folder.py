"""Shared by the formats for own data: a folder of images, their annotations, and perhaps masks.

A split names a folder of images, where their annotations are, and where true masks come from. An annotation or mask has
the name of its image with another ending. It is in the same subfolder as the image, or directly in its own folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from boxsup.catalogue.names import MAX_ID, image_id, name_fault, plain_path, printable
from boxsup.catalogue.readers.beside import Files, find_file, is_of_a_tool, unmatched_files
from boxsup.catalogue.readers.image_files import all_names, images_below
from boxsup.catalogue.readers.segments import AnnotatedObject, encode_masks
from boxsup.catalogue.records import (
    Listing,
    Problem,
    Record,
    check_pixels,
    image_problem,
    link_problems,
    mask_problems,
    read_lines,
)
from boxsup.config.datasets import FolderSplit
from boxsup.errors import DataError
from boxsup.store.foreign import read_content

MASK = ".png"
NONE, DRAWN = "none", "annotations"  # values of a split's `masks` other than a folder
MAX_BYTES = 2**26  # size of one image's annotation file; LabelMe's may hold the image itself


@dataclass(frozen=True)
class GuardedPath:
    """A folder or file, and the folder that symbolic links may not lead out of (None allows any)."""

    path: Path
    inside: Path | None


@dataclass(frozen=True)
class Layout:
    """Where a split's files are.

    Attributes:
        images: The folder of images.
        annotations: The folder or file of annotations.
        masks: The folder of PNG masks, or None.
        drawn: Whether masks are drawn from the annotations.
        classes: C including the background.
        by_path: Whether ids are made from paths, see `FolderSplit.ids`.
    """

    images: GuardedPath
    annotations: GuardedPath
    masks: GuardedPath | None
    drawn: bool
    classes: int
    by_path: bool = False

    def files(self, ending: str) -> Files:
        """The annotation files of a format that has one file with this ending per image."""
        return Files(self.annotations.path, ending, not self.by_path, self.images.path)

    @property
    def mask_folder(self) -> Path | None:
        """The folder of PNG masks, or None. It holds no images of the split, also if it is below theirs."""
        return self.masks.path if self.masks else None

    def mask_files(self) -> Files | None:
        """The mask PNGs, or None if the split has no folder of them."""
        return Files(self.masks.path, MASK, not self.by_path) if self.masks else None


# The valid objects of an image, and one line for each thing that is wrong.
ParsedObjects = tuple[list[AnnotatedObject], list[str]]


@dataclass(frozen=True)
class Annotations:
    """How a format keeps the annotation of an image. Picklable, for worker processes.

    Attributes:
        ending: The ending of annotation files.
        parse: Parses the content of a file; also takes the image's height and width in pixels, and whether the pixels
            of objects are wanted.
        needed: Whether an image without a file counts as not annotated, which is a problem; otherwise it is background.
    """

    ending: str
    parse: Callable[[bytes, int, int, bool], ParsedObjects]
    needed: bool = True


def layout(root: Path, split: FolderSplit, classes: Sequence[str]) -> Layout:
    """Locate the files of a split."""
    masks = None if split.masks in (NONE, DRAWN) else guarded_path(root, split.masks, split.links)
    images, annotations = (guarded_path(root, name, split.links) for name in (split.images, split.annotations))
    return Layout(images, annotations, masks, split.masks == DRAWN, len(classes), split.ids == "path")


def guarded_path(root: Path, name: str, links: bool) -> GuardedPath:
    """A folder or file by a path relative to the root, or by an absolute one.

    >>> guarded_path(Path("data"), "images", links=False)
    GuardedPath(path=PosixPath('data/images'), inside=PosixPath('data'))
    """
    path = root / name
    return GuardedPath(path, None if links else path if Path(name).is_absolute() else root)


def read_folder(root: Path, split: FolderSplit, classes: Sequence[str], annotations: Annotations) -> Listing:
    """List a split of a format that has one annotation file per image.

    Args:
        root: The data set's root.
        split: The split's settings.
        classes: Class names, the background first.
        annotations: How the format keeps annotations.

    Raises:
        DataError: The list, or the folder of images or annotations, is missing or empty.
    """
    where = layout(root, split, classes)
    if not where.annotations.path.is_dir():
        raise DataError(f"{where.annotations.path}: no such folder of annotations")
    names, problems = image_names(root, split, where)
    files, masks = where.files(annotations.ending), where.mask_files()
    misplaced = files.misplaced(names, partial(images_below, where.images.path, where.mask_folder))
    problems += [_misplaced(image_id(name, where.by_path), name, path, files) for name, path in misplaced.items()]
    checked = [name for name in names if name not in misplaced]
    ids = [image_id(name, where.by_path) for name in checked]
    checks = [
        partial(check_file, where, name, annotations, files.expected(name), masks.find(name) if masks else None)
        for name in checked
    ]
    if split.list:
        return Listing(ids, checks, problems, where.drawn)
    folders = where.images.path, where.mask_folder
    unmatched = [line for part in (files, masks) if part for line in unmatched_files(part, names, *folders)]
    reported = {line.file for line in problems}
    return Listing(ids, checks, problems, where.drawn, [line for line in unmatched if line.file not in reported])


def image_names(root: Path, split: FolderSplit, where: Layout) -> tuple[list[str], list[Problem]]:
    """The names of a split's images below their folder: those on its list, or all in the folder.

    Returns:
        The valid names, each with a unique id; and one problem per other name.

    Raises:
        DataError: The folder or the list is missing or empty.
    """
    images = where.images
    if not images.path.is_dir():
        raise DataError(f"{images.path}: no such folder of images")
    source = guarded_path(root, split.list, split.links) if split.list else images
    if split.list:
        listed = [plain_path(line) for line in read_lines(source.path, source.inside)]
    else:
        listed = all_names(images.path, where.mask_folder)
    names: dict[str, str] = {}
    problems = []
    for name in listed:
        image = image_id(name, where.by_path)
        problem = name_problem(name, names.get(image), source.path, where.by_path)
        if problem is None:
            names[image] = name
        else:
            problems.append(problem)
    return list(names.values()), problems


def _misplaced(image: str, name: str, path: Path, files: Files) -> Problem:
    """The problem of an image whose annotation is in another place: the image must not pass for background."""
    expected = files.expected(name)
    return image_problem(image, path, f"not read, though it has the name of the image {name}: expected as {expected}")


def name_problem(
    name: str, other: str | None, source: Path, by_path: bool, advice: str = "rename it"
) -> Problem | None:
    """The problem with an image's name, or None.

    Args:
        name: The name below the folder of images.
        other: The name of an earlier image with the same id, or None.
        source: The folder, list or JSON that the name comes from.
        by_path: Whether ids are made from paths.
        advice: What to do about a name that no image can have.
    """
    image, fault = image_id(name, by_path), name_fault(name, by_path)
    if fault:
        text = f"'{printable(name[:60])}' is no file of the image folder: its name {fault}; {advice}"
        return Problem(printable(name[:MAX_ID]), str(source), text)
    if other == name:
        return image_problem(image, source, f"the image {name} is there more than once; keep one of them")
    if other is not None:
        apart = not by_path and image_id(name, by_path=True) != image_id(other, by_path=True)
        more = ", or set `ids: path` beside the split's list" if apart else ""
        text = f"two images are called {image}, {other} and {name}; file names make ids: give one another name{more}"
        return image_problem(image, source, text)
    return None


def check_file(where: Layout, name: str, annotations: Annotations, file: Path, mask: Path | None) -> Record:
    """Check an image with its annotation file, and its mask if it has one."""

    def parse_objects(height: int, width: int) -> ParsedObjects:
        if not annotations.needed and (not os.path.lexists(file) or is_of_a_tool(file)):
            return [], []
        try:
            content = read_content(file, "the image is not annotated: take it off the list", MAX_BYTES)
        except DataError as error:
            return [], [str(error)]
        return annotations.parse(content, height, width, where.drawn)

    return check_image(where, name, file, mask, parse_objects)


def check_image(
    where: Layout, name: str, annotation: Path, mask: Path | None, parse_objects: Callable[[int, int], ParsedObjects]
) -> Record:
    """Check an image, its objects and its mask; draw the mask if the split asks for that.

    Args:
        where: The split's files.
        name: The image's name below the folder of images.
        annotation: The file that the objects come from.
        mask: The PNG of the true mask, or None.
        parse_objects: Parses the objects, given the image's height and width. Called only if the image can be read.
    """
    image, path = image_id(name, where.by_path), find_file(where.images.path, name)
    for file, folder in ((path, where.images), (annotation, where.annotations), (mask, where.masks)):
        outside = link_problems(image, folder.inside, file) if folder else []
        if outside:
            return Record(image, str(path), problems=outside)
    (height, width), problems = check_pixels(image, path)
    parsed: list[AnnotatedObject] = []
    if not problems:
        parsed, texts = parse_objects(height, width)
        problems += [image_problem(image, annotation, text) for text in texts]
    if mask is not None:
        problems += [image_problem(image, mask, text) for text in mask_problems(mask, height, width, where.classes)]
    drawn = encode_masks(height, width, parsed) if where.drawn and not problems else {}
    objects = [item for item in parsed if item.is_object]
    return Record(
        *(image, str(path), height, width, str(mask or "")),
        boxes=[item.box for item in objects],
        problems=problems,
        drawn=drawn,
        annotation=str(annotation),
        origins=[item.origin for item in objects],
        notes=[image_problem(image, annotation, item.note) for item in parsed if item.note],
        others=[item.other for item in parsed if item.other],
    )
