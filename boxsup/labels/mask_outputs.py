"""What `boxsup masks` gives of the images that are done: masks in other tools' formats, and a table of all boxes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from boxsup.labels.box_masks import BoxMask
from boxsup.labels.mask_parts import ImagePart
from boxsup.labels.mask_quality import Measures, flags, least_seen, quality
from boxsup.store.atomic import creating, write_text
from boxsup.writers import boxes, coco, voc, yolo
from boxsup.writers.objects import MaskedObject

# The measures but for the tightness, which stands in the table as `iou` already.
MEASURES = tuple(name for name in Measures._fields if name != "tightness")
COLUMNS = (*boxes.COLUMNS, "file", "flags", "rectangle", "fill", *MEASURES)

Parts = Iterable[ImagePart]


def write_voc(out: Path, parts: Parts, classes: Sequence[str], images: Path) -> None:
    """`voc/SegmentationClass/ID.png` and `voc/SegmentationObject/ID.png`."""
    with creating(out / "voc") as folder:
        folder.mkdir()
        for part in parts:
            record = part.record
            voc.write(folder, record.image, record.height, record.width, [thing for _, thing in things_of(part)])


def write_yolo(out: Path, parts: Parts, classes: Sequence[str], images: Path) -> None:
    """`yolo/labels/ID.txt` and `yolo/data.yaml`, which asks for the images in `yolo/images`."""
    with creating(out / "yolo") as folder:
        folder.mkdir()
        write_text(folder / "data.yaml", yolo.data_yaml(classes))
        for part in parts:
            labels = Path("labels", file_of(part, images)).with_suffix(".txt")
            yolo.write(folder / labels, [thing for _, thing in things_of(part)])


def write_coco(out: Path, parts: Parts, classes: Sequence[str], images: Path, encoding: coco.Encoding = "rle") -> None:
    """`coco.json`, masks as runs; or `coco_polygons.json`."""
    entries: list[coco.ImageEntry] = []
    annotations: list[coco.Json] = []
    for number, part in enumerate(parts, start=1):
        entries.append(coco.ImageEntry(number, file_of(part, images), part.record.height, part.record.width))
        for _, thing in things_of(part):
            annotations.append(coco.annotation(len(annotations) + 1, number, thing, encoding))
    name = "coco.json" if encoding == "rle" else "coco_polygons.json"
    coco.write(out / name, coco.content(entries, annotations, classes))


def write_polygons(out: Path, parts: Parts, classes: Sequence[str], images: Path) -> None:
    """`coco_polygons.json`."""
    write_coco(out, parts, classes, images, "polygons")


# Format -> what writes it, from the folder of results, the parts in order, the classes with the background first, the
# folder of images.
FORMATS: dict[str, Callable[[Path, Parts, Sequence[str], Path], None]] = {
    "voc": write_voc,
    "coco": write_coco,
    "coco_polygons": write_polygons,
    "yolo": write_yolo,
}


# Format -> what it writes below the folder of results: files, and folders that appear whole.
PLACES: dict[str, str] = {"voc": "voc", "coco": "coco.json", "coco_polygons": "coco_polygons.json", "yolo": "yolo"}


def table_of(parts: Parts, classes: Sequence[str], images: Path) -> pd.DataFrame:
    """A row a box with its mask's quality and flags, the boxes that a person should look at first.

    Returns:
        Columns COLUMNS: those of tightened boxes, where `score` is the quality; the file; `flags` with a space between;
        whether the mask is the box's rectangle; `fill`, the share of the box that the mask covers; and the measures
        behind these.
    """
    found = [pair for part in parts for pair in _rows(part, classes, images)]
    least = least_seen([measures.seen for _, measures in found])
    rows = [row | {"flags": " ".join(flags(measures, least))} for row, measures in found]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table.assign(flagged=table["flags"] == "").sort_values(["flagged", "score"], kind="stable").index
    return table.loc[order]


def file_of(part: ImagePart, images: Path) -> str:
    """The name of an image's file below the folder of images."""
    return Path(os.path.relpath(part.record.path, images)).as_posix()


def things_of(part: ImagePart) -> Iterator[tuple[BoxMask, MaskedObject]]:
    """The masks of an image's boxes, and each as an object to write; crowds have none, and are left out."""
    for box, mask in zip(part.record.boxes, part.masks, strict=True):
        if mask is not None:
            score = round(quality(mask.measures), 4)
            yield mask, MaskedObject(box.label, (box.x0, box.y0, box.x1, box.y1), mask.pixels, score)


def _rows(part: ImagePart, classes: Sequence[str], images: Path) -> Iterator[tuple[dict[str, object], Measures]]:
    """The row of each box, without its flags, and what is known of its mask."""
    things = list(things_of(part))
    tightened = boxes.rows(part.record.image, [thing for _, thing in things], classes)
    for row, (mask, thing) in zip(tightened, things, strict=True):
        x0, y0, x1, y1 = thing.box
        rival = mask.measures.rival
        own = {
            "file": file_of(part, images),
            "rectangle": int(mask.rectangle),
            "fill": thing.pixels.sum() / ((x1 - x0) * (y1 - y0)),
            **mask.measures._asdict(),
            "rival": classes[rival] if 0 < rival < len(classes) else "",
        }
        yield dict(zip(boxes.COLUMNS, row, strict=True)) | own, mask.measures
