"""Reads COCO's instance annotations (Lin et al., ECCV 2014), and other tools' files of that form.

One JSON holds the `images`, `annotations` and `categories` of a split; images lie in a folder. Boxes are the
annotations' `bbox`; true masks are drawn from their polygons and runs by pycocotools. What a class is called may be
COCO's name or VOC's: with VOC's 20 classes, the 20 categories that both have are taken (sec. 5.1 of the paper), and
objects of the others are background.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.palette import encode_mask
from boxsup.catalogue.readers.segments import draw, segment
from boxsup.catalogue.records import (
    MAX_ID,
    Box,
    Listing,
    Problem,
    Record,
    check_inside,
    check_pixels,
    is_id,
    links_outside,
    problem,
)
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


@dataclass(frozen=True)
class CocoSplit:
    """A split's settings.

    Attributes:
        annotations: The JSON, below the root.
        images: The folder of its images, likewise.
        masks: Whether to draw masks.
        links: Whether symbolic links may lead out of the root.
    """

    annotations: str
    images: str
    masks: bool
    links: bool = False


class Entry(NamedTuple):
    """What the JSON says of an image: its id with us, its file, height and width, and its annotations."""

    image: str
    path: Path
    height: int
    width: int
    annotations: list[Json]


class Thing(NamedTuple):
    """An object: its box, and the pixels that it covers, H×W, if masks are drawn."""

    box: Box
    pixels: NDArray[np.bool_] | None


def read_split(root: Path, classes: tuple[str, ...], settings: str) -> Listing:
    """A split of COCO; see `boxsup.catalogue.readers`."""
    split = parse(CocoSplit, settings, "split")
    path = root / split.annotations
    inside = None if split.links else root
    check_inside(path, inside)
    content = read_json(path, WHERE, _with_arrays if split.masks else _without_segmentation)
    _check_form(content, path)
    labels = labels_of(content["categories"], classes, path)
    entries, problems = _entries(content, path, root / split.images)
    return Listing(
        [partial(check_image, entry, inside, labels, split.masks, path) for entry in entries],
        problems,
        draws=split.masks,
    )


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


def check_image(entry: Entry, inside: Path | None, labels: dict[int, int], masks: bool, path: Path) -> Record:
    """Check an image with its annotations, and draw its masks.

    Args:
        entry: The image.
        inside: The folder that links may not lead out of; None: they may.
        labels: See `labels_of`.
        masks: Whether to draw them.
        path: The JSON, to name it.
    """
    outside = links_outside(entry.image, inside, entry.path)
    if outside:
        return Record(entry.image, str(entry.path), problems=outside)
    (height, width), problems = check_pixels(entry.image, entry.path)
    if height and (height, width) != (entry.height, entry.width):
        text = f"the image has {width}×{height} pixels, its entry says {entry.width}×{entry.height} (width×height)"
        problems.append(problem(entry.image, entry.path, text))
    things: list[Thing] = []
    if not problems:
        things, texts = _things(entry, labels, masks)
        problems += [problem(entry.image, path, text) for text in texts]
    drawn = {}
    if masks and not problems:
        shown = [(thing.box.label, bool(thing.box.crowd), thing.pixels) for thing in things if thing.pixels is not None]
        mask, objects = draw(height, width, shown)
        drawn["mask"] = encode_mask(mask)
        if objects is not None:
            drawn["objects"] = encode_mask(objects)
    boxes = [thing.box for thing in things]
    return Record(entry.image, str(entry.path), height, width, boxes=boxes, problems=problems, drawn=drawn)


def box_of(bbox: Any, height: int, width: int) -> tuple[int, int, int, int]:  # noqa: ANN401 - JSON
    """Half-open pixel corners x0, y0, x1, y1 of COCO's `bbox`.

    COCO's x, y, width and height are of the continuous plane, from 0: a pixel belongs to the box if its middle does, so
    the borders are rounded. What is thinner than that becomes one pixel wide.

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
    sides = []
    for start, extent, size in ((x, across, width), (y, down, height)):
        first, last = math.floor(start + 0.5), math.floor(start + extent + 0.5)
        if first < 0 or last > size:
            raise ValueError(f"bbox {bbox} is not inside its image of {width}×{height} pixels (width×height)")
        first = min(first, size - 1)
        sides.append((first, max(last, first + 1)))
    (x0, x1), (y0, y1) = sides
    return x0, y0, x1, y1


def _things(entry: Entry, labels: dict[int, int], masks: bool) -> tuple[list[Thing], list[str]]:
    """The objects of our classes that are right, in the order of the file, and one line for each that is wrong."""
    things, texts = [], []
    for annotation in entry.annotations:
        label = labels.get(annotation["category_id"])
        if label == 0:
            continue
        try:
            if label is None:
                raise ValueError(f"category_id {annotation['category_id']} is no category")
            if annotation.get("iscrowd", 0) not in (0, 1):
                raise ValueError(f"iscrowd must be 0 or 1, got {annotation['iscrowd']!r}")
            corners = box_of(annotation.get("bbox"), entry.height, entry.width)
            pixels = segment(annotation.get("segmentation"), entry.height, entry.width) if masks else None
            things.append(Thing(Box(label, *corners, crowd=int(annotation.get("iscrowd", 0))), pixels))
        except ValueError as error:
            texts.append(f"annotation {annotation.get('id')}: {error}")
    return things, texts


def _entries(content: Json, path: Path, folder: Path) -> tuple[list[Entry], list[Problem]]:
    """The images of a checked JSON in its order, those that can be looked up, and what is wrong with the others."""
    by_image: dict[int, list[Json]] = defaultdict(list)
    for annotation in content["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
    entries, problems = [], []
    seen: set[str] = set()
    for record in content["images"]:
        name = record["file_name"]
        image = PurePosixPath(name).stem
        own = by_image.pop(record["id"], [])
        if not _is_inside(name) or not is_id(image):
            problems.append(
                Problem(name[:MAX_ID], str(path), f"file_name {name[:60]!r} is no file of the image folder")
            )
        elif image in seen:
            problems.append(Problem(image, str(path), f"two images are called {image}; file names make ids"))
        else:
            seen.add(image)
            entries.append(Entry(image, folder / name, record["height"], record["width"], own))
    problems += [
        Problem("", str(path), f"annotation {own[0].get('id')}: no image has its image_id {number}")
        for number, own in by_image.items()
    ]
    return entries, problems


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


def _is_inside(name: str) -> bool:
    """Whether a file name stays in its folder; a folder below it is fine."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and not set(name) & set("\\\0")


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
