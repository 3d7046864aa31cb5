"""What `boxsup masks` makes of odd files that can be read: copies that say the same of the same boxes."""

import numpy as np
import pytest
from runner import broken
from targets import TARGETS

from boxsup.catalogue.sources import open_source
from boxsup.errors import DataError
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.copies import MaskResults, stamps_of
from boxsup.masking.outputs import FORMATS, MASK_FORMATS
from boxsup.masking.parts import ImagePart
from boxsup.masking.quality import Measures

pytestmark = pytest.mark.slow  # exports are read, written and read again

INPUTS = 150  # of each format
MEASURES = Measures(*(np.nan,) * 4, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0)


def read(images, boxes):
    """The source and its records; a DataError if anything is wrong."""
    source = open_source(images, boxes)
    listing = source.listing()
    records = [check() for check in listing.checks]
    for problem in [*listing.problems, *(problem for record in records for problem in record.problems)]:
        raise DataError(problem.problem)
    return source, records


def with_boxes_as_masks(record):
    masks = []
    for box in record.boxes:
        pixels = np.zeros((record.height, record.width), np.bool_)
        pixels[box.y0 : box.y1, box.x0 : box.x1] = True
        masks.append(None if box.crowd else BoxMask(pixels, True, MEASURES))
    return ImagePart(record, masks)


@pytest.mark.parametrize(
    ("target", "boxes", "copied"),
    [
        ("recognise-xml", ".", "voc/Annotations"),
        ("recognise-yolo", ".", "yolo"),
        ("recognise-labelme", ".", "labelme"),
        ("coco", "instances.json", "coco.json"),
    ],
)
def test_the_copy_of_what_can_be_read_has_the_same_boxes(tmp_path, target, boxes, copied):
    images = tmp_path / "in"
    images.mkdir()
    files = TARGETS[target].make(images)
    wholes, filled = {path: path.read_bytes() for path in files}, 0
    for number in range(INPUTS):
        for path, whole in wholes.items():
            path.write_bytes(whole)
        file, content = broken(target, 4, number, files)
        file.write_bytes(content)
        try:
            source, records = read(images, images / boxes)
        except DataError:
            continue
        parts = [with_boxes_as_masks(record) for record in records]
        out = tmp_path / str(number)
        write = FORMATS[MASK_FORMATS[source.format]].write
        assert write(out, MaskResults(source, stamps_of(source), lambda parts=parts: iter(parts))) == []
        _, again = read(images, out / copied)
        assert [record.boxes for record in again] == [record.boxes for record in records]
        filled += 1
    assert filled > 5
