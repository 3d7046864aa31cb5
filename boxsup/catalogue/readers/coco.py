"""Reads COCO's instance annotations (Lin et al., ECCV 2014), and other tools' files of that form.

One JSON holds the `images`, `annotations` and `categories` of a split; the images are in a folder. Boxes are the
annotations' `bbox`; true masks are drawn from their polygons and runs. A class may have COCO's name or VOC's: VOC's 20
classes select the 20 categories that both data sets have (sec. 5.1 of the paper), and objects of other categories are
background. An export of several folders, each with its images and its JSON, is read as one data set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from boxsup.catalogue.names import image_id, is_background, normalised, printable
from boxsup.catalogue.readers.beside import find_file, unmatched_files
from boxsup.catalogue.readers.coco_form import EXPORT, Id, Json, identity, instance_files, read_instances
from boxsup.catalogue.readers.coco_names import elsewhere, entry_problem, image_name
from boxsup.catalogue.readers.coco_objects import parse_annotation
from boxsup.catalogue.readers.folder import (
    GuardedPath,
    Layout,
    ParsedObjects,
    check_image,
    image_names,
    layout,
)
from boxsup.catalogue.readers.segments import NO_BOX, AnnotatedObject
from boxsup.catalogue.records import Check, Listing, Problem, Record, image_problem
from boxsup.config.build import parse
from boxsup.config.datasets import FolderSplit
from boxsup.errors import DataError

VOC_NAMES = {  # COCO's name -> VOC's name, if they differ
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "dining table": "diningtable",
    "potted plant": "pottedplant",
    "couch": "sofa",
    "tv": "tvmonitor",
}
ClassIds = dict[Id, int | str]
OTHER_SIZE = (
    "it was scaled, or a viewer turns it (EXIF), so boxes do not fit; save it as it was annotated, or remove the "
    "entry's `height` and `width` if they do fit"
)


class Entry(NamedTuple):
    """An image in a JSON.

    Attributes:
        name: Its name below the folder of images.
        height: Height in pixels; 0 if the JSON does not state it.
        width: Width in pixels; 0 if the JSON does not state it.
        annotations: The image's annotations, each with its index in the file.
        repeated: Annotation ids that occur more than once in the file.
    """

    name: str
    height: int
    width: int
    annotations: list[tuple[int, Json]]
    repeated: frozenset[Id] = frozenset()


class Instances(NamedTuple):
    """The content of a JSON.

    Attributes:
        where: The split's files, with this JSON as annotations.
        class_ids: The class of each category, see `class_ids_of`.
        entries: The valid images.
        invalid: The name of each other image, and its problem.
        strays: A line about each image_id that no image has.
        categories: The names of the categories.
    """

    where: Layout
    class_ids: ClassIds
    entries: list[Entry]
    invalid: list[tuple[str, Problem]]
    strays: list[Problem]
    categories: list[str]


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """List a split of COCO; see `boxsup.catalogue.readers`."""
    split = parse(FolderSplit, settings, "split")
    where = layout(root, split, classes)
    files = instance_files(where.annotations.path)
    if not files:
        raise DataError(f"{where.annotations.path}: no {EXPORT} in this folder or in one below")
    names_by_id: dict[str, str] = {}
    parts = [_instances(where, file, classes, names_by_id) for file in files]
    _check_classes(parts, classes, where.annotations.path)
    masks = where.mask_files()
    checks = {
        entry.name: partial(check_entry, part.where, entry, part.class_ids, masks.find(entry.name) if masks else None)
        for part in parts
        for entry in part.entries
    }
    invalid = [item for part in parts for item in part.invalid]
    if split.list:
        return _listed(checks, invalid, *image_names(root, split, where), root / split.list, where)
    problems = [problem for _, problem in invalid]
    unmatched = [stray for part in parts for stray in part.strays]
    unmatched += unmatched_files(masks, list(checks), where.images.path, where.mask_folder) if masks else []
    ids = [image_id(name, where.by_path) for name in checks]
    return Listing(ids, list(checks.values()), problems, where.drawn, unmatched)


def open_instances(path: Path) -> tuple[list[str], list[str]]:
    """The names of the categories and of the images (below their folder) in a JSON, or in an export's JSONs."""
    categories, images = [], []
    for file in instance_files(path):
        content = read_instances(GuardedPath(file, None), drawn=False)
        categories += [category["name"] for category in content["categories"]]
        images += [image_name(record, file, path) for record in content["images"]]
    return categories, images


def _listed(
    checks: Mapping[str, Check],
    invalid: Sequence[tuple[str, Problem]],
    names: Sequence[str],
    problems: Sequence[Problem],
    path: Path,
    where: Layout,
) -> Listing:
    """The images on a list, in its order. Problems of other images do not matter."""
    known = checks.keys() | {name for name, _ in invalid}
    same = {normalised(name): name for name in known}  # the JSON and the list may spell accents differently
    own = {name: name if name in known else same.get(normalised(name), "") for name in names}
    missing = [name for name in names if not own[name]]
    if missing:
        raise DataError(f"{path}: {missing[0]} is no file_name of the JSON's images; take it off the list")
    listed = dict.fromkeys(own.values())
    more_problems = [problem for name, problem in invalid if name in listed]
    valid = [name for name in listed if name in checks]
    ids = [image_id(name, where.by_path) for name in valid]
    return Listing(ids, [checks[name] for name in valid], [*problems, *more_problems], where.drawn)


def class_ids_of(categories: Sequence[Json], classes: Sequence[str]) -> ClassIds:
    """The class of each category id: 1…C-1, 0 for the background, the name of a category that is not ours.

    >>> categories = [{"id": 5, "name": "airplane"}, {"id": 7, "name": "car"}]
    >>> class_ids_of(categories, ("background", "bird", "aeroplane"))
    {5: 2, 7: 'car'}

    Args:
        categories: COCO's `categories`.
        classes: Class names, the background first.
    """
    class_ids: ClassIds = {}
    for category in categories:
        names = category["name"], VOC_NAMES.get(category["name"])
        class_id = next((classes.index(name) for name in names if name in classes[1:]), None)
        other = 0 if is_background(category["name"]) else str(category["name"])
        class_ids[category["id"]] = other if class_id is None else class_id
    return class_ids


def check_entry(where: Layout, entry: Entry, class_ids: ClassIds, mask: Path | None) -> Record:
    """Check an image with its annotations, and draw its masks.

    Args:
        where: The split's files.
        entry: The image.
        class_ids: The class of each category, see `class_ids_of`.
        mask: The PNG of its true mask, or None.
    """

    def parse_objects(height: int, width: int) -> ParsedObjects:
        stated = entry.height or height, entry.width or width
        if stated != (height, width):
            actual_size, stated_size = f"{width}×{height}", f"{stated[1]}×{stated[0]}"
            text = f"{entry.name}: the image has {actual_size} pixels, its entry says {stated_size} (width×height)"
            return [], [f"{text}: {OTHER_SIZE}"]
        return _objects(entry, class_ids, height, width, where.drawn)

    path = find_file(where.images.path, entry.name)
    advice = "" if path.exists() or path.is_symlink() else elsewhere(where.images.path, entry.name)
    if advice:
        image = image_id(entry.name, where.by_path)
        return Record(image, str(path), problems=[image_problem(image, path, f"no such image; {advice}")])
    return check_image(where, entry.name, where.annotations.path, mask, parse_objects)


def _objects(entry: Entry, class_ids: ClassIds, height: int, width: int, drawn: bool) -> ParsedObjects:
    """The valid objects, in the order of the file, and one line for each invalid one; see `AnnotatedObject.other`."""
    objects, texts = [], []
    for index, annotation in entry.annotations:
        number = identity(annotation.get("id"))
        try:
            if annotation["category_id"] not in class_ids:
                raise ValueError(f"category_id {annotation['category_id']} is no category")
            class_id = class_ids[annotation["category_id"]]
            if isinstance(class_id, str):
                objects.append(AnnotatedObject(NO_BOX, None, other=class_id))
                continue
            item = parse_annotation(annotation, class_id, height, width, drawn)
        except ValueError as error:
            texts.append(f"annotation {annotation.get('id')}: {error}")
            continue
        notes = ["another annotation has this id too"] if number in entry.repeated else []
        notes += ["its category is the background, it is no object"] if class_id == 0 else []
        notes += [item.note] if item.note else []
        note = f"annotation {annotation.get('id')}: {'; '.join(notes)}" if notes else ""
        objects.append(replace(item, origin=(index,), note=note))
    return objects, texts


def _instances(where: Layout, file: Path, classes: Sequence[str], names_by_id: dict[str, str]) -> Instances:
    """The content of a JSON. Adds its images to `names_by_id`, which maps ids to names below the folder of images."""
    annotation_file = GuardedPath(file, where.annotations.inside)
    content = read_instances(annotation_file, where.drawn)
    by_image: dict[Id, list[tuple[int, Json]]] = defaultdict(list)
    for index, annotation in enumerate(content["annotations"]):
        by_image[annotation["image_id"]].append((index, annotation))
    counts = Counter(record["id"] for record in content["images"])
    repeated = _repeated(content["annotations"])
    entries, invalid = [], []
    for record in content["images"]:
        name = image_name(record, file, where.annotations.path)
        image, annotations = image_id(name, where.by_path), by_image.get(record["id"], [])
        problem = entry_problem(name, names_by_id.get(image), file, where)
        if problem is None and counts[record["id"]] > 1:
            problem = image_problem(image, file, _shared_id(name, record["id"], counts[record["id"]]))
        if problem is None:
            names_by_id[image] = name
            twice = repeated.intersection(identity(item.get("id")) for _, item in annotations) if repeated else ()
            entries.append(Entry(name, record["height"], record["width"], annotations, frozenset(twice)))
        else:
            invalid.append((name, problem))
    strays = [
        image_problem("", file, _stray([annotation.get("id") for _, annotation in annotations], number))
        for number, annotations in by_image.items()
        if number not in counts
    ]
    class_ids = class_ids_of(content["categories"], classes)
    names = [category["name"] for category in content["categories"]]
    return Instances(replace(where, annotations=annotation_file), class_ids, entries, invalid, strays, names)


def _check_classes(parts: Sequence[Instances], classes: Sequence[str], path: Path) -> None:
    known = {class_id for part in parts for class_id in part.class_ids.values()}
    missing = [name for class_id, name in enumerate(classes) if class_id not in known and class_id]
    if missing:
        names = ", ".join(dict.fromkeys(name for part in parts for name in part.categories))
        raise DataError(f"{path}: the class '{missing[0]}' is no category of this file; it has {printable(names)}")


def _repeated(annotations: Iterable[Json]) -> set[Id]:
    counts = Counter(identity(annotation.get("id")) for annotation in annotations)
    return {number for number, count in counts.items() if count > 1 and number is not None}


def _stray(ids: Sequence[Id | None], number: Id) -> str:
    """The line about annotations, by their ids, whose image is missing.

    >>> _stray([7, 8, 9], 5)
    'annotation 7 and 2 more: no image has their image_id 5'
    """
    more = f" and {len(ids) - 1:,} more" if len(ids) > 1 else ""
    return f"annotation {ids[0]}{more}: no image has {'their' if more else 'its'} image_id {number}"


def _shared_id(name: str, number: Id, count: int) -> str:
    """The problem of an image that shares its id with others, as in files that were merged."""
    text = f"{name}: {count} images have the id {number}: nobody can tell whose their boxes are"
    return f"{text}; give each image an id of its own"
