"""The files that `boxsup masks` writes: the user's own files with masks, and the formats of other tools."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from boxsup.catalogue.readers.voc import ANNOTATIONS, OBJECT_MASKS
from boxsup.catalogue.records import Problem
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.image import VOID
from boxsup.image.packed import PackedMask, packed_mask
from boxsup.masking.copies import MaskResults, changed, copy_files
from boxsup.masking.corrections import (
    corrected_class,
    corrected_corners,
    corrected_xml,
    labelme_labels,
    lines_of,
    origins_of,
    yolo_numbers,
)
from boxsup.masking.more_outputs import write_cityscapes, write_label_studio, write_panoptic
from boxsup.masking.parts import ImagePart, file_of, masked_objects, object_numbers, void_object, void_objects
from boxsup.store.atomic import atomic_write, write_bytes, write_text
from boxsup.store.foreign import read_content
from boxsup.writers import cityscapes, coco, coco_copy, labelme, voc, voc_copy, yolo, yolo_data
from boxsup.writers.objects import MaskedObject

# The format of the boxes -> the format of their masks.
MASK_FORMATS = {"coco": "coco", "voc_xml": "voc", "yolo": "yolo", "labelme": "labelme"}


def write_voc(out: Path, results: MaskResults) -> list[Problem]:
    """Write `voc/SegmentationClass/ID.png`, `voc/SegmentationObject/ID.png`, `voc/labelmap.txt`, `voc/Annotations`."""
    source, problems = results.source, list[Problem]()
    with atomic_write(out / "voc") as folder:
        folder.mkdir()
        write_text(folder / "labelmap.txt", voc.labelmap(source.classes))
        for part in results.parts():
            record = part.record
            objects = [*(masked for *_, masked in masked_objects(part)), *void_objects(part)]
            if source.format == "voc_xml":
                objects = _as_in_xml(part, objects)
            missing = voc.write(folder, record.image, record.height, record.width, objects)
            if missing:
                text = f"{missing}: not in voc/{OBJECT_MASKS}; other formats, such as coco, have them all"
                problems.append(Problem(record.image, record.path, text))
        if source.format != "voc_xml":
            return problems
        return problems + copy_files(
            *(folder / ANNOTATIONS, source.annotations, results),
            lambda part, xml: corrected_xml(part, source, voc_copy.mark_segmented(xml)),
        )


def write_yolo(out: Path, results: MaskResults) -> list[Problem]:
    """Write a copy of the user's YOLO files; for other formats `yolo/labels/ID.txt` and a `data.yaml` of our own.

    Labels are where Ultralytics looks for them. If each image has a folder `images` in its path, as Label Studio's and
    Roboflow's have, these folders are meant to be laid beside `data.yaml`; otherwise, all images below `yolo/images`.
    """
    source = results.source
    with atomic_write(out / "yolo") as folder:
        folder.mkdir()
        if source.format == "yolo" and source.data is not None:
            base = _yolo_base(source.annotations, source.data)
            names = read_content(source.data, "it was there when its labels were read")
            if source.data.suffix.lower() in (".yaml", ".yml"):
                names = yolo_data.copied(names, source.data, base)
            write_bytes(folder / os.path.relpath(source.data, base), names)
            numbers = yolo_numbers(source)
            return copy_files(
                *(folder, base, results),
                fill=lambda part, text: yolo.replace_boxes(
                    text, _line_masks(part), numbers(part), lines_of(part, (*part.nothing, *part.void))
                ),
                other=lambda text: yolo.replace_boxes(text, {}),
            )
        folders = {yolo.images_folder(PurePosixPath(file_of(part, source.images))) for part in results.parts()}
        below, named = ("", sorted(folders)) if folders and "" not in folders else ("images", ["images"])
        images = named[0] if len(named) == 1 else named
        write_text(folder / "data.yaml", yolo.data_yaml(source.classes, images, images))
        for part in results.parts():
            labels = yolo.label_path(PurePosixPath(below, file_of(part, source.images)))
            yolo.write(folder / labels, (masked for *_, masked in masked_objects(part)))
    return []


def write_labelme(out: Path, results: MaskResults) -> list[Problem]:
    """Write a copy of the user's LabelMe files; for other formats new files, which name the images where they are."""
    source = results.source
    with atomic_write(out / "labelme") as folder:
        folder.mkdir()
        if source.format == "labelme":
            return copy_files(
                *(folder, source.annotations, results),
                lambda part, text: labelme.replace_shapes(
                    text,
                    _masks_by_origin(part)
                    | {part.record.origins[i]: packed_mask(void_object(part, i)) for i in part.void},
                    labelme_labels(part, source),
                    origins_of(part, part.nothing),
                ),
            )
        for part in results.parts():
            file, record = Path(file_of(part, source.images)).with_suffix(".json"), part.record
            image = Path(os.path.relpath(record.path, (out / "labelme" / file).parent)).as_posix()
            objects = [*(masked for *_, masked in masked_objects(part)), *void_objects(part)]
            write_bytes(folder / file, labelme.new_file(objects, source.classes, image, record.height, record.width))
    return []


def write_coco(out: Path, results: MaskResults, encoding: coco.Encoding = "rle") -> list[Problem]:
    """Write `coco.json` (masks as runs) or `coco_polygons.json`: a copy of the user's file, or one with new numbers."""
    source = results.source
    path = out / output_path("coco" if encoding == "rle" else "coco_polygons", source)
    if source.format == "coco":
        return _copy_coco(path, results, encoding)
    entries: list[coco.ImageEntry] = []
    annotations: list[coco.Json] = []
    for part in results.parts():
        record, number = part.record, part.number
        entries.append(coco.ImageEntry(number, file_of(part, source.images), record.height, record.width))
        for masked in [*(masked for *_, masked in masked_objects(part)), *void_objects(part)]:
            annotations.append(coco.annotation(len(annotations) + 1, number, masked, encoding, results.tight))
    coco.write(path, coco.content(entries, annotations, source.classes))
    return []


def write_polygons(out: Path, results: MaskResults) -> list[Problem]:
    """Write `coco_polygons.json`."""
    return write_coco(out, results, "polygons")


class Format(NamedTuple):
    """An output format.

    Attributes:
        path: The file or folder to write, below the folder of results.
        write: Writes it, given the folder of results and the results. Returns the problems with the user's files that
            could not be copied.
    """

    path: str
    write: Callable[[Path, MaskResults], list[Problem]]


FORMATS = {
    "voc": Format("voc", write_voc),
    "coco": Format("coco.json", write_coco),
    "coco_polygons": Format("coco_polygons.json", write_polygons),
    "yolo": Format("yolo", write_yolo),
    "labelme": Format("labelme", write_labelme),
    "panoptic": Format("panoptic", write_panoptic),
    "cityscapes": Format("cityscapes", write_cityscapes),
    "label_studio": Format("label_studio", write_label_studio),
}
# The most classes that a format has numbers for.
MOST_CLASSES = {"voc": VOID - 1, "cityscapes": cityscapes.MAX_CLASS}


def output_path(name: str, source: Source) -> str:
    """Return where a format is written, below the folder of results; COCO's is a folder if the user's export is one."""
    path = Path(FORMATS[name].path)
    export = source.format == "coco" and source.annotations.is_dir()
    return path.stem if export and path.suffix else path.name


def formats_of(asked: Sequence[str] | None, source: Source) -> list[str]:
    """Return the formats asked for, each once; by default the user's own, VOC's and COCO's.

    Raises:
        DataError: A format is asked for, and there are more classes than its PNGs have values.
    """
    count = len(source.classes) - 1
    for name in asked or ():
        if count > MOST_CLASSES.get(name, count):
            raise DataError(
                f"--format {name}: {source.annotations} has {count} classes, and PNGs have values for "
                f"{MOST_CLASSES[name]}; name another format, such as coco"
            )
    usual = (MASK_FORMATS[source.format], *(["voc"] if count <= MOST_CLASSES["voc"] else []), "coco")
    return list(dict.fromkeys(asked or usual))


def _copy_coco(path: Path, results: MaskResults, encoding: coco.Encoding) -> list[Problem]:
    """Write a copy of the user's JSON, or of each JSON of an export; return the problems with changed files."""
    problems = {file: changed(results, file) for file in results.stamps}
    filled, left_out = _filled(results, encoding)

    def write(copy: Path, file: Path) -> None:
        faults = coco_copy.write(copy, file, filled.get(file, {}), left_out[file])
        problems[file] += [Problem("", str(file), fault) for fault in faults]

    unchanged = [file for file, wrong in problems.items() if not wrong]
    if results.source.annotations.is_dir():
        with atomic_write(path) as folder:
            folder.mkdir()
            for file in unchanged:
                write(folder / os.path.relpath(file, results.source.annotations), file)
    else:
        for file in unchanged:
            write(path, file)
    return [problem for wrong in problems.values() for problem in wrong]


def _filled(
    results: MaskResults, encoding: coco.Encoding
) -> tuple[dict[Path, dict[int, coco_copy.MaskFields]], dict[Path, set[int]]]:
    """What each annotation gets: file -> index of the annotation in it -> its new fields; and those left out."""
    filled: dict[Path, dict[int, coco_copy.MaskFields]] = defaultdict(dict)
    left_out: dict[Path, set[int]] = defaultdict(set)
    for part in results.parts():
        record, file = part.record, Path(part.record.annotation)
        left_out[file] |= lines_of(part, part.nothing)
        masked = {index: masked for index, _, masked in masked_objects(part)}
        items = masked | {index: void_object(part, index) for index in part.void}
        for index in sorted({*items, *part.renamed, *part.moved} - {*part.nothing}):
            fields, item = corrected_corners(part, index), items.get(index)
            if item is not None:
                fields |= ({"iscrowd": 1} if item.crowd else {}) | coco.mask_fields(item, encoding, results.tight)
            name = corrected_class(part, index, results.source)
            box = record.boxes[index]
            bbox = (box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0)
            annotation = coco_copy.MaskFields(json.dumps(fields), record.height, record.width, name, bbox)
            filled[file][record.origins[index][0]] = annotation
    return filled, left_out


def _as_in_xml(part: ImagePart, objects: Sequence[MaskedObject]) -> list[MaskedObject]:
    """The objects of an image with the numbers that they have in the copy of its XML, which leaves some out."""
    numbers = object_numbers(part.record)
    gone = [numbers[index] for index in part.nothing]
    places = ((item, item.number or 0) for item in objects)
    return [replace(item, number=place - sum(other < place for other in gone)) for item, place in places]


def _masks_by_origin(part: ImagePart) -> dict[tuple[int, ...], PackedMask]:
    return {part.record.origins[index]: packed_mask(mask) for index, mask, _ in masked_objects(part)}


def _line_masks(part: ImagePart) -> dict[int, PackedMask]:
    return {line: mask for (line,), mask in _masks_by_origin(part).items()}


def _yolo_base(labels: Path, data: Path) -> Path:
    """The folder to copy for YOLO: that of `data.yaml`, or the one above if `data.yaml` lies in `labels`."""
    labels, folder = (Path(os.path.abspath(path)) for path in (labels, data.parent))
    if labels == folder and labels.name == "labels":
        return labels.parent
    return folder if labels.is_relative_to(folder) else labels
