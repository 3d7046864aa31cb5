"""Writes masks as LabelMe's polygons: into a copy of a user's file, or into a new file.

A polygon is one ring of corners, a quarter of a pixel inside the mask; holes are joined to it by slits
(`boxsup.writers.rings`). LabelMe's own `shape_to_mask` turns it back into the mask, and draws a slit one pixel wide. As
in LabelMe, an object in several pieces becomes several polygons with the same label and `group_id`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from boxsup.catalogue.readers.labelme import IGNORED
from boxsup.image.packed import PackedMask, packed_mask
from boxsup.writers.objects import MaskedObject, worst_first
from boxsup.writers.rings import inset_ring, mask_parts

VERSION = "5.4.1"  # the version of LabelMe whose form we write
Json = dict[str, Any]


def replace_shapes(
    content: bytes,
    masks: Mapping[tuple[int, ...], PackedMask],
    labels: Mapping[tuple[int, ...], str] | None = None,
    left_out: Collection[tuple[int, ...]] = (),
) -> bytes:
    """Replace the shapes of objects by polygons of their masks. Everything else stays as it is.

    The polygons take the place of the object's first shape. Each copies the other fields (label, flags, description …)
    of one of the object's shapes, in order; surplus polygons copy the last shape.

    Args:
        content: Content of a readable file.
        masks: The mask of each object, by the indices (from 0) of its shapes in `shapes`.
        labels: The labels of objects whose class was corrected, by the same.
        left_out: The objects that are none, by the same; the copy has none of their shapes.
    """
    file: Json = json.loads(content)
    shapes: list[Json] = file["shapes"]
    taken = {str(shape.get("group_id")) for shape in shapes}
    groups = (number for number in count(1) if str(number) not in taken)
    for indices, label in (labels or {}).items():
        new: Json = {"label": label}
        if _has_another(shapes, indices, label):
            new["group_id"] = next(groups)
        for index in indices:
            shapes[index] = {**shapes[index], **new}
    replacements: dict[int, list[Json]] = {index: [] for indices in left_out for index in indices}
    for indices in sorted(masks):
        replacements |= {index: [] for index in indices}
        own = [shapes[index] for index in indices]
        replacements[min(indices)] = list(_polygons(own, masks[indices], groups))
    replaced = [replacements.get(index, [shape]) for index, shape in enumerate(shapes)]
    return _dump({**file, "shapes": [shape for pieces in replaced for shape in pieces]})


def _has_another(shapes: Sequence[Json], indices: tuple[int, ...], label: str) -> bool:
    """Whether an object with another label would be one with others, which have that label and its group."""
    group = shapes[indices[0]].get("group_id")
    others = (shape for index, shape in enumerate(shapes) if index not in indices)
    return group is not None and any(
        shape["label"] == label and str(shape.get("group_id")) == str(group) for shape in others
    )


def new_file(objects: Sequence[MaskedObject], classes: Sequence[str], image: str, height: int, width: int) -> bytes:
    """The file of an image whose annotations are in another format; objects with the worst score come first.

    Args:
        objects: The image's objects. Crowds are void, `__ignore__`.
        classes: Class names, the background first.
        image: Path of the image relative to the folder of the file.
        height: Image height in pixels.
        width: Image width in pixels.
    """
    groups, shapes = count(1), list[Json]()
    for item in worst_first(objects):
        said = "" if item.score is None else f"score {item.score:.2f}"
        label = IGNORED if item.crowd else classes[item.class_id]
        shape: Json = {"label": label, "group_id": None, "description": said, "flags": {}}
        shapes += _polygons([shape], packed_mask(item), groups)
    head: Json = {"version": VERSION, "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None}
    return _dump({**head, "imageHeight": height, "imageWidth": width})


def _polygons(shapes: Sequence[Json], mask: PackedMask, groups: Iterator[int]) -> Iterator[Json]:
    """The polygons of an object given by `shapes`. Several polygons of shapes without a group get a new group."""
    parts = mask_parts(mask)
    ungrouped = any(shape.get("group_id") is None for shape in shapes)
    new_group = next(groups) if ungrouped and len(parts) > 1 else None
    for index, part in enumerate(parts):
        model = shapes[min(index, len(shapes) - 1)]
        group = new_group if model.get("group_id") is None else model["group_id"]
        points = inset_ring([part]).tolist()
        shape = {**model, "points": points, "shape_type": "polygon", "group_id": group}
        yield shape | ({"mask": None} if "mask" in model else {})


def _dump(file: Json) -> bytes:
    """A file's bytes, formatted as LabelMe does."""
    return json.dumps(file, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
