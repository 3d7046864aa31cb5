"""Recognises the format of a user's own annotations by the files in their folder."""

from __future__ import annotations

from pathlib import Path

from boxsup.catalogue.names import printable
from boxsup.catalogue.readers import labelme, voc_objects, voc_xml, yolo
from boxsup.catalogue.readers.beside import annotation_files
from boxsup.catalogue.readers.coco_form import instance_files
from boxsup.catalogue.readers.folder import MAX_BYTES
from boxsup.catalogue.readers.foreign_tools import tool_of_json
from boxsup.errors import DataError
from boxsup.store.foreign import read_content, read_json

EXPECTED = (
    "expected a COCO JSON, a folder of VOC XML, a folder of YOLO txt with a data.yaml in it or above it, or a folder "
    "of LabelMe JSON"
)
ENDINGS = {voc_xml.ENDING: "voc_xml", yolo.ENDING: "yolo", labelme.ENDING: "labelme"}


def recognise_format(images: Path, boxes: Path) -> str:
    """Recognise the format of annotations: `coco`, `voc_xml`, `yolo` or `labelme`.

    Args:
        images: The folder of images, which may also hold LabelMe's files.
        boxes: A JSON of COCO's form; an export, whose folders each have such a JSON beside their images; or a folder
            that holds, directly or in subfolders, files of one format.

    Raises:
        DataError: It is none of these. Says what was found and what is expected.
    """
    if not images.is_dir():
        raise DataError(f"{images}: no such folder of images")
    if boxes.is_file():
        if boxes.suffix.lower() == ".json":
            return "coco"
        raise DataError(f"{boxes}: found a file {boxes.suffix or 'without ending'}; {EXPECTED}")
    if not boxes.is_dir():
        raise DataError(f"{boxes}: no such file or folder; {EXPECTED}")
    if instance_files(boxes):
        return "coco"
    counts = _counts(images, boxes)
    found = [ending for ending, count in counts.items() if count]
    if yolo.ENDING in found and yolo.find_names_file(boxes) is None:
        if found == [yolo.ENDING]:
            raise DataError(
                f"{boxes}: found {counts[yolo.ENDING]} {yolo.ENDING} files, and no data.yaml in it or above it, which "
                "names YOLO's classes (`names: [cat, dog]`), nor a classes.txt with a name on each line; put one there"
            )
        found.remove(yolo.ENDING)  # these are lists of images, or read-me files
    if found == [labelme.ENDING]:
        _check_labelme(boxes)
    if len(found) == 1:
        return ENDINGS[found[0]]
    several = ", ".join(f"{count} {ending} files" for ending, count in counts.items() if count)
    raise DataError(f"{boxes}: found {several or 'no annotation'}; {EXPECTED}")


def _counts(images: Path, folder: Path) -> dict[str, int]:
    """The number of files with each ending. JSON and XML that other tools leave beside annotations do not count."""
    counts = {ending: sum(1 for _ in annotation_files(folder, ending, images)) for ending in ENDINGS}
    for ending, has_some in ((labelme.ENDING, _has_labelme), (voc_xml.ENDING, _has_voc)):
        beside_others = 0 < counts[ending] < sum(counts.values())
        if beside_others and not has_some(folder):
            counts[ending] = 0
    return counts


def _check_labelme(folder: Path) -> None:
    """Raise a DataError if a folder holds JSON, but none of LabelMe's: the user may have meant a COCO JSON."""
    if not _has_labelme(folder):
        first = next(annotation_files(folder, labelme.ENDING))
        advice = _tool_of(first) or "; name a COCO JSON itself, not its folder"
        raise DataError(f"{folder}: found {printable(first.name)}, which is no LabelMe JSON (it has no shapes){advice}")


def _has_voc(folder: Path) -> bool:
    """Whether a folder holds XML that may be VOC's. GDAL, for one, leaves its own beside each image.

    Of damaged files nobody can tell, so they count as VOC's: they must not be passed over for what lies beside them.
    """
    return not all(map(_is_other_xml, annotation_files(folder, voc_xml.ENDING)))


def _is_other_xml(file: Path) -> bool:
    try:
        voc_objects.parse_xml(read_content(file, "", MAX_BYTES))
    except voc_objects.OtherXmlError:
        return True
    except ValueError:
        pass
    return False


def _has_labelme(folder: Path) -> bool:
    files = (file for file in annotation_files(folder, labelme.ENDING) if file.stat().st_size <= MAX_BYTES)
    return any("shapes" in _keys(file) for file in files)


def _tool_of(file: Path) -> str:
    """Whose JSON a file is, if another tool's; see `tool_of_json`."""
    try:
        return tool_of_json(read_json(file, ""))
    except DataError:
        return ""


def _keys(path: Path) -> set[str]:
    try:
        content = read_json(path, "")
    except DataError:
        return set()
    return set(content) if isinstance(content, dict) else set()
