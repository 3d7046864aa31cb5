"""The table of all boxes that `boxsup masks` gives, with what is known of their masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from boxsup.masking.parts import ImagePart, file_of, masked_objects
from boxsup.masking.quality import Measures, flags, seen_threshold
from boxsup.writers import boxes

# The measures but for the tightness, which stands in the table as `iou` already.
MEASURES = tuple(name for name in Measures._fields if name != "tightness")
COLUMNS = (*boxes.COLUMNS, "file", "flags", "rectangle", "fill", *MEASURES)


def masks_table(parts: Iterable[ImagePart], classes: Sequence[str], known: Sequence[str], images: Path) -> pd.DataFrame:
    """A row a box with its mask's quality and flags, the boxes that a person should look at first.

    Args:
        parts: The images.
        classes: Names by their records' labels, the background first.
        known: Likewise by the model's.
        images: The folder of images.

    Returns:
        Columns COLUMNS: those of tightened boxes, where `score` is the quality; the file; `flags` with a space between;
        whether the mask is the box's rectangle; `fill`, the share of the box that the mask covers; and the measures
        behind these.
    """
    found = [pair for part in parts for pair in _rows(part, classes, known, images)]
    least = seen_threshold([measures.seen for _, measures in found])
    rows = [row | {"flags": " ".join(flags(measures, least))} for row, measures in found]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table.assign(flagged=table["flags"] == "").sort_values(["flagged", "score"], kind="stable").index
    return table.loc[order]


def _rows(
    part: ImagePart, classes: Sequence[str], known: Sequence[str], images: Path
) -> Iterator[tuple[dict[str, object], Measures]]:
    """The row of each box, without its flags, and what is known of its mask."""
    things = [(mask, thing) for _, mask, thing in masked_objects(part)]
    tightened = boxes.rows(part.record.image, [thing for _, thing in things], classes)
    for row, (mask, thing) in zip(tightened, things, strict=True):
        x0, y0, x1, y1 = thing.box
        rival = mask.measures.rival
        own = {
            "file": file_of(part, images),
            "rectangle": int(mask.rectangle),
            "fill": thing.pixels.sum() / ((x1 - x0) * (y1 - y0)),
            **mask.measures._asdict(),
            "rival": known[rival] if 0 < rival < len(known) else "",
        }
        yield dict(zip(boxes.COLUMNS, row, strict=True)) | own, mask.measures
