"""Draws the demo data: pictures of overlapping, textured objects far from rectangular, with true masks and boxes.

A small network learns them on a CPU in some minutes from a hundred pictures. A box says much less than a mask: an
object fills well under half of its box. Each class has a form, a texture and a family of hues. The background and the
blobs on it, which belong to no class, have any hue: hue alone does not decide.

An object may have a companion: one of another class in about the same place, as a rider has a horse. Their boxes are
nearly the same, so that nothing in the picture says which pixels are whose; what the classes look like in all other
pictures does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from boxsup.demo.forms import FORMS, Stroke
from boxsup.demo.textures import background, blob_texture, object_texture
from boxsup.image import VOID
from boxsup.random import generator

SUPERSAMPLING = 4  # forms are drawn this many times larger; the mean of the small pixels is a pixel's coverage
MIN_VISIBLE = 0.35  # share of an object that neither the border nor later objects may hide
DIFFICULT = 0.5  # an object with a smaller visible share is difficult
TRIES = 20  # positions to try for an object

Image = NDArray[np.uint8]
Coverage = NDArray[np.float32]


@dataclass(frozen=True)
class Style:
    """What pictures have in common.

    Attributes:
        objects: Least and greatest number of objects, without companions.
        companions: Share of the objects that have a companion.
        hue_spread: Standard deviation of the hues of a class, degrees; at 28 neighbouring classes of six overlap.
        radius: Least and greatest radius of an object that is no companion, as shares of the picture's side.
    """

    objects: tuple[int, int] = (2, 5)
    companions: float = 0.0
    hue_spread: float = 28.0
    radius: tuple[float, float] = (0.19, 0.34)


@dataclass(frozen=True)
class Place:
    """Where an object is: its centre (x, y) and its radius, in pixels."""

    centre: NDArray[np.float64]
    radius: float


@dataclass(frozen=True)
class DrawnObject:
    """An object of a picture: class 1…C-1, tight half-open box `x0, y0, x1, y1` of the visible part, `difficult`."""

    class_id: int
    box: tuple[int, int, int, int]
    difficult: bool


@dataclass(frozen=True)
class DrawnPicture:
    """A generated picture.

    Attributes:
        image: H×W×3 uint8 RGB.
        instances: H×W uint8, 0 background, else the number (from 1) of the object visible at the pixel.
        objects: The objects by number; each has visible pixels.
    """

    image: Image
    instances: Image
    objects: tuple[DrawnObject, ...]

    def masks(self) -> tuple[Image, Image]:
        """VOC's two masks: H×W uint8 class ids and object numbers, 255 along every object's boundary."""
        ring = boundary(self.instances)
        labels = np.array([0, *(item.class_id for item in self.objects)], np.uint8)[self.instances]
        return np.where(ring, VOID, labels).astype(np.uint8), np.where(ring, VOID, self.instances).astype(np.uint8)


def draw_picture(
    seed: int, split: str, index: int, side: int, classes: Sequence[str], style: Style = Style()
) -> DrawnPicture:
    """Draw picture `index` of a split. The result depends only on the arguments.

    Args:
        seed: Seed of the data set.
        split: Name of the split.
        index: Number of the picture, from 0.
        side: Height and width are between 0.8 and 1.1 times this, in pixels.
        classes: Names of forms by class id, the background first. Picture by picture, the first object goes through
            the classes in order, so that every class occurs in every split that is long enough.
        style: What it has in common with others.
    """
    draws = generator(seed, "shapes", split, index)
    radii = (style.radius[0] * side, style.radius[1] * side)
    height, width = (int(n) for n in draws.integers(round(0.8 * side), round(1.1 * side) + 1, size=2))
    image = _clutter(background(height, width, draws), draws)
    instances = np.zeros((height, width), np.uint8)
    kinds, (least, most) = len(classes) - 1, style.objects
    others = draws.integers(0, kinds, size=int(draws.integers(least - 1, most)))
    class_ids: list[int] = []
    areas: list[float] = []
    for kind in (index % kinds, *map(int, others)):
        place: Place | None = None
        for own in (kind, _companion(kind, kinds, style, draws)):
            if own is None:
                break
            put = _put(classes[own + 1], instances, areas, side, place or radii, draws)
            if put is None:
                break
            place, coverage, area = put
            class_ids.append(own + 1)
            areas.append(area)
            instances[coverage >= 0.5] = len(class_ids)
            image = _paint(image, object_texture(own, kinds, height, width, style.hue_spread, draws), coverage)
    return DrawnPicture(_photograph(image, draws), instances, _objects(instances, class_ids, areas))


def boundary(instances: Image) -> NDArray[np.bool_]:
    """H×W, true on the pixels on either side of a border between two objects, or an object and the background.

    >>> boundary(np.array([[0, 0, 1, 1]], np.uint8)).astype(int)
    array([[0, 1, 1, 0]])
    """
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(instances, kernel) != cv2.erode(instances, kernel))


def fill_shares(instances: Image, objects: Sequence[DrawnObject]) -> list[float]:
    """The share of each box that its object fills.

    >>> fill_shares(np.array([[1, 1, 0, 1]], np.uint8), [DrawnObject(3, (0, 0, 4, 1), False)])
    [0.75]
    """
    shares = []
    for number, item in enumerate(objects, start=1):
        x0, y0, x1, y1 = item.box
        shares.append(float(np.mean(instances[y0:y1, x0:x1] == number)))
    return shares


def coverage_of(strokes: Sequence[Stroke], transform: NDArray[np.float64], height: int, width: int) -> Coverage:
    """The share of each pixel that a form covers, H×W in [0, 1].

    Args:
        strokes: The form in units of its radius.
        transform: 2×3 matrix from these units to pixels.
        height: Height of the picture in pixels.
        width: Width of the picture in pixels.
    """
    canvas = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)
    scale = np.sqrt(abs(np.linalg.det(transform[:, :2]))) * SUPERSAMPLING
    for stroke in strokes:
        points = (stroke.points @ transform[:, :2].T + transform[:, 2]) * SUPERSAMPLING
        corners = np.round(points).astype(np.int32).reshape(-1, 1, 2)
        if stroke.width:
            cv2.polylines(canvas, [corners], stroke.closed, 255, max(1, round(stroke.width * scale)))
        else:
            cv2.fillPoly(canvas, [corners], 255)
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small / np.float32(255), np.float32)


def _companion(kind: int, kinds: int, style: Style, draws: np.random.Generator) -> int | None:
    """Draw the class of an object's companion, from 0; None if it has none."""
    if not style.companions or kinds == 1 or draws.random() >= style.companions:
        return None
    return (kind + int(draws.integers(1, kinds))) % kinds


def _put(
    name: str,
    instances: Image,
    areas: Sequence[float],
    side: int,
    where: Place | tuple[float, float],
    draws: np.random.Generator,
) -> tuple[Place, Coverage, float] | None:
    """Put a form at random where it does not hide too much of another object; None if no position is found.

    Args:
        name: The form.
        instances: H×W numbers of the objects so far.
        areas: Their areas in pixels.
        side: About the side of the picture, in pixels.
        where: The place of the object whose companion this is; or, if it may be anywhere, the least and greatest radius
            in pixels.
        draws: Where random numbers come from.

    Returns:
        Its place; its H×W coverage; and its area in pixels, including the part beyond the border.
    """
    height, width = instances.shape
    strokes = FORMS[name](draws)
    for _ in range(TRIES):
        transform, place = _transform(height, width, where, draws)
        margin = side // 2
        shifted = transform + np.array([[0, 0, margin], [0, 0, margin]])
        whole = coverage_of(strokes, shifted, height + 2 * margin, width + 2 * margin)
        coverage = whole[margin:-margin, margin:-margin]
        area = float(np.sum(whole >= 0.5))
        left = np.bincount(instances[coverage < 0.5], minlength=len(areas) + 1)[1:]
        if np.sum(coverage >= 0.5) >= 0.6 * area and all(left >= MIN_VISIBLE * np.array(areas)):
            return place, coverage, area
    return None


def _transform(
    height: int, width: int, where: Place | tuple[float, float], draws: np.random.Generator
) -> tuple[NDArray[np.float64], Place]:
    """A random rotation, reflection, scale and position: 2×3 matrix from a form's units to pixels, and the place."""
    angle = draws.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    beside = where if isinstance(where, Place) else None
    radius = draws.uniform(0.8, 1.1) * where.radius if isinstance(where, Place) else draws.uniform(where[0], where[1])
    stretch = np.diag([radius * draws.uniform(0.9, 1.1), radius * draws.choice([-1, 1])])
    if beside:
        centre = beside.centre + draws.uniform(-0.25, 0.25, size=2) * beside.radius
    else:
        centre = draws.uniform([0.1 * width, 0.1 * height], [0.9 * width, 0.9 * height])
    return np.column_stack([turn @ stretch, centre]), Place(centre, radius)


def _clutter(image: NDArray[np.float32], draws: np.random.Generator) -> NDArray[np.float32]:
    """Add blobs of random hue that belong to no class: ellipses, polygons and thin lines."""
    height, width = image.shape[:2]
    for _ in range(int(draws.integers(3, 8))):
        centre = draws.uniform([0, 0], [width, height])
        radius = draws.uniform(0.06, 0.22) * min(height, width)
        angles = np.sort(draws.uniform(0, 2 * np.pi, size=int(draws.integers(3, 7))))
        if draws.random() < 0.5:
            angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        points = np.stack([np.cos(angles), draws.uniform(0.5, 1) * np.sin(angles)], axis=1)
        transform = np.column_stack([radius * np.eye(2), centre])
        coverage = coverage_of([Stroke(points)], transform, height, width)
        opacity = np.float32(draws.uniform(0.5, 1))
        image = _paint(image, blob_texture(height, width, draws), opacity * coverage)
    return image


def _paint(image: NDArray[np.float32], texture: NDArray[np.float32], coverage: Coverage) -> NDArray[np.float32]:
    return np.asarray(image + coverage[..., None] * (texture - image), np.float32)


def _photograph(image: NDArray[np.float32], draws: np.random.Generator) -> Image:
    """Add a little blur and noise, as a camera does, and convert RGB in [0, 1] to uint8."""
    blurred = cv2.GaussianBlur(image, (0, 0), draws.uniform(0.3, 0.6))
    noisy = blurred + draws.normal(0, 0.015, size=image.shape)
    return np.asarray(np.clip(np.round(noisy * 255), 0, 255), np.uint8)


def _objects(instances: Image, class_ids: Sequence[int], areas: Sequence[float]) -> tuple[DrawnObject, ...]:
    objects = []
    for number, (class_id, area) in enumerate(zip(class_ids, areas, strict=True), start=1):
        rows, columns = np.nonzero(instances == number)
        box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        objects.append(DrawnObject(class_id, box, bool(len(rows) < DIFFICULT * area)))
    return tuple(objects)
