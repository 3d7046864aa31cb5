"""Locates the files of a split without opening them, for each format. `boxsup.catalogue.inventory` watches them.

A file belongs to an image if it has the image's name with another ending and is in one of these folders: in the
subfolder that the image is in, or, if there is none, in any subfolder. Nothing is checked here; readers do that.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from boxsup.catalogue.names import image_id
from boxsup.catalogue.readers import coco, context, folder, voc, voc_xml
from boxsup.catalogue.readers.coco_form import instance_files
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.records import Problem, read_list
from boxsup.config import datasets
from boxsup.config.build import parse
from boxsup.store.checksums import sha256_of

IMAGE, ANNOTATION, MASK = "image", "annotation", "mask"  # kinds of files
IMAGES, PNG = frozenset(ENDINGS), frozenset({".png"})


class FileFolder(NamedTuple):
    """A folder with files of one kind, whose names end in one of `endings`, in upper or lower case."""

    kind: str
    folder: Path
    endings: frozenset[str]


class ListedImages(NamedTuple):
    """The images of a split, in order: ids, names below the folder of images, and problems with the list."""

    ids: list[str]
    names: list[str]
    problems: list[str]


@dataclass(frozen=True)
class FileLocations:
    """Where the files of a split are.

    Attributes:
        folders: The folders of images and of files that belong to one image.
        shared: Annotation files that belong to all images.
        names: Lists the images. Raises a DataError as the reader does.
        origin: Hashes what else the listing depends on: the list of images, or the names in the folder. None if it
            depends on the shared files alone; then listing a large data set takes a minute.
    """

    folders: tuple[FileFolder, ...]
    shared: tuple[Path, ...]
    names: Callable[[], ListedImages]
    origin: Callable[[], str] | None


def locate_files(form: str, root: Path, classes: Sequence[str], settings: str) -> FileLocations:
    """Locate the files of a split.

    Args:
        form: The data set's format, a key of `boxsup.catalogue.readers.READERS`.
        root: The data set's root folder.
        classes: Class names, the background first.
        settings: The split's settings as JSON.
    """
    if form in _TREES:
        return _TREES[form](root, settings)
    split: datasets.FolderSplit = parse(datasets.split_model(form), settings, "split")
    where = folder.layout(root, split, classes)
    folders = [FileFolder(IMAGE, where.images.path, IMAGES)]
    if ending := getattr(import_module(f"boxsup.catalogue.readers.{form}"), "ENDING", ""):
        folders.append(FileFolder(ANNOTATION, where.annotations.path, frozenset({ending})))
    folders += [FileFolder(MASK, where.masks.path, PNG)] if where.masks else []
    origin = partial(_hash_of_list, root / split.list) if split.list else partial(_hash_of_folder, where.images.path)
    if form == "coco":
        names = partial(_coco_names, root, classes, settings, where.by_path)
        shared = tuple(instance_files(where.annotations.path))
        return FileLocations(tuple(folders), shared, names, origin if split.list else None)
    shared = (root / split.data,) if isinstance(split, datasets.YoloSplit) else ()
    return FileLocations(tuple(folders), shared, partial(_folder_names, root, split, where), origin)


def _voc(root: Path, settings: str) -> FileLocations:
    split = parse(datasets.VocSplit, settings, "split")
    masks = dict.fromkeys((split.masks, voc.MASKS, voc.OBJECT_MASKS))
    folders = [
        FileFolder(IMAGE, root / voc.IMAGES, IMAGES),
        FileFolder(ANNOTATION, root / voc.ANNOTATIONS, frozenset({voc_xml.ENDING})),
        *(FileFolder(MASK, root / name, PNG) for name in masks),
    ]
    return FileLocations(tuple(folders), (), *_listing(voc.list_file(root, split.list)))


def _context(root: Path, settings: str) -> FileLocations:
    split = parse(datasets.VocSplit, settings, "split")
    masks = root / split.masks
    folders = (
        FileFolder(IMAGE, root / voc.IMAGES, IMAGES),
        FileFolder(ANNOTATION, masks, frozenset({".mat"})),
        FileFolder(MASK, masks, PNG),
    )
    return FileLocations(folders, (masks.parent / context.NAMES,), *_listing(voc.list_file(root, split.list)))


def _sbd(root: Path, settings: str) -> FileLocations:
    split = parse(datasets.SbdSplit, settings, "split")
    annotations = (FileFolder(ANNOTATION, root / name, frozenset({".mat"})) for name in ("cls", "inst"))
    folders = (FileFolder(IMAGE, root / "img", IMAGES), *annotations)
    return FileLocations(folders, (), *_listing(root / f"{split.list}.txt"))


_TREES: dict[str, Callable[[Path, str], FileLocations]] = {"voc": _voc, "context": _context, "sbd": _sbd}


def _listing(path: Path) -> tuple[Callable[[], ListedImages], Callable[[], str]]:
    return partial(_listed, path), partial(_hash_of_list, path)


def _hash_of_list(path: Path) -> str:
    return sha256_of(path) if path.is_file() else ""


def _hash_of_folder(folder: Path) -> str:
    """A hash of the names of all files in a folder and its subfolders."""
    names = (os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)
    return hashlib.sha256("\n".join(sorted(names)).encode(errors="surrogateescape")).hexdigest()


def _listed(path: Path) -> ListedImages:
    ids, problems = read_list(path)
    return ListedImages(ids, [f"{image}.jpg" for image in ids], _texts(problems))


def _folder_names(root: Path, split: datasets.FolderSplit, where: folder.Layout) -> ListedImages:
    names, problems = folder.image_names(root, split, where)
    return ListedImages([image_id(name, where.by_path) for name in names], names, _texts(problems))


def _coco_names(root: Path, classes: Sequence[str], settings: str, by_path: bool) -> ListedImages:
    """The images of the JSON in its order, or those of the list."""
    listing = coco.read_split(root, tuple(classes), settings)
    names = [check.args[1].name for check in listing.checks if isinstance(check, partial)]  # see `coco.check_entry`
    return ListedImages([image_id(name, by_path) for name in names], names, _texts(listing.problems))


def _texts(problems: Iterable[Problem]) -> list[str]:
    return [problem.problem for problem in problems]
