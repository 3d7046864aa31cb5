"""Reads COCO's instance annotations (Lin et al., ECCV 2014), and other tools' files of that form.

One JSON holds the `images`, `annotations` and `categories` of a split; images lie in a folder. Boxes are the
annotations' `bbox`; true masks are drawn from their polygons and runs by pycocotools. What a class is called may be
COCO's name or VOC's: with VOC's 20 classes, the 20 categories that both have are taken (sec. 5.1 of the paper), and
objects of the others are background.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boxsup.catalogue.names import image_id
from boxsup.catalogue.readers.beside import lost_files
from boxsup.catalogue.readers.folder import (
    FolderSplit,
    Found,
    Layout,
    Place,
    check_image,
    image_names,
    layout,
    name_problem,
)
from boxsup.catalogue.readers.segments import Thing, pixel_box, segment
from boxsup.catalogue.records import Box, Listing, Problem, Record, check_inside
from boxsup.errors import DataError
from boxsup.settings import parse
from boxsup.store.foreign import read_json

WHERE = (
    "unpack COCO's annotations_trainval2017.zip, train2017.zip and val2017.zip (cocodataset.org) into the data set's "
    "`root`, or let it name the folder where they are; results/demo_semi/report.html needs no data"
)
VOC_NAMES = {  # of the categories that VOC calls otherwise
    "airplane": "aeroplane",
    "motorcycle": "motorbike",
    "dining table": "diningtable",
    "potted plant": "pottedplant",
    "couch": "sofa",
    "tv": "tvmonitor",
}
Json = dict[str, Any]


class Entry(NamedTuple):
    """What the JSON says of an image: its name below the folder of images, height and width, and its annotations.

    Each annotation comes with its place in the file.
    """

    name: str
    height: int
    width: int
    annotations: list[tuple[int, Json]]


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of COCO; see `boxsup.catalogue.readers`."""
    split = parse(FolderSplit, settings, "split")
    where = layout(root, split, classes)
    path = where.annotations.path
    content = read_instances(where.annotations, where.drawn)
    labels = labels_of(content["categories"], classes, path)
    entries, problems = _entries(content, path, where.by_path)
    if split.list:
        names, more = image_names(root, split, where)
        entries, problems = _listed(entries, names, root / split.list), problems + more
    masks = where.mask_files()
    checks = [partial(check_entry, where, entry, labels, masks.of(entry.name) if masks else None) for entry in entries]
    lost = lost_files(masks, [entry.name for entry in entries], where.images.path) if masks and not split.list else []
    return Listing(checks, problems, where.drawn, lost)


def read_instances(place: Place, drawn: bool) -> Json:
    """The JSON of a split, its form checked; without segmentations unless masks are drawn.

    Raises:
        DataError: It is missing, leads out of its folder, or is no such JSON.
    """
    check_inside(place.path, place.inside)
    content: Json = read_json(place.path, WHERE, _with_arrays if drawn else _without_segmentation)
    _check_form(content, place.path)
    return content


def labels_of(categories: Sequence[Json], classes: Sequence[str], path: Path) -> dict[int, int]:
    """The label 1…C-1 of each category's id, 0 where it is none of our classes.

    Args:
        categories: COCO's `categories`.
        classes: Names by label, the background first.
        path: The JSON.

    Raises:
        DataError: A class is none of them.
    """
    labels = {}
    for category in categories:
        names = category["name"], VOC_NAMES.get(category["name"])
        labels[category["id"]] = next((classes.index(name) for name in names if name in classes[1:]), 0)
    missing = [name for label, name in enumerate(classes) if label and label not in labels.values()]
    if missing:
        known = ", ".join(category["name"] for category in categories)
        raise DataError(f"{path}: the class '{missing[0]}' is no category of this file; it has {known}")
    return labels


def check_entry(where: Layout, entry: Entry, labels: dict[int, int], mask: Path | None) -> Record:
    """Check an image with its annotations, and draw its masks.

    Args:
        where: The split's files.
        entry: The image.
        labels: See `labels_of`.
        mask: The PNG of its true mask, or None.
    """

    def things(height: int, width: int) -> Found:
        if (height, width) != (entry.height, entry.width):
            got, said = f"{width}×{height}", f"{entry.width}×{entry.height}"
            return [], [f"{entry.name}: the image has {got} pixels, its entry says {said} (width×height)"]
        return _things(entry, labels, where.drawn)

    return check_image(where, entry.name, where.annotations.path, mask, things)


def box_of(bbox: Any, height: int, width: int) -> tuple[int, int, int, int]:  # noqa: ANN401 - JSON
    """Half-open pixel corners x0, y0, x1, y1 of COCO's `bbox`: x, y, width and height on the plane; see `pixel_box`.

    Args:
        bbox: Four numbers.
        height: Of the image in pixels.
        width: Likewise.

    Raises:
        ValueError: Says what is wrong with it.
    """
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
        raise ValueError(f"bbox must be [x, y, width, height], got {str(bbox)[:60]}")
    x, y, across, down = bbox
    if across < 0 or down < 0:
        raise ValueError(f"bbox {bbox} has a width or height below 0")
    return pixel_box((x, y, x + across, y + down), height, width, f"bbox {bbox}")


def _things(entry: Entry, labels: dict[int, int], drawn: bool) -> Found:
    """The objects of our classes that are right, in the order of the file, and one line for each that is wrong."""
    things, texts = [], []
    for place, annotation in entry.annotations:
        label = labels.get(annotation["category_id"])
        if label == 0:
            continue
        try:
            if label is None:
                raise ValueError(f"category_id {annotation['category_id']} is no category")
            if annotation.get("iscrowd", 0) not in (0, 1):
                raise ValueError(f"iscrowd must be 0 or 1, got {annotation['iscrowd']!r}")
            corners = box_of(annotation.get("bbox"), entry.height, entry.width)
            own = annotation.get("segmentation") if drawn else None
            pixels = segment(own, entry.height, entry.width) if own else None
            things.append(Thing(Box(label, *corners, crowd=int(annotation.get("iscrowd", 0))), pixels, (place,)))
        except ValueError as error:
            texts.append(f"annotation {annotation.get('id')}: {error}")
    return things, texts


def _listed(entries: Sequence[Entry], names: Sequence[str], path: Path) -> list[Entry]:
    """The entries of the images that a list names, in its order."""
    known = {entry.name: entry for entry in entries}
    missing = [name for name in names if name not in known]
    if missing:
        raise DataError(f"{path}: {missing[0]} is no file_name of the JSON's images; take it off the list")
    return [known[name] for name in names]


def _entries(content: Json, path: Path, by_path: bool) -> tuple[list[Entry], list[Problem]]:
    """The images of a checked JSON in its order, those that can be looked up, and what is wrong with the others."""
    by_image: dict[int, list[tuple[int, Json]]] = defaultdict(list)
    for place, annotation in enumerate(content["annotations"]):
        by_image[annotation["image_id"]].append((place, annotation))
    entries: dict[str, Entry] = {}
    problems = []
    for record in content["images"]:
        name = record["file_name"]
        own = by_image.pop(record["id"], [])
        image = image_id(name, by_path)
        wrong = name_problem(name, entries[image].name if image in entries else None, path, by_path)
        if wrong is None:
            entries[image] = Entry(name, record["height"], record["width"], own)
        else:
            problems.append(wrong)
    problems += [
        Problem("", str(path), f"annotation {own[0][1].get('id')}: no image has its image_id {number}")
        for number, own in by_image.items()
    ]
    return list(entries.values()), problems


def _check_form(content: Any, path: Path) -> None:  # noqa: ANN401 - JSON
    """Raise a DataError unless a JSON has the lists of COCO's instances, and their records what all of them need."""
    forms: dict[str, dict[str, type]] = {
        "images": {"id": int, "file_name": str, "height": int, "width": int},
        "annotations": {"image_id": int, "category_id": int},
        "categories": {"id": int, "name": str},
    }
    for name, keys in forms.items():
        records = content.get(name) if isinstance(content, dict) else None
        if not isinstance(records, list):
            raise DataError(f"{path}: expected COCO's instances, with lists of {', '.join(forms)}; {name} is none")
        wrong = next((place for place, record in enumerate(records) if not _has(record, **keys)), None)
        if wrong is not None:
            raise DataError(f"{path}: {name}[{wrong}]: expected a mapping with {', '.join(keys)}, of their types")
    if not content["images"]:
        raise DataError(f"{path}: lists no image")


def _has(record: Any, **keys: type) -> bool:  # noqa: ANN401 - JSON
    return isinstance(record, dict) and all(type(record.get(key)) is kind for key, kind in keys.items())


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return type(value) in (int, float) and abs(value) < 1e9  # not NaN either


def _with_arrays(record: Json) -> Json:
    """Polygons as arrays: COCO has tens of millions of numbers, and Python's own take four times the memory."""
    polygons = record.get("segmentation")
    if isinstance(polygons, list):
        record["segmentation"] = [_array(polygon) for polygon in polygons]
    return record


def _array(polygon: Any) -> Any:  # noqa: ANN401 - JSON
    numbers = isinstance(polygon, list) and all(type(value) in (int, float) for value in polygon)
    return np.array(polygon, np.float64) if numbers else polygon


def _without_segmentation(record: Json) -> Json:
    record.pop("segmentation", None)
    return record
