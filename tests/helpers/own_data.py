"""A few pictures of the demo with their boxes in each format that one's own data may be in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import yaml
from PIL import Image

from boxsup.demo.shapes import DrawnPicture, draw_picture
from boxsup.demo.tree import annotation
from boxsup.image.files import write_mask
from boxsup.writers.rings import join_rings, mask_parts

FORMS = ("ring", "crescent", "star")
CLASSES = ("background", *FORMS)


def pictures(count: int, side: int = 80) -> dict[str, DrawnPicture]:
    """So many pictures by their ids."""
    return {f"picture_{index:02d}": draw_picture(0, "own", index, side, CLASSES) for index in range(count)}


def write_images(folder: Path, made: dict[str, DrawnPicture], ending: str = "png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image, each in made.items():
        Image.fromarray(each.image).save(folder / f"{image}.{ending}", quality=95)


def write_masks(folder: Path, made: dict[str, DrawnPicture], images: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    for image in images:
        write_mask(folder / f"{image}.png", made[image].masks()[0])


def write_voc_xml(folder: Path, made: dict[str, DrawnPicture]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image, each in made.items():
        (folder / f"{image}.xml").write_bytes(annotation(image, each, CLASSES))


def write_yolo(folder: Path, made: dict[str, DrawnPicture]) -> None:
    """`labels/` and `data.yaml` in a folder."""
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    (folder / "data.yaml").write_text(yaml.safe_dump({"train": "images", "names": dict(enumerate(FORMS))}))
    for image, each in made.items():
        height, width = each.instances.shape
        lines = []
        for thing in each.objects:
            x0, y0, x1, y1 = thing.box
            shares = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height
            lines.append(" ".join([str(thing.class_id - 1), *(f"{share:.6f}" for share in shares)]))
        (folder / "labels" / f"{image}.txt").write_text("\n".join(lines) + "\n")


def write_labelme(folder: Path, made: dict[str, DrawnPicture]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for image, each in made.items():
        height, width = each.instances.shape
        shapes = [
            {"label": CLASSES[thing.class_id], "points": [list(thing.box[:2]), list(thing.box[2:])], "group_id": None}
            | {"shape_type": "rectangle", "flags": {}}
            for thing in each.objects
        ]
        content = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{image}.png", "imageData": None}
        (folder / f"{image}.json").write_text(json.dumps(content | {"imageHeight": height, "imageWidth": width}))


def write_coco(path: Path, made: dict[str, DrawnPicture], ending: str = "png", masks: bool = False) -> None:
    """Boxes, and masks if asked for; the categories' ids are not their places."""
    images, annotations = [], []
    for number, (image, each) in enumerate(made.items(), start=1):
        height, width = each.instances.shape
        images.append({"id": number, "file_name": f"{image}.{ending}", "height": height, "width": width})
        for thing in each.objects:
            x0, y0, x1, y1 = thing.box
            record = {"id": len(annotations) + 1, "image_id": number, "category_id": 10 * thing.class_id, "iscrowd": 0}
            record["bbox"] = [x0, y0, x1 - x0, y1 - y0]
            if masks:
                pixels = each.instances == each.objects.index(thing) + 1
                record |= {"segmentation": [join_rings([part]).ravel().tolist() for part in mask_parts(pixels)]}
                record["area"] = int(pixels.sum())
            annotations.append(record)
    categories = [{"id": 10 * label, "name": name} for label, name in enumerate(CLASSES) if label]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
