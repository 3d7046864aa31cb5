"""Pictures of objects and of the candidates that fit them best, method beside method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.evaluation.proposals import UNKNOWN
from boxsup.proposals.pool_store import find_pool
from boxsup.report.proposals.results import Method
from boxsup.report.shared.gallery import GalleryRow, gallery_picture, start_picture

GROUP = 3  # objects in each of the groups best, middle and worst
MARGIN = 0.35  # around an object, as a share of its sides
MIN_SIDE = 48  # px, of a crop
ASPECT = 4 / 3
OBJECT, BLACK, CANDIDATE = (255, 212, 0), (0, 0, 0), (0, 114, 178)  # RGB; the page's legend has the same colours


def object_rows(catalogue: Catalogue, methods: Sequence[Method]) -> dict[str, list[GalleryRow]]:
    """Objects in three groups: those that the candidates fit best, about as well as most, and worst.

    An object's score is the IoU of its best candidate, averaged over the methods; ties keep the order of the catalogue.
    At most one object of an image is shown, so that a crowd does not fill the page.

    Args:
        catalogue: The split.
        methods: At least one method; all are evaluated on the same objects.
    """
    mean = np.mean([method.objects["iou_all"].to_numpy() for method in methods], axis=0)
    table = methods[0].objects.assign(mean=mean).sort_values("mean", ascending=False, kind="stable")
    best = table.drop_duplicates("image")[:GROUP]
    left = table[~table["image"].isin(best["image"])]
    worst = left[::-1].drop_duplicates("image")[:GROUP][::-1]
    left = left[~left["image"].isin(worst["image"])]
    middle = left.iloc[max(0, len(left) // 2 - GROUP) :].drop_duplicates("image")[:GROUP]
    rows = {row.image: row for row in catalogue.rows()}
    groups = {"Best": best, "Middle": middle, "Worst": worst}
    return {
        title: [_row(rows[table["image"].loc[index]], index, methods, catalogue.classes) for index in chosen.index]
        for title, chosen in groups.items()
    }


def crop_around(box: tuple[int, int, int, int], height: int, width: int) -> tuple[int, int, int, int]:
    """The part of an image around a box, with a margin, in a shape as near to ASPECT as the image allows.

    Args:
        box: Half-open pixel corners x0, y0, x1, y1 inside the image.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Half-open pixel corners x0, y0, x1, y1 inside the image; the box lies within them.

    >>> crop_around((100, 100, 140, 130), height=300, width=400)
    (86, 89, 154, 140)
    """
    x0, y0, x1, y1 = box
    wanted = max(MIN_SIDE, (1 + 2 * MARGIN) * max(x1 - x0, ASPECT * (y1 - y0)))
    crop_width = max(min(width, round(wanted)), x1 - x0)
    crop_height = max(min(height, round(wanted / ASPECT)), y1 - y0)
    left = min(max(0, (x0 + x1 - crop_width) // 2), width - crop_width)
    top = min(max(0, (y0 + y1 - crop_height) // 2), height - crop_height)
    return left, top, left + crop_width, top + crop_height


def _row(row: ImageRow, index: int, methods: Sequence[Method], classes: Sequence[str]) -> GalleryRow:
    """The object in row `index` of the methods' tables: its photograph, then the best candidate of each method."""
    entry = methods[0].objects.iloc[index]
    class_id = int(entry["label"])
    photo, mask = row.photo(), row.object_mask() == entry["object"]
    x0, y0, x1, y1 = crop_around((entry["x0"], entry["y0"], entry["x1"], entry["y1"]), *mask.shape)
    crop = np.s_[y0:y1, x0:x1]
    name = classes[class_id] if class_id != UNKNOWN else "object"
    pictures = [gallery_picture(_draw(photo[crop], mask[crop], None), f"{row.image}: {name}", "the object")]
    for method in methods:
        best, iou = int(method.objects["best"].iloc[index]), float(method.objects["iou_all"].iloc[index])
        candidate = find_pool([method.pools], row.image).mask(best) if best >= 0 else np.zeros_like(mask)
        alt = f"{row.image}: {name}, best candidate of {method.name}, IoU {iou:.2f}"
        image = _draw(photo[crop], mask[crop], candidate[crop])
        pictures.append(gallery_picture(image, alt, f"{method.name} {iou:.2f}"))
    note = f"{name}, {100 * entry['area'] / mask.size:.2g} % of the image"
    return GalleryRow(row.image, note, pictures)


def _draw(photo: NDArray[np.uint8], object_mask: NDArray[np.bool_], candidate: NDArray[np.bool_] | None) -> Image.Image:
    """A photograph with the outline of the object and, if there is one, the candidate filled on grey."""
    picture = start_picture(photo)
    if candidate is not None:
        picture.add_segment(candidate, CANDIDATE)
    picture.add_outline(object_mask, OBJECT, width=2, halo=BLACK)
    return picture.image


def shares(catalogue: Catalogue, objects: pd.DataFrame) -> pd.Series:
    """The area of each object over that of its image, in (0, 1], in the order of `objects`."""
    pixels = pd.Series(catalogue.sizes.prod(axis=1), index=catalogue.ids)
    return pd.Series(objects["area"].to_numpy() / pixels[objects["image"]].to_numpy())
