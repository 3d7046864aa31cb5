"""Pictures for the page: pseudo-masks over the generations, predictions beside the truth."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, ImageRow
from boxsup.evaluation.measured import image_score
from boxsup.evaluation.truth import image_confusion
from boxsup.image import VOID
from boxsup.image.files import read_image, read_mask
from boxsup.image.palette import overlay
from boxsup.report.shared.drawing import draw_boxes
from boxsup.store.labels import Labels

WIDTH = 300  # px of a picture on the page
QUALITY = 78  # of JPEG
GENERATION_ROWS = 6
EXTREMES = 2  # best, middle and worst images: so many of each


@dataclass(frozen=True)
class GalleryPicture:
    """One picture of the page: its file as a data URI, what it shows, its size in pixels, the text below it."""

    uri: str
    alt: str
    width: int
    height: int
    caption: str


@dataclass(frozen=True)
class Row:
    """Pictures of one image side by side.

    Attributes:
        image: Its id.
        note: What to know about it, or "".
        pictures: From left to right.
        labels: The classes that are seen in them.
    """

    image: str
    note: str
    pictures: list[GalleryPicture]
    labels: frozenset[int]


def generation_rows(catalogue: Catalogue, stores: Mapping[int, Path], count: int = GENERATION_ROWS) -> list[Row]:
    """Pseudo-masks as training went on (figure 3 of the paper): boxes, truth, first, middle and last generation.

    The images are spread evenly over those that the boxes supervise, those with a true mask before those without: no
    picking of pretty ones.

    Args:
        catalogue: The training split.
        stores: Generation -> its store.
        count: Most images to show.
    """
    if not stores:
        return []
    shown = {number: Labels(stores[number]) for number in first_middle_last(list(stores))}
    first = next(iter(shown.values()))
    kept = first.table("true_mask")
    unmasked = [row for row, true in zip(catalogue.rows(), kept, strict=True) if not true]
    images = [row for row in unmasked if len(catalogue.boxes_of(row.image))]
    masked = [row for row in images if row.mask]
    images = masked if len(masked) >= min(count, len(images)) else images
    rows = []
    for row in (images[position] for position in spread(len(images), count)):
        photo = read_image(row.path)
        maps = {f"generation {number}": labels[row.image] for number, labels in shown.items()}
        maps = {"true mask": read_mask(row.mask), **maps} if row.mask else maps
        pictures = [_boxes(photo, catalogue.boxes_of(row.image), catalogue.classes), *_overlays(row.image, photo, maps)]
        rows.append(Row(row.image, "", pictures, _seen(maps)))
    return rows


def prediction_rows(catalogue: Catalogue, store: Path) -> dict[str, list[Row]]:
    """Predictions beside the truth: the images with the best, the middle and the worst mean IoU with CRF.

    The mean is taken over the classes in the image's truth or prediction; images without any object are left out.
    """
    plain, crf = Labels(store), Labels(store, name="labels_crf")
    scored = sorted(_scored(catalogue, plain, crf), key=lambda image: -image.crf)
    count = min(EXTREMES, len(scored) // 3) or min(1, len(scored))
    middle = (len(scored) - count) // 2
    groups = {
        "Best": scored[:count],
        "Middle": scored[middle : middle + count] if len(scored) > 2 else [],
        "Worst": scored[-count:] if len(scored) > 1 else [],
    }
    return {title: [_prediction_row(image, plain, crf) for image in images] for title, images in groups.items()}


def first_middle_last(numbers: Sequence[int]) -> list[int]:
    """At most three of the numbers, each once, in order."""
    return list(dict.fromkeys((numbers[0], numbers[(len(numbers) - 1) // 2], numbers[-1])))


def spread(length: int, count: int) -> list[int]:
    """At most `count` positions spread evenly over 0…length-1."""
    return [int((step + 0.5) * length / count) for step in range(count)] if length > count else list(range(length))


def fitted(pixels: NDArray[np.uint8], resample: Image.Resampling = Image.Resampling.LANCZOS) -> NDArray[np.uint8]:
    """A picture (H×W×3) or, with nearest neighbours, a label map (H×W) brought to WIDTH pixels, in proportion."""
    height = max(1, round(pixels.shape[0] * WIDTH / pixels.shape[1]))
    return np.asarray(Image.fromarray(pixels).resize((WIDTH, height), resample))


def jpeg(pixels: NDArray[np.uint8], alt: str, caption: str) -> GalleryPicture:
    """A picture (H×W×3) as a data URI: the same bytes for the same pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return GalleryPicture(uri, alt, pixels.shape[1], pixels.shape[0], caption)


@dataclass(frozen=True)
class _Scored:
    """An image with the mean IoU of its predictions, in [0, 1]."""

    row: ImageRow
    plain: float
    crf: float


def _scored(catalogue: Catalogue, plain: Labels, crf: Labels) -> Iterator[_Scored]:
    """The images with a true mask that has objects."""
    classes = len(catalogue.classes)
    for row in catalogue.rows():
        truth = read_mask(row.mask) if row.mask else np.zeros(0, np.uint8)
        if ((truth != 0) & (truth != VOID)).any():
            scores = [image_score(image_confusion(row.image, truth, maps[row.image], classes)) for maps in (plain, crf)]
            yield _Scored(row, *scores)


def _prediction_row(scored: _Scored, plain: Labels, crf: Labels) -> Row:
    image, photo = scored.row.image, read_image(scored.row.path)
    maps = {"true mask": read_mask(scored.row.mask), "without CRF": plain[image], "with CRF": crf[image]}
    note = f"mean IoU {100 * scored.plain:.1f} %, with CRF {100 * scored.crf:.1f} %"
    pictures = [jpeg(fitted(photo), f"{image}: photograph", "image"), *_overlays(image, photo, maps)]
    return Row(image, note, pictures, _seen(maps))


def _boxes(photo: NDArray[np.uint8], boxes: pd.DataFrame, classes: Sequence[str]) -> GalleryPicture:
    image = Image.fromarray(fitted(photo))
    corners = boxes[["x0", "y0", "x1", "y1"]].to_numpy() * (WIDTH / photo.shape[1])
    labels = list(boxes["label"])
    names = [classes[label] for label in labels]
    draw_boxes(image, np.rint(corners).astype(np.int64), labels, names, size=14)
    return jpeg(np.asarray(image), f"{boxes['image'].iloc[0]}: photograph with boxes: {', '.join(names)}", "boxes")


def _overlays(image: str, photo: NDArray[np.uint8], maps: Mapping[str, NDArray[np.uint8]]) -> list[GalleryPicture]:
    small = fitted(photo)
    return [
        jpeg(overlay(small, fitted(labels, Image.Resampling.NEAREST)), f"{image}: {name}", name)
        for name, labels in maps.items()
    ]


def _seen(maps: Mapping[str, NDArray[np.uint8]]) -> frozenset[int]:
    return frozenset(int(label) for labels in maps.values() for label in np.unique(labels))
