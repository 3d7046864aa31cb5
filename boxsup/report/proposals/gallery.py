"""Objects and the candidates that fit them best, method beside method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.evaluation.proposals import UNKNOWN
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import FADE
from boxsup.proposals.pool_store import find_pool
from boxsup.report.experiment.gallery import GalleryPicture, Row, fitted, jpeg
from boxsup.report.proposals.results import Method
from boxsup.report.shared.drawing import outlines

EACH = 3  # objects of each kind: best, middle, worst
MARGIN = 0.35  # of the object's sides, all around
LEAST = 48  # px: least side of a crop
ASPECT = 4 / 3
OBJECT, CANDIDATE = (255, 212, 0), (0, 114, 178)  # RGB: outline of the object, filling of the candidate
OPACITY = 0.6


def object_rows(catalogue: Catalogue, methods: Sequence[Method]) -> dict[str, list[Row]]:
    """The objects whose best IoU over all candidates, averaged over the methods, is best, in the middle and worst.

    At most one object of an image, so that a crowd does not fill the page; ties in the order of the catalogue.

    Args:
        catalogue: The split.
        methods: With the same objects each, one method at least.
    """
    mean = np.mean([method.objects["iou_all"].to_numpy() for method in methods], axis=0)
    table = methods[0].objects.assign(mean=mean).sort_values("mean", ascending=False, kind="stable")
    best = table.drop_duplicates("image")[:EACH]
    left = table[~table["image"].isin(best["image"])]
    worst = left[::-1].drop_duplicates("image")[:EACH][::-1]
    left = left[~left["image"].isin(worst["image"])]
    middle = left.iloc[max(0, len(left) // 2 - EACH) :].drop_duplicates("image")[:EACH]
    rows = {row.image: row for row in catalogue.rows()}
    groups = {"Best": best, "Middle": middle, "Worst": worst}
    return {
        title: [_row(rows[table["image"].loc[index]], index, methods, catalogue.classes) for index in chosen.index]
        for title, chosen in groups.items()
    }


def window(box: tuple[int, int, int, int], height: int, width: int) -> tuple[int, int, int, int]:
    """A crop around a box with a margin, as near to ASPECT as the image allows.

    Args:
        box: Half-open pixel corners x0, y0, x1, y1 inside the image.
        height: Of the image.
        width: Likewise.

    Returns:
        Half-open corners inside the image, around the box.
    """
    x0, y0, x1, y1 = box
    wide = max(LEAST, (1 + 2 * MARGIN) * max(x1 - x0, ASPECT * (y1 - y0)))
    sides = min(width, round(wide)), min(height, round(wide / ASPECT))
    sides = max(sides[0], x1 - x0), max(sides[1], y1 - y0)
    left = min(max(0, (x0 + x1 - sides[0]) // 2), width - sides[0])
    top = min(max(0, (y0 + y1 - sides[1]) // 2), height - sides[1])
    return left, top, left + sides[0], top + sides[1]


def _row(row: ImageRow, index: int, methods: Sequence[Method], classes: Sequence[str]) -> Row:
    """The object in row `index` of the methods' tables: its photograph, then the best candidate of each method."""
    thing = methods[0].objects.iloc[index]
    label = int(thing["label"])
    photo, own = read_image(row.path), read_mask(row.objects) == thing["object"]
    x0, y0, x1, y1 = window((thing["x0"], thing["y0"], thing["x1"], thing["y1"]), *own.shape)
    crop = np.s_[y0:y1, x0:x1]
    name = classes[label] if label != UNKNOWN else "object"
    pictures = [_picture(photo[crop], own[crop], None, f"{row.image}: {name}", "the object")]
    for method in methods:
        best, iou = int(method.objects["best"].iloc[index]), float(method.objects["iou_all"].iloc[index])
        candidate = find_pool([method.pools], row.image).mask(best) if best >= 0 else np.zeros_like(own)
        alt = f"{row.image}: {name}, best candidate of {method.name}, IoU {iou:.2f}"
        pictures.append(_picture(photo[crop], own[crop], candidate[crop], alt, f"{method.name} {iou:.2f}"))
    note = f"{name}, {100 * thing['area'] / own.size:.2g} % of the image"
    return Row(row.image, note, pictures, frozenset())


def _picture(
    photo: NDArray[np.uint8], own: NDArray[np.bool_], candidate: NDArray[np.bool_] | None, alt: str, caption: str
) -> GalleryPicture:
    """A photograph with the object's outline and, on grey, the candidate's filling."""
    pixels = fitted(photo)
    if candidate is not None:
        grey = np.repeat(np.asarray(Image.fromarray(pixels).convert("L"), np.float32)[..., None], 3, axis=2)
        grey = 255 * FADE + (1 - FADE) * grey
        inside = _fitted(candidate)
        grey[inside] = (1 - OPACITY) * grey[inside] + OPACITY * np.array(CANDIDATE)
        pixels = np.rint(grey).astype(np.uint8)
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for colour, width in (((0, 0, 0), 4), (OBJECT, 2)):  # a dark line below keeps the bright one visible
        for polygon in outlines(_fitted(own), 1):
            points = [(int(x), int(y)) for x, y in (*polygon, polygon[0])]
            draw.line(points, fill=colour, width=width, joint="curve")
    return jpeg(np.asarray(image), alt, caption)


def _fitted(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return fitted(mask.astype(np.uint8), Image.Resampling.NEAREST) > 0


def shares(catalogue: Catalogue, objects: pd.DataFrame) -> pd.Series:
    """The area of each object over that of its image, in (0, 1]."""
    pixels = pd.Series(catalogue.sizes.prod(axis=1), index=catalogue.ids)
    return pd.Series(objects["area"].to_numpy() / pixels[objects["image"]].to_numpy())
