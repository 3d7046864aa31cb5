"""Masks as LabelMe's polygons: in a copy of somebody's own file, or in a file of ours.

A polygon is one ring of corners, a quarter of a pixel within the mask: holes are joined to it by slits
(`boxsup.writers.rings`). LabelMe's own `shape_to_mask` makes the mask of it, and of a slit a line one pixel wide. An
object in several pieces is several polygons of one label and `group_id`, as LabelMe has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boxsup.writers.objects import MaskedObject
from boxsup.writers.rings import inset_ring, mask_parts

VERSION = "5.4.1"  # of LabelMe, whose form files of ours have
Json = dict[str, Any]
Mask = NDArray[np.bool_]


def replace_shapes(content: bytes, masks: Mapping[tuple[int, ...], Mask]) -> bytes:
    """A file in which objects are polygons; all else, other shapes among it, is as it was.

    The pieces of an object stand where its first shape stood. Each takes what a shape of the object says (label, flags,
    description …), in their order, the pieces that are left what the last one says.

    Args:
        content: Of a file that can be read.
        masks: H×W of the image each, by the places in `shapes`, from 0, of what each object was given by.
    """
    file: Json = json.loads(content)
    shapes: list[Json] = file["shapes"]
    taken = {str(shape.get("group_id")) for shape in shapes}
    groups = (number for number in count(1) if str(number) not in taken)
    drawn: dict[int, list[Json]] = {}
    for places, mask in sorted(masks.items()):
        drawn |= {place: [] for place in places}
        drawn[min(places)] = list(_polygons([shapes[place] for place in places], mask, groups))
    kept = [drawn.get(place, [shape]) for place, shape in enumerate(shapes)]
    return _dump({**file, "shapes": [shape for each in kept for shape in each]})


def new_file(things: Sequence[MaskedObject], classes: Sequence[str], image: str, height: int, width: int) -> bytes:
    """A file of an image whose annotations are in another format.

    Args:
        things: Its objects.
        classes: Names by label, the background first.
        image: Its path from the folder of the file.
        height: In pixels.
        width: Likewise.
    """
    own: Json = {"group_id": None, "description": "", "flags": {}}
    groups, shapes = count(1), list[Json]()
    for thing in things:
        shapes += _polygons([{"label": classes[thing.class_id], **own}], thing.pixels, groups)
    head: Json = {"version": VERSION, "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    return _dump({**head, "imageHeight": height, "imageWidth": width})


def _polygons(shapes: Sequence[Json], mask: Mask, groups: Iterator[int]) -> Iterator[Json]:
    """The pieces of an object that shapes gave, in a group of their own if there are several and they were in none."""
    parts = mask_parts(mask)
    alone = any(shape.get("group_id") is None for shape in shapes)
    group = next(groups) if alone and len(parts) > 1 else None
    for place, part in enumerate(parts):
        own = shapes[min(place, len(shapes) - 1)]
        named = own.get("group_id")
        points = inset_ring([part]).tolist()
        shape = {**own, "points": points, "shape_type": "polygon", "group_id": group if named is None else named}
        yield shape | ({"mask": None} if "mask" in own else {})


def _dump(file: Json) -> bytes:
    """As LabelMe itself writes."""
    return json.dumps(file, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
