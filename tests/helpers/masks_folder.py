"""A folder of `boxsup masks`, made up: true masks of drawn pictures, cut in half where a score is low."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from boxsup.catalogue.records import Box, Record
from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.masking.box_masks import BoxMask
from boxsup.masking.made import PARTS, Made, MadePart, write_made
from boxsup.masking.parts import ImagePart, write_part
from boxsup.masking.quality import CandidateMeasures, measure_mask
from boxsup.masking.recipe import Recipe
from boxsup.proposals.methods import build_settings
from helpers.own_data import CLASSES, pictures


def recipe() -> Recipe:
    """The shipped object network and candidates that are made in a second."""
    config = project_config()
    update = build(UpdateSettings, generation_settings(block(config, "defaults", "update")), "update")
    method = build_settings(config["proposals"]["selective_search"], "proposals.selective_search")
    return Recipe(None, (), (1.0,), update, method)


def write_masks_folder(
    root: Path, count: int = 6, classes: Sequence[str] = CLASSES, name: str = "{}", copies: int = 1, side: int = 80
) -> Path:
    """`root/images` and `root/masks`.

    Args:
        root: The folder.
        count: Number of pictures.
        classes: Names of the four classes, the background first.
        name: What the ids of the images are; `{}` stands for the picture's own.
        copies: How often each box is repeated.
        side: Side of the pictures, px.
    """
    images, out, parts = root / "images", root / "masks", []
    images.mkdir(parents=True)
    (out / PARTS).mkdir(parents=True)
    for index, (own, drawn) in enumerate(pictures(count, side).items()):
        image = name.format(own)
        Image.fromarray(drawn.image).save(images / f"{image}.png")
        height, width = drawn.instances.shape
        boxes, masks = [], []
        for number, thing in enumerate(drawn.objects * copies):
            x0, y0, x1, y1 = thing.box
            down, right = divmod(number // len(drawn.objects), 6)  # no two boxes are equal
            box = Box(thing.class_id, min(x0 + right, x1 - 2), min(y0 + down, y1 - 2), x1, y1)
            boxes.append(box)
            score = (7 * index + 3 * number) % 10 / 10
            masks.append(_mask(drawn.instances == number % len(drawn.objects) + 1, box, score))
        record = Record(image, str(images / f"{image}.png"), height, width, boxes=boxes)
        part = ImagePart(record, masks)
        write_part(out / PARTS, "key", part)
        parts.append(MadePart(record, _unknown(record), "key"))
    write_made(Made(out, images, tuple(classes), recipe(), tuple(parts)))
    return out


def _mask(pixels: np.ndarray, box: Box, score: float) -> BoxMask:
    """The true mask in its box; only its left half if the score is below a half."""
    held = pixels.copy()
    if score < 0.5:
        held[:, (box.x0 + box.x1) // 2 :] = False
    inside = held[box.y0 : box.y1, box.x0 : box.x1]
    if not inside.any():
        held[box.y0 : box.y1, box.x0 : box.x1] = True
        inside = held[box.y0 : box.y1, box.x0 : box.x1]
    held = held & _filled(held.shape, box)
    measures = CandidateMeasures(score, 0.1, 1 - score, math.nan)
    return BoxMask(held, False, measure_mask(inside, box.class_id, None, measures, 0.0))


def _filled(shape: tuple[int, ...], box: Box) -> np.ndarray:
    filled = np.zeros(shape, np.bool_)
    filled[box.y0 : box.y1, box.x0 : box.x1] = True
    return filled


def _unknown(record: Record) -> Record:
    boxes = [box._replace(class_id=0) for box in record.boxes]
    return Record(record.image, record.path, record.height, record.width, boxes=boxes)
