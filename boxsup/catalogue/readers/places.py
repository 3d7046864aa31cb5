"""Where each format keeps the files of a split, without opening any of them: what `boxsup.catalogue.inventory` watches.

A file belongs to an image if it has the image's name with another ending and lies in one of these folders: in the same
folder below as the image does below its own, or anywhere below where none lies there. Nothing is checked here; that is
what readers are for.
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


class Place(NamedTuple):
    """A folder of files of one kind, whose names end in one of `endings`, in letters of either case."""

    kind: str
    folder: Path
    endings: frozenset[str]


class Names(NamedTuple):
    """The ids of a split's images in order, their names below the folder of images, and what is wrong with the list."""

    ids: list[str]
    names: list[str]
    problems: list[str]


@dataclass(frozen=True)
class Places:
    """Where the files of a split are.

    Attributes:
        folders: Of its images, and of what belongs to one of them.
        shared: Annotation files that are of all images.
        names: Lists the images; raises a DataError as the reader does.
        origin: A hash of what names them beside the shared files: a list or the folder. Where nothing does, it takes a
            minute to list the images of a large data set.
    """

    folders: tuple[Place, ...]
    shared: tuple[Path, ...]
    names: Callable[[], Names]
    origin: Callable[[], str] | None


def places(form: str, root: Path, classes: Sequence[str], settings: str) -> Places:
    """Where the files of a split are.

    Args:
        form: Of the data set, a key of `boxsup.catalogue.readers.READERS`.
        root: Of the data set.
        classes: Names by label, the background first.
        settings: JSON of the split's settings.
    """
    if form in _TREES:
        return _TREES[form](root, settings)
    split: datasets.FolderSplit = parse(datasets.split_model(form), settings, "split")
    where = folder.layout(root, split, classes)
    found = [Place(IMAGE, where.images.path, IMAGES)]
    if ending := getattr(import_module(f"boxsup.catalogue.readers.{form}"), "ENDING", ""):
        found.append(Place(ANNOTATION, where.annotations.path, frozenset({ending})))
    found += [Place(MASK, where.masks.path, PNG)] if where.masks else []
    origin = partial(_of_list, root / split.list) if split.list else partial(_of_folder, where.images.path)
    if form == "coco":
        names = partial(_coco_names, root, classes, settings, where.by_path)
        shared = tuple(instance_files(where.annotations.path))
        return Places(tuple(found), shared, names, origin if split.list else None)
    shared = (root / split.data,) if isinstance(split, datasets.YoloSplit) else ()
    return Places(tuple(found), shared, partial(_folder_names, root, split, where), origin)


def _voc(root: Path, settings: str) -> Places:
    split = parse(datasets.VocSplit, settings, "split")
    masks = dict.fromkeys((split.masks, voc.MASKS, voc.OBJECT_MASKS))
    folders = [
        Place(IMAGE, root / voc.IMAGES, IMAGES),
        Place(ANNOTATION, root / voc.ANNOTATIONS, frozenset({voc_xml.ENDING})),
        *(Place(MASK, root / name, PNG) for name in masks),
    ]
    return Places(tuple(folders), (), *_listing(voc.list_file(root, split.list)))


def _context(root: Path, settings: str) -> Places:
    split = parse(datasets.VocSplit, settings, "split")
    masks = root / split.masks
    folders = (
        Place(IMAGE, root / voc.IMAGES, IMAGES),
        Place(ANNOTATION, masks, frozenset({".mat"})),
        Place(MASK, masks, PNG),
    )
    return Places(folders, (masks.parent / context.NAMES,), *_listing(voc.list_file(root, split.list)))


def _sbd(root: Path, settings: str) -> Places:
    split = parse(datasets.SbdSplit, settings, "split")
    kept = (Place(ANNOTATION, root / name, frozenset({".mat"})) for name in ("cls", "inst"))
    folders = (Place(IMAGE, root / "img", IMAGES), *kept)
    return Places(folders, (), *_listing(root / f"{split.list}.txt"))


_TREES: dict[str, Callable[[Path, str], Places]] = {"voc": _voc, "context": _context, "sbd": _sbd}


def _listing(path: Path) -> tuple[Callable[[], Names], Callable[[], str]]:
    return partial(_listed, path), partial(_of_list, path)


def _of_list(path: Path) -> str:
    return sha256_of(path) if path.is_file() else ""


def _of_folder(folder: Path) -> str:
    """A hash of the names of all files in a folder and below."""
    names = (os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)
    return hashlib.sha256("\n".join(sorted(names)).encode(errors="surrogateescape")).hexdigest()


def _listed(path: Path) -> Names:
    ids, problems = read_list(path)
    return Names(ids, [f"{image}.jpg" for image in ids], _texts(problems))


def _folder_names(root: Path, split: datasets.FolderSplit, where: folder.Layout) -> Names:
    names, problems = folder.image_names(root, split, where)
    return Names([image_id(name, where.by_path) for name in names], names, _texts(problems))


def _coco_names(root: Path, classes: Sequence[str], settings: str, by_path: bool) -> Names:
    """The images that the JSON names, in its order, or those of the list."""
    listing = coco.read_split(root, tuple(classes), settings)
    names = [check.args[1].name for check in listing.checks if isinstance(check, partial)]  # see `coco.check_entry`
    return Names([image_id(name, by_path) for name in names], names, _texts(listing.problems))


def _texts(problems: Iterable[Problem]) -> list[str]:
    return [each.problem for each in problems]
