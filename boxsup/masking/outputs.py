"""What `boxsup masks` writes of the images that are done: the user's own files with masks, and other tools' formats."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.readers.voc import ANNOTATIONS
from boxsup.catalogue.records import Problem
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.image import VOID
from boxsup.masking.copies import MaskResults, changed, copy_files
from boxsup.masking.parts import ImagePart, file_of, things_of
from boxsup.store.atomic import atomic_write, write_bytes, write_text
from boxsup.store.foreign import read_content
from boxsup.writers import coco, coco_copy, labelme, voc, yolo

OWN = {"coco": "coco", "voc_xml": "voc", "yolo": "yolo", "labelme": "labelme"}  # a source's format -> that of its masks


def write_voc(out: Path, results: MaskResults) -> list[Problem]:
    """`voc/SegmentationClass/ID.png`, `voc/SegmentationObject/ID.png`, `voc/labelmap.txt`; XML in `voc/Annotations`."""
    source = results.source
    with atomic_write(out / "voc") as folder:
        folder.mkdir()
        write_text(folder / "labelmap.txt", voc.labelmap(source.classes))
        for part in results.parts():
            record = part.record
            voc.write(folder, record.image, record.height, record.width, [thing for *_, thing in things_of(part)])
        if source.format != "voc_xml":
            return []
        return copy_files(folder / ANNOTATIONS, source.annotations, results, lambda _, xml: voc.mark_segmented(xml))


def write_yolo(out: Path, results: MaskResults) -> list[Problem]:
    """A copy of the user's labels and `data.yaml`; else `yolo/labels/ID.txt`, and a `data.yaml` of ours."""
    source = results.source
    with atomic_write(out / "yolo") as folder:
        folder.mkdir()
        if source.format == "yolo" and source.data is not None:
            base = _yolo_base(source.annotations, source.data)
            names = read_content(source.data, "it was there when its labels were read")
            write_bytes(folder / os.path.relpath(source.data, base), names)
            return copy_files(
                *(folder, base, results),
                fill=lambda part, text: yolo.replace_boxes(text, _line_masks(part)),
                other=lambda text: yolo.replace_boxes(text, {}),
            )
        write_text(folder / "data.yaml", yolo.data_yaml(source.classes))
        for part in results.parts():
            labels = Path("labels", file_of(part, source.images)).with_suffix(".txt")
            yolo.write(folder / labels, (thing for *_, thing in things_of(part)))
    return []


def write_labelme(out: Path, results: MaskResults) -> list[Problem]:
    """A copy of the user's files in `labelme`; else files of ours, which name the images where they are."""
    source = results.source
    with atomic_write(out / "labelme") as folder:
        folder.mkdir()
        if source.format == "labelme":
            return copy_files(
                *(folder, source.annotations, results),
                lambda part, text: labelme.replace_shapes(text, _masks_by_origin(part)),
            )
        for part in results.parts():
            file, record = Path(file_of(part, source.images)).with_suffix(".json"), part.record
            image = Path(os.path.relpath(record.path, (out / "labelme" / file).parent)).as_posix()
            things = [thing for *_, thing in things_of(part)]
            write_bytes(folder / file, labelme.new_file(things, source.classes, image, record.height, record.width))
    return []


def write_coco(out: Path, results: MaskResults, encoding: coco.Encoding = "rle") -> list[Problem]:
    """`coco.json`, masks as runs; or `coco_polygons.json`. A copy of the user's file, or one with numbers of ours."""
    source = results.source
    path = out / place_of("coco" if encoding == "rle" else "coco_polygons", source)
    if source.format == "coco":
        return _copy_coco(path, results, encoding)
    entries: list[coco.ImageEntry] = []
    annotations: list[coco.Json] = []
    for part in results.parts():
        record, number = part.record, part.number
        entries.append(coco.ImageEntry(number, file_of(part, source.images), record.height, record.width))
        for *_, thing in things_of(part):
            annotations.append(coco.annotation(len(annotations) + 1, number, thing, encoding, results.tight))
    coco.write(path, coco.content(entries, annotations, source.classes))
    return []


def write_polygons(out: Path, results: MaskResults) -> list[Problem]:
    """`coco_polygons.json`."""
    return write_coco(out, results, "polygons")


class Format(NamedTuple):
    """A file or folder below the folder of results, and what writes it from that folder and what there is.

    It gives what is wrong with the user's files that could not be copied.
    """

    place: str
    write: Callable[[Path, MaskResults], list[Problem]]


FORMATS = {
    "voc": Format("voc", write_voc),
    "coco": Format("coco.json", write_coco),
    "coco_polygons": Format("coco_polygons.json", write_polygons),
    "yolo": Format("yolo", write_yolo),
    "labelme": Format("labelme", write_labelme),
}


def place_of(name: str, source: Source) -> str:
    """Where a format is written below the folder of results: COCO's JSON, or a folder like the user's export."""
    place = Path(FORMATS[name].place)
    export = source.format == "coco" and source.annotations.is_dir()
    return place.stem if export and place.suffix else place.name


def formats_of(asked: Sequence[str] | None, source: Source) -> list[str]:
    """The formats asked for, each once; else the user's own, VOC's and COCO's.

    Raises:
        DataError: VOC's is asked for, and there are more classes than a PNG has values.
    """
    fits = len(source.classes) <= VOID
    if asked and "voc" in asked and not fits:
        raise DataError(
            f"--format voc: {source.annotations} has {len(source.classes) - 1} classes, and PNGs have values for "
            f"{VOID - 1}; name another format, such as coco"
        )
    usual = (OWN[source.format], *(["voc"] if fits else []), "coco")
    return list(dict.fromkeys(asked or usual))


def _copy_coco(path: Path, results: MaskResults, encoding: coco.Encoding) -> list[Problem]:
    """Write a copy of the user's JSON, or of each in the folder of an export, and say which have changed."""
    problems = {file: changed(results, file) for file in results.stamps}
    filled = _filled(results, encoding)
    own = [file for file, wrong in problems.items() if not wrong]
    if results.source.annotations.is_dir():
        with atomic_write(path) as folder:
            folder.mkdir()
            for file in own:
                place = folder / os.path.relpath(file, results.source.annotations)
                coco_copy.write(place, file, filled.get(file, {}))
    else:
        for file in own:
            coco_copy.write(path, file, filled.get(file, {}))
    return [problem for wrong in problems.values() for problem in wrong]


def _filled(results: MaskResults, encoding: coco.Encoding) -> dict[Path, dict[int, coco_copy.MaskFields]]:
    """What annotations get, by their file and their places in it."""
    filled: dict[Path, dict[int, coco_copy.MaskFields]] = defaultdict(dict)
    for part in results.parts():
        record = part.record
        for place, _, thing in things_of(part):
            fields = json.dumps(coco.mask_fields(thing, encoding, results.tight))
            own = coco_copy.MaskFields(fields, record.height, record.width)
            filled[Path(record.annotation)][record.origins[place][0]] = own
    return filled


def _masks_by_origin(part: ImagePart) -> dict[tuple[int, ...], NDArray[np.bool_]]:
    return {part.record.origins[place]: mask.pixels for place, mask, _ in things_of(part)}


def _line_masks(part: ImagePart) -> dict[int, NDArray[np.bool_]]:
    return {line: mask for (line,), mask in _masks_by_origin(part).items()}


def _yolo_base(labels: Path, data: Path) -> Path:
    """The folder that a copy of YOLO's files is of: that of the `data.yaml`, or above it if it lies in `labels`."""
    labels, folder = (Path(os.path.abspath(path)) for path in (labels, data.parent))
    if labels == folder and labels.name == "labels":
        return labels.parent
    return folder if labels.is_relative_to(folder) else labels
