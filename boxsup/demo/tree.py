"""Writes the demo data as a tree in VOC layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from boxsup.catalogue.readers.voc import ANNOTATIONS, IMAGES, LISTS, MASKS, OBJECT_MASKS
from boxsup.catalogue.readers.voc_objects import CORNERS
from boxsup.config.datasets import ShapesSettings
from boxsup.demo.forms import FORMS
from boxsup.demo.shapes import DrawnPicture, Style, draw_picture, fill_shares
from boxsup.errors import ConfigError
from boxsup.image.files import write_mask
from boxsup.random import generator

QUALITY = 95  # of the JPEGs


@dataclass(frozen=True)
class Written:
    """A picture on disk: its id, the class ids of its objects, and the share of each box that its object fills."""

    image: str
    class_ids: tuple[int, ...]
    fills: tuple[float, ...]


def check_classes(classes: Sequence[str]) -> None:
    """Raise a ConfigError that names the first class that is no form which can be drawn; the background comes first."""
    unknown = [name for name in classes[1:] if name not in FORMS]
    if unknown:
        raise ConfigError(f"classes: '{unknown[0]}' is no form that can be drawn; known are {', '.join(FORMS)}")


def write_tree(folder: Path, settings: ShapesSettings, classes: Sequence[str]) -> Iterator[Written]:
    """Write pictures, annotations and masks one by one, and the lists at the end.

    Args:
        folder: The root of the tree, which is created.
        settings: How many pictures, how large, and how many of them have masks.
        classes: Class names that passed `check_classes`, the background first.

    Yields:
        Each picture when it is written: those of `train`, then those of `val`.
    """
    for part in (IMAGES, ANNOTATIONS, MASKS, OBJECT_MASKS, LISTS):
        (folder / part).mkdir(parents=True)
    least, most = settings.objects
    style = Style((least, most), settings.companions, settings.hue_spread, (settings.radius[0], settings.radius[1]))
    class_ids: dict[str, dict[str, tuple[int, ...]]] = {"train": {}, "val": {}}
    for split, count in (("train", settings.train), ("val", settings.val)):
        for index in range(count):
            image = f"{split}_{index:04d}"
            picture = draw_picture(settings.seed, split, index, settings.side, classes, style)
            write_picture(folder, image, picture, classes)
            class_ids[split][image] = tuple(item.class_id for item in picture.objects)
            yield Written(image, class_ids[split][image], tuple(fill_shares(picture.instances, picture.objects)))
    lists = {**class_ids, "masks": choose_masks(class_ids["train"], settings.masks, settings.seed)}
    for name, images in lists.items():
        (folder / LISTS / f"{name}.txt").write_text("".join(f"{image}\n" for image in images), encoding="utf-8")


def write_picture(folder: Path, image: str, picture: DrawnPicture, classes: Sequence[str]) -> None:
    """Write the four files of a picture: the image, its annotation and its two masks."""
    labels, objects = picture.masks()
    Image.fromarray(picture.image).save(folder / IMAGES / f"{image}.jpg", quality=QUALITY, subsampling=0)
    write_mask(folder / MASKS / f"{image}.png", labels)
    write_mask(folder / OBJECT_MASKS / f"{image}.png", objects)
    (folder / ANNOTATIONS / f"{image}.xml").write_bytes(annotation(image, picture, classes))


def annotation(image: str, picture: DrawnPicture, classes: Sequence[str]) -> bytes:
    """The objects of a picture as VOC's XML, whose corners are 1-based and inclusive."""
    height, width = picture.instances.shape
    root = ElementTree.Element("annotation")
    _texts(root, {"folder": "shapes", "filename": f"{image}.jpg"})
    _texts(ElementTree.SubElement(root, "size"), {"width": width, "height": height, "depth": 3})
    _texts(root, {"segmented": 1})
    for item in picture.objects:
        element = ElementTree.SubElement(root, "object")
        _texts(element, {"name": classes[item.class_id], "difficult": int(item.difficult)})
        x0, y0, x1, y1 = item.box
        corners = dict(zip(CORNERS, (x0 + 1, y0 + 1, x1, y1), strict=True))
        _texts(ElementTree.SubElement(element, "bndbox"), corners)
    ElementTree.indent(root, "\t")
    return f"{ElementTree.tostring(root, encoding='unicode')}\n".encode()


def choose_masks(class_ids: Mapping[str, tuple[int, ...]], count: int, seed: int) -> list[str]:
    """Choose the pictures whose masks may be used, with the classes as evenly distributed as possible.

    Greedy: takes the picture with the class that is rarest among the chosen ones, and among such pictures the one that
    adds most rare classes. Ties are broken at random.

    Args:
        class_ids: Picture id -> class ids of its objects.
        count: Number of pictures to choose; at most as many as there are.
        seed: Seed of the data set.

    Returns:
        The chosen ids, in the order of `class_ids`.
    """
    order = list(class_ids)
    generator(seed, "shapes", "masks").shuffle(order)
    counts = dict.fromkeys((class_id for picture in class_ids.values() for class_id in picture), 0)
    chosen: set[str] = set()
    for _ in range(count):
        best = max((image for image in order if image not in chosen), key=lambda image: _gain(class_ids[image], counts))
        chosen.add(best)
        for class_id in set(class_ids[best]):
            counts[class_id] += 1
    return [image for image in class_ids if image in chosen]


def _gain(class_ids: tuple[int, ...], counts: Mapping[int, int]) -> tuple[int, float]:
    """What a picture adds: minus the count of its rarest class so far, then the sum of 1 / (1 + count)."""
    unique = sorted(set(class_ids))
    return -min(counts[class_id] for class_id in unique), sum(1 / (1 + counts[class_id]) for class_id in unique)


def _texts(parent: ElementTree.Element, texts: Mapping[str, str | int]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)
