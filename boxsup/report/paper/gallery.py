"""Pictures of the paper's figures 3, 5 and 6: pseudo-masks over the generations, predictions beside the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image import VOID
from boxsup.report.shared.choosing import evenly_spaced, first_middle_last
from boxsup.report.shared.gallery import GalleryPicture, GalleryRow, gallery_picture, start_picture
from boxsup.store.labels import PLAIN, REFINED, Labels

GENERATION_ROWS = 6
EXTREMES = 2  # images in each of the groups best, middle and worst
TEXT_HEIGHT = 14  # px of the names of boxes


def generation_rows(catalogue: Catalogue, stores: Mapping[int, Path]) -> list[GalleryRow]:
    """Pseudo-masks as training went on (figure 3 of the paper): boxes, truth, first, middle and last generation.

    The images are spaced evenly over those that boxes supervise. Only images with a true mask are shown if there are
    enough of them.

    Args:
        catalogue: The training split.
        stores: The store of each generation, by its number.
    """
    if not stores:
        return []
    shown = {number: Labels(stores[number]) for number in first_middle_last(list(stores))}
    first = next(iter(shown.values()))
    keeps_mask = first.table("true_mask")
    unmasked = [row for row, true in zip(catalogue.rows(), keeps_mask, strict=True) if not true]
    images = [row for row in unmasked if len(catalogue.boxes_of(row.image))]
    masked = [row for row in images if row.mask]
    images = masked if len(masked) >= min(GENERATION_ROWS, len(images)) else images
    rows = []
    for row in (images[position] for position in evenly_spaced(len(images), GENERATION_ROWS)):
        photo = row.photo()
        maps = {f"generation {number}": labels[row.image] for number, labels in shown.items()}
        maps = {"true mask": row.true_mask(), **maps} if row.mask else maps
        boxes = _with_boxes(photo, catalogue.boxes_of(row.image), catalogue.classes)
        rows.append(GalleryRow(row.image, "", [boxes, *_with_labels(row.image, photo, maps)]))
    return rows


def prediction_rows(catalogue: Catalogue, store: Path, refined: bool) -> dict[str, list[GalleryRow]]:
    """Predictions beside the truth: the images with the best, the middle and the worst mean IoU.

    It is that with CRF, if there is one. The mean is taken over the classes in the image's truth or prediction; images
    without any object are left out.

    Args:
        catalogue: The split.
        store: The predictions.
        refined: Whether a dense CRF refines them.
    """
    plain, crf = Labels(store, PLAIN), Labels(store, REFINED)
    scored = sorted(_scored(catalogue, plain, crf), key=lambda image: -image.crf)
    count = min(EXTREMES, len(scored) // 3) or min(1, len(scored))
    middle = (len(scored) - count) // 2
    groups = {
        "Best": scored[:count],
        "Middle": scored[middle : middle + count] if len(scored) > 2 else [],
        "Worst": scored[-count:] if len(scored) > 1 else [],
    }
    return {
        title: [_prediction_row(image, plain, crf, refined) for image in images] for title, images in groups.items()
    }


@dataclass(frozen=True)
class _ScoredRow:
    """An image and the mean IoU of its predictions, in [0, 1]."""

    row: ImageRow
    plain: float
    crf: float


def _scored(catalogue: Catalogue, plain: Labels, crf: Labels) -> Iterator[_ScoredRow]:
    """The images whose true mask shows an object."""
    classes = len(catalogue.classes)
    for row in catalogue.rows():
        truth = row.true_mask() if row.mask else np.zeros(0, np.uint8)
        if ((truth != 0) & (truth != VOID)).any():
            scores = [image_score(image_confusion(row.image, truth, maps[row.image], classes)) for maps in (plain, crf)]
            yield _ScoredRow(row, *scores)


def _prediction_row(scored: _ScoredRow, plain: Labels, crf: Labels, refined: bool) -> GalleryRow:
    image, photo = scored.row.image, scored.row.photo()
    predicted = {"without CRF": plain[image], "with CRF": crf[image]} if refined else {"prediction": plain[image]}
    maps = {"true mask": scored.row.true_mask(), **predicted}
    note = f"mean IoU {100 * scored.plain:.1f} %" + (f", with CRF {100 * scored.crf:.1f} %" if refined else "")
    photograph = gallery_picture(start_picture(photo).image, f"{image}: photograph", "image")
    return GalleryRow(image, note, [photograph, *_with_labels(image, photo, maps)])


def _with_boxes(photo: NDArray[np.uint8], boxes: pd.DataFrame, classes: Sequence[str]) -> GalleryPicture:
    class_ids = list(boxes["label"])
    names = [classes[class_id] for class_id in class_ids]
    picture = start_picture(photo)
    picture.add_boxes(corners_of(boxes), class_ids, names, TEXT_HEIGHT)
    alt = f"{boxes['image'].iloc[0]}: photograph with boxes: {', '.join(names)}"
    return gallery_picture(picture.image, alt, "boxes")


def _with_labels(
    image: str, photo: NDArray[np.uint8], maps: Mapping[str, NDArray[np.uint8]]
) -> Iterator[GalleryPicture]:
    """One picture per label map, with the map laid over the photograph."""
    for name, labels in maps.items():
        picture = start_picture(photo)
        picture.add_labels(labels)
        yield gallery_picture(picture.image, f"{image}: {name}", name)
