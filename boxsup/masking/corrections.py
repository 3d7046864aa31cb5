"""What a person decided beside masks, in copies of the user's own files: classes, boxes, objects that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from boxsup.catalogue.names import class_name
from boxsup.catalogue.readers import voc_objects, yolo
from boxsup.catalogue.readers.labelme import IGNORED
from boxsup.catalogue.sources import Source
from boxsup.config.datasets import CornerConvention
from boxsup.errors import DataError
from boxsup.masking.parts import ImagePart
from boxsup.writers import voc_copy


def corrected_class(part: ImagePart, index: int, source: Source) -> str:
    """The class that a person corrected; "" if nobody did."""
    return source.classes[part.record.boxes[index].class_id] if index in part.renamed else ""


def corrected_corners(part: ImagePart, index: int) -> dict[str, Any]:
    """COCO's `bbox` of a box whose corners a person corrected; no field if nobody did."""
    box = part.record.boxes[index]
    return {"bbox": [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0]} if index in part.moved else {}


def yolo_numbers(source: Source) -> Callable[[ImagePart], dict[int, int]]:
    """A function from an image to the class numbers of its boxes whose class was corrected, by their lines.

    If several numbers have the name of the class, it is the first of them.
    """
    assert source.data is not None
    numbers: dict[str, int] = {}
    for number, name in sorted(yolo.read_names(source.data).items()):
        numbers.setdefault(class_name(name), number)
    return lambda part: {
        part.record.origins[index][0]: numbers[corrected_class(part, index, source)] for index in part.renamed
    }


def labelme_labels(part: ImagePart, source: Source) -> dict[tuple[int, ...], str]:
    """The labels of objects whose class was corrected, by the indices of their shapes; those of void ones say so."""
    new = {part.record.origins[index]: corrected_class(part, index, source) for index in part.renamed}
    return new | dict.fromkeys(origins_of(part, part.void), IGNORED)


def origins_of(part: ImagePart, indices: Iterable[int]) -> set[tuple[int, ...]]:
    """Where some boxes of an image are in the user's file."""
    return {part.record.origins[index] for index in indices}


def lines_of(part: ImagePart, indices: Iterable[int]) -> set[int]:
    """The lines of some boxes in a file with a line for each."""
    return {line for line, *_ in origins_of(part, indices)}


def corrected_xml(part: ImagePart, source: Source, xml: bytes) -> bytes:
    """VOC's XML as a person decided; everything else keeps its bytes.

    Classes and corners are those that were corrected. Void boxes are difficult. Boxes with nothing in them are left
    out.

    Raises:
        DataError: The result, read again, does not say what was decided.
    """
    decided = {*part.renamed, *part.moved, *part.void} - {*part.nothing}
    if not decided and not part.nothing:
        return xml
    changes = {part.record.origins[index][0]: _change(part, index, source) for index in decided}
    try:
        corrected = voc_copy.change_objects(xml, changes, lines_of(part, part.nothing))
    except ValueError as error:
        raise DataError(f"cannot be written as was decided ({error}); correct the file itself") from error
    wrong = _unlike(part, source, corrected)
    if wrong:
        raise DataError(f"cannot be written as was decided ({wrong}); correct the file itself")
    return corrected


def _change(part: ImagePart, index: int, source: Source) -> voc_copy.ObjectChange:
    """What is new about an object of VOC's XML."""
    box, first = part.record.boxes[index], 1 if source.corners == "voc" else 0
    corners = (box.x0 + first, box.y0 + first, box.x1, box.y1) if index in part.moved else None
    return voc_copy.ObjectChange(corrected_class(part, index, source), corners, index in part.void)


def _unlike(part: ImagePart, source: Source, xml: bytes) -> str:
    """How the objects of an image differ from those in a file of VOC's XML, in words; "" if they do not."""
    record = part.record
    corners: CornerConvention = "voc" if source.corners == "voc" else "plane"
    found, problems = voc_objects.read_boxes(xml, record.height, record.width, source.classes, corners)
    if problems:
        return problems[0]
    meant = [
        box._replace(difficult=1) if index in part.void else box
        for index, box in enumerate(record.boxes)
        if index not in part.nothing
    ]
    return "" if found == meant else "read again, its objects would be others"
