"""Reads COCO's instance annotations (Lin et al., ECCV 2014), and other tools' files of that form.

One JSON holds the `images`, `annotations` and `categories` of a split; images lie in a folder. Boxes are the
annotations' `bbox`; true masks are drawn from their polygons and runs by pycocotools. What a class is called may be
COCO's name or VOC's: with VOC's 20 classes, the 20 categories that both have are taken (sec. 5.1 of the paper), and
objects of the others are background. An export of several folders, each with its images and its JSON, is read whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from boxsup.catalogue.names import image_id, is_background, plain_path, shown
from boxsup.catalogue.readers.beside import existing, lost_files
from boxsup.catalogue.readers.coco_form import EXPORT, Id, Json, identity, instance_files, read_instances
from boxsup.catalogue.readers.coco_objects import thing_of
from boxsup.catalogue.readers.folder import (
    Found,
    Layout,
    SplitPlace,
    check_image,
    image_names,
    layout,
    name_problem,
)
from boxsup.catalogue.readers.image_files import ENDINGS
from boxsup.catalogue.records import Check, Listing, Problem, Record, problem
from boxsup.config.build import parse
from boxsup.config.datasets import FolderSplit
from boxsup.errors import DataError

VOC_NAMES = {  # of the categories that VOC calls otherwise
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "dining table": "diningtable",
    "potted plant": "pottedplant",
    "couch": "sofa",
    "tv": "tvmonitor",
}
Labels = dict[Id, int | None]


class Entry(NamedTuple):
    """What a JSON says of an image.

    Attributes:
        name: Below the folder of images.
        height: In pixels, 0 if it is not said.
        width: Likewise.
        annotations: Its own, each with its place in the file.
        repeated: Ids of annotations that stand in the file more than once.
    """

    name: str
    height: int
    width: int
    annotations: list[tuple[int, Json]]
    repeated: frozenset[Id] = frozenset()


class Instances(NamedTuple):
    """What is in a JSON.

    Attributes:
        where: The split's files, its annotations this JSON.
        labels: See `labels_of`.
        entries: The images that can be looked up.
        wrong: The name of each other image, and what is wrong with it.
        strays: Annotations of no image.
        categories: Names.
    """

    where: Layout
    labels: Labels
    entries: list[Entry]
    wrong: list[tuple[str, Problem]]
    strays: list[Problem]
    categories: list[str]


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of COCO; see `boxsup.catalogue.readers`."""
    split = parse(FolderSplit, settings, "split")
    where = layout(root, split, classes)
    files = instance_files(where.annotations.path)
    if not files:
        raise DataError(f"{where.annotations.path}: no {EXPORT} in this folder or in one below")
    taken: dict[str, str] = {}
    parts = [_instances(where, file, classes, taken) for file in files]
    _check_classes(parts, classes, where.annotations.path)
    masks = where.mask_files()
    checks = {
        entry.name: partial(check_entry, part.where, entry, part.labels, masks.of(entry.name) if masks else None)
        for part in parts
        for entry in part.entries
    }
    wrong = [each for part in parts for each in part.wrong]
    if split.list:
        return _listed(checks, wrong, *image_names(root, split, where), root / split.list, where)
    problems = [found for _, found in wrong] + [stray for part in parts for stray in part.strays]
    lost = lost_files(masks, list(checks), where.images.path) if masks else []
    ids = [image_id(name, where.by_path) for name in checks]
    return Listing(ids, list(checks.values()), problems, where.drawn, lost)


def open_instances(path: Path) -> tuple[list[str], list[str]]:
    """The names of the categories, and those of the images below their folder, that a JSON or an export's have."""
    categories, images = [], []
    for file in instance_files(path):
        content = read_instances(SplitPlace(file, None), drawn=False)
        categories += [category["name"] for category in content["categories"]]
        images += [image_name(record, file, path) for record in content["images"]]
    return categories, images


def _listed(
    checks: Mapping[str, Check],
    wrong: Sequence[tuple[str, Problem]],
    names: Sequence[str],
    problems: Sequence[Problem],
    path: Path,
    where: Layout,
) -> Listing:
    """The images that a list names, in its order; what is wrong with others does not matter."""
    known = checks.keys() | {name for name, _ in wrong}
    missing = [name for name in names if name not in known]
    if missing:
        raise DataError(f"{path}: {missing[0]} is no file_name of the JSON's images; take it off the list")
    listed = set(names)
    own = [found for name, found in wrong if name in listed]
    right = [name for name in names if name in checks]
    ids = [image_id(name, where.by_path) for name in right]
    return Listing(ids, [checks[name] for name in right], [*problems, *own], where.drawn)


def labels_of(categories: Sequence[Json], classes: Sequence[str]) -> Labels:
    """The label of each category's id: 1…C-1, None where it is none of our classes, 0 where it is the background.

    Args:
        categories: COCO's `categories`.
        classes: Names by label, the background first.
    """
    labels: Labels = {}
    for category in categories:
        names = category["name"], VOC_NAMES.get(category["name"])
        label = next((classes.index(name) for name in names if name in classes[1:]), None)
        labels[category["id"]] = 0 if label is None and is_background(category["name"]) else label
    return labels


def check_entry(where: Layout, entry: Entry, labels: Labels, mask: Path | None) -> Record:
    """Check an image with its annotations, and draw its masks.

    Args:
        where: The split's files.
        entry: The image.
        labels: See `labels_of`.
        mask: The PNG of its true mask, or None.
    """

    def things(height: int, width: int) -> Found:
        said = entry.height or height, entry.width or width
        if said != (height, width):
            got, said_size = f"{width}×{height}", f"{said[1]}×{said[0]}"
            return [], [f"{entry.name}: the image has {got} pixels, its entry says {said_size} (width×height)"]
        return _things(entry, labels, height, width, where.drawn)

    path = existing(where.images.path, entry.name)
    advice = "" if path.exists() or path.is_symlink() else _elsewhere(where.images.path, entry.name)
    if advice:
        image = image_id(entry.name, where.by_path)
        return Record(image, str(path), problems=[problem(image, path, f"no such image; {advice}")])
    return check_image(where, entry.name, where.annotations.path, mask, things)


def _things(entry: Entry, labels: Labels, height: int, width: int, drawn: bool) -> Found:
    """The objects of our classes that are right, in the order of the file, and one line for each that is wrong."""
    things, texts = [], []
    for place, annotation in entry.annotations:
        number = identity(annotation.get("id"))
        try:
            if annotation["category_id"] not in labels:
                raise ValueError(f"category_id {annotation['category_id']} is no category")
            label = labels[annotation["category_id"]]
            if label is None:
                continue
            thing = thing_of(annotation, label, height, width, drawn)
        except ValueError as error:
            texts.append(f"annotation {annotation.get('id')}: {error}")
            continue
        notes = ["another annotation has this id too"] if number in entry.repeated else []
        notes += ["its category is the background, it is no object"] if label == 0 else []
        notes += [thing.note] if thing.note else []
        note = f"annotation {annotation.get('id')}: {'; '.join(notes)}" if notes else ""
        things.append(replace(thing, origin=(place,), note=note))
    return things, texts


def _elsewhere(folder: Path, name: str) -> str:
    """What to do about an image that is there by the end of its name only, or with another ending; "" if it is not."""
    parts = PurePosixPath(name).parts
    ends = ["/".join(parts[skip:]) for skip in range(1, len(parts))]
    end = next((end for end in ends if (folder / end).is_file()), "")
    if end:
        first = name.removesuffix(end)
        return f"it is there as {end}: name the folder that holds {first} by --images, or take it out of file_name"
    spelled = (ending for small in ENDINGS for ending in (small, small.upper()))
    others = (f"{PurePosixPath(name).with_suffix(ending)}" for ending in spelled)
    other = next((other for other in others if (folder / other).is_file()), "")
    return f"{other} is there: let file_name say so, or rename the file" if other else ""


def image_name(image: Json, file: Path, path: Path) -> str:
    """An image's name below the folder of images; those of an export's JSON lie beside it."""
    below = file.parent.relative_to(path) if file != path else Path()
    return plain_path((below / image["file_name"]).as_posix() if below.parts else image["file_name"])


def _instances(where: Layout, file: Path, classes: Sequence[str], taken: dict[str, str]) -> Instances:
    """What is in a JSON; `taken` holds the names of images by their ids, and gets these."""
    place = SplitPlace(file, where.annotations.inside)
    content = read_instances(place, where.drawn)
    by_image: dict[Id, list[tuple[int, Json]]] = defaultdict(list)
    for place_in_file, annotation in enumerate(content["annotations"]):
        by_image[annotation["image_id"]].append((place_in_file, annotation))
    numbers = Counter(record["id"] for record in content["images"])
    repeated = _repeated(content["annotations"])
    entries, wrong = [], []
    for record in content["images"]:
        name = image_name(record, file, where.annotations.path)
        image, own = image_id(name, where.by_path), by_image.get(record["id"], [])
        found = name_problem(name, taken.get(image), file, where.by_path)
        if found is None and numbers[record["id"]] > 1:
            found = problem(image, file, _shared(name, record["id"], numbers[record["id"]]))
        if found is None:
            taken[image] = name
            twice = repeated.intersection(identity(annotation.get("id")) for _, annotation in own) if repeated else ()
            entries.append(Entry(name, record["height"], record["width"], own, frozenset(twice)))
        else:
            wrong.append((name, found))
    strays = [
        problem("", file, f"annotation {own[0][1].get('id')}: no image has its image_id {number}")
        for number, own in by_image.items()
        if number not in numbers
    ]
    labels = labels_of(content["categories"], classes)
    names = [category["name"] for category in content["categories"]]
    return Instances(replace(where, annotations=place), labels, entries, wrong, strays, names)


def _check_classes(parts: Sequence[Instances], classes: Sequence[str], path: Path) -> None:
    known = {label for part in parts for label in part.labels.values()}
    missing = [name for label, name in enumerate(classes) if label not in known and label]
    if missing:
        names = ", ".join(dict.fromkeys(name for part in parts for name in part.categories))
        raise DataError(f"{path}: the class '{missing[0]}' is no category of this file; it has {shown(names)}")


def _repeated(annotations: Iterable[Json]) -> set[Id]:
    counts = Counter(identity(annotation.get("id")) for annotation in annotations)
    return {number for number, count in counts.items() if count > 1 and number is not None}


def _shared(name: str, number: Id, count: int) -> str:
    """What is wrong with an image whose id is that of others too, as in files that were put together."""
    text = f"{name}: {count} images have the id {number}: nobody can tell whose their boxes are"
    return f"{text}; give each image an id of its own"
