"""What `boxsup masks` wrote its parts from, so that they can be looked at and reviewed without its arguments."""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boxsup.catalogue.records import Box, Record
from boxsup.catalogue.reviewed import Decision
from boxsup.config.build import build
from boxsup.config.update import UpdateSettings
from boxsup.errors import DataError
from boxsup.masking.parts import ImagePart, object_numbers, read_part
from boxsup.masking.recipe import Recipe
from boxsup.proposals.methods import build_settings
from boxsup.store.atomic import write_text

MADE, PARTS = "masks.json", "parts"
OVERLAYS, CONTACT, INDEX = "overlays", "contact.jpg", "index.html"  # what `--look` writes


@dataclass(frozen=True)
class MadePart:
    """An image whose masks were made.

    Attributes:
        record: The image and its boxes, with the class ids of the annotations.
        asked: The same, with the class ids of the model; see `MaskMaker.relabelled`.
        key: The key of its part.
        numbers: See `object_numbers`; () if `record` says where its boxes are in the user's file, which `masks.json`
            does not.
    """

    record: Record
    asked: Record
    key: str
    numbers: tuple[int, ...] = ()

    def object_numbers(self) -> tuple[int, ...]:
        """The number of each box among the objects of the image; see `boxsup.masking.parts.object_numbers`."""
        return self.numbers or object_numbers(self.record)

    def part(self, folder: Path, number: int = 1) -> ImagePart:
        """The image with its masks, from its part in `folder`.

        Raises:
            DataError: The part is missing, damaged, or was made anew from something else.
        """
        return ImagePart(self.record, read_part(folder, self.key, self.asked).masks, number)


@dataclass(frozen=True)
class Made:
    """What is known of a folder that `boxsup masks` wrote.

    Attributes:
        out: The folder.
        images: The folder of images.
        classes: Names of the classes of the annotations, the background first.
        recipe: How the masks were made.
        parts: The images whose masks were made.
        written: Formats and pages below the folder, each with a hash of the masks and decisions it was written from.
        reviewed: The file of decisions, if it is not the one in the folder.
    """

    out: Path
    images: Path
    classes: tuple[str, ...]
    recipe: Recipe
    parts: tuple[MadePart, ...]
    written: Mapping[str, str] = field(default_factory=dict)
    reviewed: Path | None = None

    def read_parts(self) -> Iterator[ImagePart]:
        """Read the images with their masks, one after the other."""
        for number, made in enumerate(self.parts, start=1):
            yield made.part(self.out / PARTS, number)


def write_made(made: Made) -> None:
    """Write `masks.json`; paths in it are absolute, so that it is the same wherever the folder is."""
    recipe = made.recipe
    content = {
        "images": _absolute(made.images),
        "classes": list(made.classes),
        "recipe": {
            "model": None if recipe.model is None else _absolute(recipe.model),
            "objects": [_absolute(path) for path in recipe.objects],
            "scales": list(recipe.scales),
            "update": recipe.update.model_dump(by_alias=True),
            "proposals": recipe.proposals.model_dump(by_alias=True),
            "disjoint": recipe.disjoint,
            "megapixels": recipe.megapixels,
            "shipped": recipe.shipped,
        },
        "written": dict(sorted(made.written.items())),
        **({} if made.reviewed is None else {"reviewed": _absolute(made.reviewed)}),
        "parts": [_plain(part) for part in made.parts],
    }
    write_text(made.out / MADE, json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def read_made(out: Path) -> Made:
    """Read `masks.json` of a folder.

    Raises:
        DataError: There is none, or it is damaged.
    """
    path = out / MADE
    if not path.is_file():
        raise DataError(f"{out}: has no {MADE}, so `boxsup masks` did not write it, or an older one did; run it again")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        recipe = content["recipe"]
        return Made(
            out,
            Path(content["images"]),
            tuple(content["classes"]),
            Recipe(
                None if recipe["model"] is None else Path(recipe["model"]),
                tuple(map(Path, recipe["objects"])),
                tuple(map(float, recipe["scales"])),
                build(UpdateSettings, recipe["update"], "update"),
                build_settings(recipe["proposals"], "proposals"),
                bool(recipe["disjoint"]),
                float(recipe["megapixels"]),
                bool(recipe["shipped"]),
            ),
            tuple(_made_part(part) for part in content["parts"]),
            _written(content),
            _reviewed(content),
        )
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be used ({error}); run `boxsup masks` again") from error


@dataclass(frozen=True)
class Before:
    """What an earlier run wrote into a folder, as far as it can be read.

    Attributes:
        images: Its folder of images; None if there was no run.
        paths: Its images whose masks were made.
        written: See `Made.written`.
        reviewed: See `Made.reviewed`.
    """

    images: Path | None = None
    paths: tuple[Path, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)
    reviewed: Path | None = None

    def others(self, images: Path) -> list[Path]:
        """Its images that exist and are not in this folder of images, nor a copy of them."""
        folder = images.resolve()
        if self.images is None or self.images.resolve() == folder:
            return []
        outside = [path for path in self.paths if path.exists() and not path.resolve().is_relative_to(folder)]
        copies = {path: images / os.path.relpath(path, self.images) for path in outside}
        missing = [path for path, copy in copies.items() if not copy.exists()]
        if missing or any(filecmp.cmp(path, copy, shallow=False) for path, copy in copies.items()):
            return missing  # of a copied folder, some images may have been changed
        return outside  # of the same names, as cameras give them


def made_before(out: Path) -> Before:
    """What an earlier run wrote into a folder."""
    try:
        content = json.loads((out / MADE).read_text(encoding="utf-8"))
        paths = tuple(Path(str(part["path"])) for part in content["parts"])
        return Before(Path(str(content["images"])), paths, _written(content), _reviewed(content))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Before()


def masks_digest(parts: Iterable[MadePart], decisions: Iterable[Decision]) -> str:
    """A hash of masks, by the keys of their parts, and of the decisions that are laid over them."""
    content = [[part.key for part in parts], [decision.entry() for decision in decisions]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def old_outputs(out: Path, before: Mapping[str, str], digest: str) -> list[str]:
    """The formats and pages of earlier runs that lie in a folder and were written from other masks or decisions.

    Args:
        out: The folder.
        before: What earlier runs wrote, and this one did not.
        digest: What this run wrote from.
    """
    return [name for name, other in before.items() if other != digest and (out / name).exists()]


def _written(content: Any) -> dict[str, str]:  # noqa: ANN401 - JSON
    found = content.get("written") if isinstance(content, dict) else None
    items = found.items() if isinstance(found, dict) else ()
    return {name: digest for name, digest in items if isinstance(name, str) and isinstance(digest, str)}


def _reviewed(content: Mapping[str, Any]) -> Path | None:
    reviewed = content.get("reviewed")
    return Path(str(reviewed)) if reviewed else None


def _plain(part: MadePart) -> dict[str, Any]:
    record = part.record
    asked: Sequence[int] = [box.class_id for box in part.asked.boxes]
    numbers = list(part.object_numbers())
    return {
        "image": record.image,
        "path": _absolute(Path(record.path)),
        "size": [record.height, record.width],
        "boxes": [list(box) for box in record.boxes],
        "asked": asked,
        "key": part.key,
        **({} if numbers == list(range(1, len(numbers) + 1)) else {"numbers": numbers}),
    }


def _made_part(content: dict[str, Any]) -> MadePart:
    height, width = content["size"]
    boxes = [Box(*box) for box in content["boxes"]]
    path = str(content["path"])
    pairs = zip(boxes, content["asked"], strict=True)
    asked = [box._replace(class_id=class_id) for box, class_id in pairs]
    record, other = (Record(content["image"], path, height, width, boxes=each) for each in (boxes, asked))
    numbers = tuple(map(int, content.get("numbers", ())))
    if len(numbers) not in (0, len(boxes)):
        raise ValueError("other numbers than boxes")
    return MadePart(record, other, content["key"], numbers)


def _absolute(path: Path) -> str:
    return os.path.abspath(path)
