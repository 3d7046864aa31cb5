"""Writes a copy of a user's COCO JSON in which annotations have masks. Everything else stays as it is.

Ids of any type, crowds, categories, other tools' keys and all orders are kept. Segmentations take most of such a file:
those that stay are held as text, which takes a quarter of the memory, and the copy is written piece by piece.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from boxsup.catalogue.names import class_name
from boxsup.catalogue.readers.coco_form import identity
from boxsup.errors import DataError
from boxsup.store.atomic import atomic_write
from boxsup.store.foreign import read_json

CHANGED = "was changed while masks were made; run again"
Json = dict[str, Any]


class MaskFields(NamedTuple):
    """What is new about an annotation.

    Attributes:
        fields: The fields to set, as JSON. A `bbox` among them is upright: CVAT's rotation of the old one becomes 0.
        height: Height of its image in pixels.
        width: Width of its image in pixels.
        class_name: Its class, if that is new; else "".
        bbox: x, y, width, height, for an annotation that has none.
    """

    fields: str
    height: int
    width: int
    class_name: str = ""
    bbox: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Text:
    json: str


def write(
    path: str | os.PathLike[str], source: Path, masks: Mapping[int, MaskFields], left_out: Collection[int] = ()
) -> list[str]:
    """Write the copy, whole or not at all. Equal contents give equal bytes.

    Args:
        path: The copy.
        source: The user's JSON.
        masks: The new fields, by the index (from 0) of the annotation in `annotations`. Images of these annotations
            also get `height` and `width` where they have none that pycocotools can use to decode a mask (null, 0, -1,
            NaN, "640"), and the annotations a `bbox` where they have none. Annotations without an id get free numbers.
        left_out: The indices of annotations that the copy does not have, since their objects are none.

    Returns:
        A line for each annotation whose class is new, and no category of the file: it keeps its old one.

    Raises:
        DataError: The user's file cannot be read, or was changed and has fewer annotations than before.
    """
    content = read_json(source, "it was there when its boxes were read", _with_texts)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list) or len(annotations) <= max([*masks, *left_out], default=-1):
        raise DataError(f"{source}: {CHANGED}")
    faults = [*_renamed(content, masks)]
    content["annotations"] = list(_with_ids(annotations))
    content["images"] = list(_with_sizes(content.get("images", []), annotations, masks))
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        for piece in _pieces(content, masks, left_out):
            file.write(piece)
    return faults


def _pieces(content: Json, masks: Mapping[int, MaskFields], left_out: Collection[int]) -> Iterator[str]:
    """The text of the copy, piece by piece."""
    for index, (key, value) in enumerate(content.items()):
        yield f"{',' if index else '{'}{_dump(key)}:"
        if key == "annotations":
            numbered = enumerate(value)
            kept = (_annotation(record, masks.get(number)) for number, record in numbered if number not in left_out)
            yield from _list_pieces(kept)
        elif isinstance(value, list):
            yield from _list_pieces(map(_dump, value))
        else:
            yield _dump(value)
    yield "}\n"


def _list_pieces(dumped: Iterable[str]) -> Iterator[str]:
    yield "["
    for index, text in enumerate(dumped):
        yield f"{',' if index else ''}{text}"
    yield "]"


def _annotation(record: Json, mask: MaskFields | None) -> str:
    if mask is None:
        return _dump(record)
    box = {"bbox": mask.bbox} if mask.bbox and not record.get("bbox") else {}
    return _dump(_changed(record, box | json.loads(mask.fields)))


def _changed(record: Json, fields: Json) -> Json:
    """An annotation with other fields. CVAT rotates the `bbox` by its attribute, which a new one must not be."""
    attributes = record.get("attributes")
    if "bbox" in fields and isinstance(attributes, dict) and attributes.get("rotation"):
        fields["attributes"] = {**attributes, "rotation": 0.0}
    return {**record, **fields}


def _renamed(content: Json, masks: Mapping[int, MaskFields]) -> Iterator[str]:
    """Set the category of annotations whose class is new; yields a line for each whose class is no category.

    Several categories may have one name. An annotation keeps its own if that has the name already, else it gets the
    first of them.
    """
    annotations, categories = content["annotations"], content.get("categories", [])
    named = [(class_name(category.get("name")), category.get("id")) for category in categories]
    for index, mask in masks.items():
        own, ids = annotations[index], [number for name, number in named if name == mask.class_name]
        if mask.class_name and not ids:
            about = f"annotation {own.get('id')}: its class should be '{mask.class_name}', which is no category here"
            yield f"{about}, and stays as it is; add the category"
        elif mask.class_name and own.get("category_id") not in ids:
            own["category_id"] = ids[0]


def _with_ids(annotations: Sequence[Json]) -> Iterator[Json]:
    """The annotations, where those without an id, which pycocotools cannot read, have the next free numbers."""
    known = [record["id"] for record in annotations if type(record.get("id")) is int]
    free = itertools.count(max([0, *known]) + 1)
    for record in annotations:
        yield record if record.get("id") is not None else {**record, "id": next(free)}


def _with_sizes(images: Sequence[Json], annotations: Sequence[Json], masks: Mapping[int, MaskFields]) -> Iterator[Json]:
    sizes = {identity(annotations[index]["image_id"]): (mask.height, mask.width) for index, mask in masks.items()}
    for image in images:
        height, width = sizes.get(identity(image["id"]), (None, None))
        sides = {"height": height, "width": width}
        yield {**image, **{key: side for key, side in sides.items() if side and not _is_size(image.get(key))}}


def _is_size(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether pycocotools can work with a height or width. It draws nothing with 0, and knows no -1, NaN or text."""
    return type(value) in (int, float) and value > 0


def _with_texts(record: Json) -> Json:
    if record.get("segmentation"):
        record["segmentation"] = _Text(_dump(record["segmentation"]))
    return record


def _dump(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_of_text)


def _of_text(value: Any) -> Any:  # noqa: ANN401 - JSON
    return json.loads(value.json)
