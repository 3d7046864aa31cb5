"""A copy of somebody's COCO JSON in which annotations have masks: all else stays as its owner has it.

Ids of any type, crowds, categories, keys of other tools and the order of everything are kept. Segmentations are most of
such a file: those that stay are held as text, which takes a quarter of the memory, and the copy is written piece by
piece.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from boxsup.catalogue.readers.coco_form import identity
from boxsup.errors import DataError
from boxsup.store.atomic import atomic_write
from boxsup.store.foreign import read_json

CHANGED = "was changed while masks were made; run again"
Json = dict[str, Any]


class MaskFields(NamedTuple):
    """What an annotation gets: the JSON of the keys to set, and its image's height and width in pixels."""

    fields: str
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class _Text:
    json: str


def write(path: str | os.PathLike[str], own: Path, filled: Mapping[int, MaskFields]) -> None:
    """Write the copy, whole or not at all; equal contents give equal bytes.

    Args:
        path: Of the copy.
        own: The user's JSON.
        filled: Annotations, by their places in `annotations`, from 0. Their images get `height` and `width` where they
            have none, which pycocotools needs to decode a mask.

    Raises:
        DataError: The user's file cannot be read, or has fewer annotations: it is no longer what was read before.
    """
    content = read_json(own, "it was there when its boxes were read", _with_texts)
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list) or len(annotations) <= max(filled, default=-1):
        raise DataError(f"{own}: {CHANGED}")
    content["images"] = list(_with_sizes(content.get("images", []), annotations, filled))
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
    ):
        for piece in _pieces(content, filled):
            file.write(piece)


def _pieces(content: Json, filled: Mapping[int, MaskFields]) -> Iterator[str]:
    """The text of the copy."""
    for place, (key, value) in enumerate(content.items()):
        yield f"{',' if place else '{'}{_dump(key)}:"
        if key == "annotations":
            yield from _list_pieces(value, lambda number, each: _annotation(each, filled.get(number)))
        elif isinstance(value, list):
            yield from _list_pieces(value, lambda _, each: _dump(each))
        else:
            yield _dump(value)
    yield "}\n"


def _list_pieces(values: Sequence[Any], dump: Callable[[int, Any], str]) -> Iterator[str]:
    yield "["
    for place, value in enumerate(values):
        yield f"{',' if place else ''}{dump(place, value)}"
    yield "]"


def _annotation(record: Json, filled: MaskFields | None) -> str:
    return _dump({**record, **json.loads(filled.fields)} if filled else record)


def _with_sizes(
    images: Sequence[Json], annotations: Sequence[Json], filled: Mapping[int, MaskFields]
) -> Iterator[Json]:
    sizes = {identity(annotations[place]["image_id"]): (own.height, own.width) for place, own in filled.items()}
    for image in images:
        height, width = sizes.get(identity(image["id"]), (None, None))
        missing = {key: side for key, side in (("height", height), ("width", width)) if image.get(key) is None and side}
        yield {**image, **missing}


def _with_texts(record: Json) -> Json:
    if record.get("segmentation"):
        record["segmentation"] = _Text(_dump(record["segmentation"]))
    return record


def _dump(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_of_text)


def _of_text(value: Any) -> Any:  # noqa: ANN401 - JSON
    return json.loads(value.json)
