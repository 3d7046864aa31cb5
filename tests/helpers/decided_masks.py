"""The files of `boxsup masks` after decisions, without candidates or networks: masks that fill their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from boxsup.catalogue.records import Problem, Record
from boxsup.catalogue.reviewed import BoxKey, Decision
from boxsup.catalogue.sources import Source, open_source
from boxsup.image.boxes import Corners
from boxsup.image.runs import runs_of
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.decided import Decisions, keys_of
from boxsup.masking.outputs import FORMATS
from boxsup.masking.parts import ImagePart
from boxsup.masking.quality import Measures

WIDTH, HEIGHT = 120, 90
MEASURES = Measures(*(np.nan,) * 4, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0)


class Reviewed:
    """The image `images/a.png` below a folder, its boxes, and decisions on them.

    Attributes:
        source: The annotations.
        part: The image as it is annotated.
        others: Images beside it, on which nothing is decided.
        decisions: What was decided.
    """

    def __init__(self, folder: Path, boxes: str, images: str = "images") -> None:
        """Make the image, unless there are others, and read the boxes of the first."""
        self.folder, self.images = folder, folder / images
        if not self.images.exists():
            self.images.mkdir()
            Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(self.images / "a.png")
        self.source, [self.part, *self.others] = read_parts(self.images, folder / boxes)
        self.decisions = Decisions({}, self.source.classes)

    def key(self, index: int) -> BoxKey:
        """What decisions on a box are known by."""
        return keys_of(self.part, self.source.classes)[index]

    def decide(self, index: int, verdict: str, to_class: str = "", to_box: Corners | None = None) -> None:
        """Decide on a box; a mask fills it."""
        key = self.key(index)
        x0, y0, x1, y1 = box = to_box or key.corners
        pixels = np.zeros((HEIGHT, WIDTH), np.bool_)
        pixels[y0:y1, x0:x1] = True
        runs = runs_of(pixels) if verdict == "mask" else None
        decision = Decision("n", key, verdict, to_class or key.class_name, box, runs, 0.5, 0.5, False)
        self.decisions.latest[key] = decision

    def write(self, name: str, **more: Any) -> tuple[Path, list[Problem]]:
        """Write a format below `out`."""
        decided = self.decisions.applied(self.part)
        results = MaskResults(self.source, stamps_of(self.source), lambda: iter([decided, *self.others]), **more)
        return self.folder / "out", FORMATS[name].write(self.folder / "out", results)

    def read(self, boxes: str) -> list[tuple[str, Corners]]:
        """Classes and corners of the objects in a file or folder below `out`."""
        source, [part] = read_parts(self.images, self.folder / "out" / boxes)
        return [(source.classes[box.class_id], box[1:5]) for box in part.record.boxes]


def read_parts(images: Path, boxes: Path) -> tuple[Source, list[ImagePart]]:
    """Annotations, and their images with masks."""
    source = open_source(images, boxes)
    records = [check() for check in source.listing().checks]
    assert not any(record.problems for record in records), records
    return source, [ImagePart(record, filled(record), number) for number, record in enumerate(records, start=1)]


def filled(record: Record) -> list[BoxMask | None]:
    """Masks that fill their boxes."""
    masks: list[BoxMask | None] = []
    for box in record.boxes:
        pixels = np.zeros((record.height, record.width), np.bool_)
        pixels[box.y0 : box.y1, box.x0 : box.x1] = True
        masks.append(BoxMask(pixels, True, MEASURES))
    return masks


def coco_content(annotations: Sequence[dict[str, Any]], categories: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """COCO's JSON of the image."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": number, "name": name} for number, name in categories],
        "annotations": [{"id": 11 + place, "image_id": 1, **own} for place, own in enumerate(annotations)],
    }


def voc_object(name: str, corners: Corners | None, more: str = "", before: str = "") -> str:
    """An object of VOC's XML, on one line."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners or (), strict=False)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object>{before}<name>{name}</name>{more}{f'<bndbox>{box}</bndbox>' if corners else ''}</object>"
