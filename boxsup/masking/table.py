"""The table of `boxsup masks`: one row per box, with the quality of its mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from boxsup.image.boxes import shorter_side
from boxsup.masking.parts import ImagePart, file_of, masked_objects
from boxsup.masking.quality import Measures, flags, seen_threshold
from boxsup.writers import boxes

# All measures except the tightness, which is in the table already, as `iou`.
MEASURES = tuple(name for name in Measures._fields if name != "tightness")
COLUMNS = (*boxes.COLUMNS, "file", "flags", "rectangle", "reviewed", *MEASURES)


def masks_table(parts: Iterable[ImagePart], classes: Sequence[str], known: Sequence[str], images: Path) -> pd.DataFrame:
    """Make a table with one row per box, flagged boxes first, then by rising quality.

    Args:
        parts: The finished images.
        classes: Names of the records' classes, the background first.
        known: Names of the model's classes, the background first.
        images: The folder of images.

    Returns:
        Columns COLUMNS: those of tightened boxes, with the quality as `score`; the file; `flags`, separated by spaces;
        whether the mask is the box's rectangle; whether a person decided on it, which raises no flag; and the measures.
    """
    pairs = [pair for part in parts for pair in _rows(part, classes, known, images)]
    min_seen = seen_threshold([measures.seen for *_, measures in pairs])
    rows = [
        row | {"flags": "" if row["reviewed"] else " ".join(flags(own, side, min_seen))} for row, side, own in pairs
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = table.assign(flagged=table["flags"] == "").sort_values(["flagged", "score"], kind="stable").index
    return table.loc[order]


def _rows(
    part: ImagePart, classes: Sequence[str], known: Sequence[str], images: Path
) -> Iterator[tuple[dict[str, object], int, Measures]]:
    """Yield the row of each box without its flags, the box's shorter side, and the measures of its mask."""
    pairs = [(mask, masked) for _, mask, masked in masked_objects(part)]
    tightened = boxes.rows(part.record.image, [masked for _, masked in pairs], classes)
    for row, (mask, masked) in zip(tightened, pairs, strict=True):
        rival = mask.measures.rival
        details = {
            "file": file_of(part, images),
            "rectangle": int(mask.rectangle),
            "reviewed": int(mask.reviewed),
            **mask.measures._asdict(),
            "rival": known[rival] if 0 < rival < len(known) else "",
        }
        yield dict(zip(boxes.COLUMNS, row, strict=True)) | details, shorter_side(masked.box), mask.measures
