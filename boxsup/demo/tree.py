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
from boxsup.demo.shapes import DrawnPicture, fill, picture
from boxsup.errors import ConfigError
from boxsup.image.files import write_mask
from boxsup.random import generator

QUALITY = 95  # of the JPEGs


@dataclass(frozen=True)
class Written:
    """A picture on disk: its id, the labels of its objects, and the share of each box that its object fills."""

    image: str
    labels: tuple[int, ...]
    fills: tuple[float, ...]


def check_settings(settings: ShapesSettings, classes: Sequence[str]) -> None:
    """Raise a ConfigError that names the key if pictures cannot be made of these settings and classes."""
    unknown = [name for name in classes[1:] if name not in FORMS]
    if unknown:
        raise ConfigError(f"classes: '{unknown[0]}' is no form that can be drawn; known are {', '.join(FORMS)}")


def write_tree(folder: Path, settings: ShapesSettings, classes: Sequence[str]) -> Iterator[Written]:
    """Write pictures, annotations and masks one by one, and the lists at the end.

    Args:
        folder: The tree's root; made.
        settings: Checked by `check_settings`.
        classes: Names by label, the background first.

    Yields:
        Each picture when it is written: those of `train`, then those of `val`.
    """
    for part in (IMAGES, ANNOTATIONS, MASKS, OBJECT_MASKS, LISTS):
        (folder / part).mkdir(parents=True)
    labels: dict[str, dict[str, tuple[int, ...]]] = {"train": {}, "val": {}}
    for split, count in (("train", settings.train), ("val", settings.val)):
        for index in range(count):
            image = f"{split}_{index:04d}"
            made = picture(settings.seed, split, index, settings.side, classes)
            write_picture(folder, image, made, classes)
            labels[split][image] = tuple(thing.label for thing in made.things)
            yield Written(image, labels[split][image], tuple(fill(made.instances, made.things)))
    lists = {**labels, "masks": choose_masks(labels["train"], settings.masks, settings.seed)}
    for name, images in lists.items():
        (folder / LISTS / f"{name}.txt").write_text("".join(f"{image}\n" for image in images), encoding="utf-8")


def write_picture(folder: Path, image: str, made: DrawnPicture, classes: Sequence[str]) -> None:
    """Write a picture's four files."""
    labels, objects = made.masks()
    Image.fromarray(made.image).save(folder / IMAGES / f"{image}.jpg", quality=QUALITY, subsampling=0)
    write_mask(folder / MASKS / f"{image}.png", labels)
    write_mask(folder / OBJECT_MASKS / f"{image}.png", objects)
    (folder / ANNOTATIONS / f"{image}.xml").write_bytes(annotation(image, made, classes))


def annotation(image: str, made: DrawnPicture, classes: Sequence[str]) -> bytes:
    """The picture's objects as VOC's XML, corners 1-based and inclusive."""
    height, width = made.instances.shape
    root = ElementTree.Element("annotation")
    _texts(root, {"folder": "shapes", "filename": f"{image}.jpg"})
    _texts(ElementTree.SubElement(root, "size"), {"width": width, "height": height, "depth": 3})
    _texts(root, {"segmented": 1})
    for thing in made.things:
        element = ElementTree.SubElement(root, "object")
        _texts(element, {"name": classes[thing.label], "difficult": int(thing.difficult)})
        x0, y0, x1, y1 = thing.box
        corners = dict(zip(CORNERS, (x0 + 1, y0 + 1, x1, y1), strict=True))
        _texts(ElementTree.SubElement(element, "bndbox"), corners)
    ElementTree.indent(root, "\t")
    return f"{ElementTree.tostring(root, encoding='unicode')}\n".encode()


def choose_masks(labels: Mapping[str, tuple[int, ...]], count: int, seed: int) -> list[str]:
    """The pictures whose masks may be used: spread evenly over the classes, as far as `count` goes.

    Greedy: each time the picture with the class that the chosen ones hold least of, and among these the one that adds
    most classes of that kind; ties in random order.

    Args:
        labels: The labels of each picture's objects.
        count: How many to choose; at most as many as there are.
        seed: Of the data set.

    Returns:
        Ids in the order of `labels`.
    """
    order = list(labels)
    generator(seed, "shapes", "masks").shuffle(order)
    seen = dict.fromkeys((label for own in labels.values() for label in own), 0)
    chosen: set[str] = set()
    for _ in range(count):
        best = max((image for image in order if image not in chosen), key=lambda image: _gain(labels[image], seen))
        chosen.add(best)
        for label in set(labels[best]):
            seen[label] += 1
    return [image for image in labels if image in chosen]


def _gain(labels: tuple[int, ...], seen: Mapping[int, int]) -> tuple[int, float]:
    """What a picture adds: minus the count of its rarest class so far, then the sum of 1 / (1 + count)."""
    own = sorted(set(labels))
    return -min(seen[label] for label in own), sum(1 / (1 + seen[label]) for label in own)


def _texts(parent: ElementTree.Element, texts: Mapping[str, str | int]) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)
