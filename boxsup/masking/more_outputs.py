"""The files that `boxsup masks` writes for tools whose own annotations it does not read."""

from __future__ import annotations

import json
from pathlib import Path

from boxsup.catalogue.records import Problem
from boxsup.image.palette import colour_id, css_colour
from boxsup.masking.copies import MaskResults
from boxsup.masking.parts import file_of, masked_objects, void_objects
from boxsup.store.atomic import atomic_write, write_bytes, write_text
from boxsup.writers import cityscapes, coco, label_studio, panoptic

CITY = Path("gtFine", "train", "images")  # Cityscapes' folders: split, city


def write_panoptic(out: Path, results: MaskResults) -> list[Problem]:
    """Write `panoptic/annotations/panoptic_train.json` and the PNGs beside it, in COCO's folders."""
    source = results.source
    entries: list[coco.ImageEntry] = []
    annotations: list[coco.Json] = []
    with atomic_write(out / "panoptic") as folder:
        pictures = folder / "annotations" / panoptic.SPLIT
        pictures.mkdir(parents=True)
        for part in results.parts():
            record = part.record
            objects = [*(masked for *_, masked in masked_objects(part)), *void_objects(part)]
            ids, infos = panoptic.segments(record.height, record.width, objects)
            write_bytes(pictures / f"{record.image}.png", panoptic.png(ids))
            entries.append(coco.ImageEntry(part.number, file_of(part, source.images), record.height, record.width))
            png = {"image_id": part.number, "file_name": f"{record.image}.png"}
            annotations.append(png | {"segments_info": infos})
        coco.write(pictures.with_suffix(".json"), panoptic.content(entries, annotations, source.classes))
    return []


def write_cityscapes(out: Path, results: MaskResults) -> list[Problem]:
    """Write `cityscapes/gtFine/train/images/ID_gtFine_{labelIds,instanceIds}.png` and `cityscapes/label_colors.txt`."""
    problems, void = [], False
    with atomic_write(out / "cityscapes") as folder:
        (folder / CITY).mkdir(parents=True)
        for part in results.parts():
            record, void = part.record, void or bool(part.unknown)
            objects = [*(masked for *_, masked in masked_objects(part)), *void_objects(part)]
            try:
                labels, instances = cityscapes.label_ids(record.height, record.width, objects)
            except ValueError as error:
                problems.append(Problem(record.image, record.path, f"{error}: not in cityscapes/"))
                continue
            for kind, ids in (("labelIds", labels), ("instanceIds", instances)):
                write_bytes(folder / CITY / f"{record.image}_gtFine_{kind}.png", cityscapes.png(ids))
        write_text(folder / "label_colors.txt", cityscapes.label_colors(results.source.classes, void))
    return problems


def write_label_studio(out: Path, results: MaskResults) -> list[Problem]:
    """Write `label_studio/tasks.json`, the worst image first, and `label_studio/labelling.xml`."""
    source = results.source
    tasks: list[tuple[float, str]] = []  # as text, which takes less memory
    for part in results.parts():
        objects = [masked for *_, masked in masked_objects(part)]
        record = part.record
        task = label_studio.task(file_of(part, source.images), record.height, record.width, objects, source.classes)
        score = task["predictions"][0].get("score", float("inf"))
        tasks.append((score, json.dumps(task, ensure_ascii=False, separators=(",", ":"))))
    tasks.sort(key=lambda pair: pair[0])
    with atomic_write(out / "label_studio") as folder:
        folder.mkdir()
        write_text(folder / "tasks.json", "[" + ",\n".join(text for _, text in tasks) + "]\n")
        colours = [css_colour(colour_id(number)) for number in range(len(source.classes))]
        write_text(folder / "labelling.xml", label_studio.labelling(source.classes, colours))
    return []
