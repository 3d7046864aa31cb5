"""The page of `boxsup masks` with the pictures beside it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from boxsup.again import program
from boxsup.image.boxes import Corners
from boxsup.image.packed import packed_mask
from boxsup.image.palette import colour_id, css_colour
from boxsup.machine.bars import tqdm
from boxsup.masking.made import CONTACT, INDEX, OVERLAYS
from boxsup.masking.parts import ImagePart, masked_objects
from boxsup.masking.quality import FLAGS
from boxsup.report.masks.overlays import (
    SHEET,
    Score,
    Scores,
    browser_shows,
    contact_sheet,
    overlay_picture,
    photo_of,
    save_jpeg,
    thumb,
)
from boxsup.report.shared.explorer import NARROW, WIDE, segment_path, webp_photo
from boxsup.report.shared.templates import render_template
from boxsup.store.atomic import atomic_write, write_text
from boxsup.writers.objects import MaskedObject

PHOTOS = "photos"  # below the overlays: images that browsers do not show as we read them
MANY = 600  # boxes, from which on their pictures are small
MOST = 5000  # boxes with a picture: what a browser opens at once
MARGIN = 0.25  # of a box's longer side, around it in its picture
LEAST_MARGIN = 8  # px


@dataclass(frozen=True)
class Pages:
    """What is written beside the masks so that a person can look at them.

    Attributes:
        out: The folder of `boxsup masks`.
        classes: Class names, the background first.
        table: The table of masks; see `boxsup.masking.table.masks_table`.
    """

    out: Path
    classes: Sequence[str]
    table: pd.DataFrame

    def write(self, parts: Iterable[ImagePart]) -> Path:
        """Write `overlays/ID.jpg`, `contact.jpg` and `index.html`; returns the last one.

        Args:
            parts: The images with their masks.
        """
        scores = _scores(self.table)
        places = {key: place for place, key in enumerate(scores)}
        side = WIDE if len(scores) <= MANY else NARROW
        worst = list(dict.fromkeys(image for image, _ in scores))[:SHEET]
        boxes: dict[int, dict[str, Any]] = {}
        files: dict[str, dict[str, str]] = {}
        thumbs: dict[str, Image.Image] = {}
        with atomic_write(self.out / OVERLAYS) as folder:
            folder.mkdir()
            for part in tqdm(list(parts), "look", unit="image", disable=None):
                image, photo = part.record.image, photo_of(part)
                picture = overlay_picture(photo, part, self.classes, scores)
                save_jpeg(picture, folder / f"{image}.jpg")
                files[image] = self._files(part, photo, folder)
                if image in worst:
                    thumbs[image] = thumb(picture)
                for *_, item in masked_objects(part):
                    place = places[image, item.number or 0]
                    if place < MOST:
                        boxes[place] = _box(photo, item, side) | self._said(image, item, scores)
        captions = [(_caption(image, scores), thumbs[image]) for image in worst if image in thumbs]
        save_jpeg(contact_sheet(captions), self.out / CONTACT)
        write_text(self.out / INDEX, self._text([boxes[place] for place in sorted(boxes)], files))
        return self.out / INDEX

    def _files(self, part: ImagePart, photo: NDArray[np.uint8], folder: Path) -> dict[str, str]:
        """The addresses of an image and of its masks, as the page names them."""
        image, path = part.record.image, Path(part.record.path)
        where = os.path.relpath(path, self.out)
        if not browser_shows(path):
            save_jpeg(Image.fromarray(photo), folder / PHOTOS / f"{image}.jpg")
            where = f"{OVERLAYS}/{PHOTOS}/{image}.jpg"
        return {"photo": quote(Path(where).as_posix()), "masks": quote(f"{OVERLAYS}/{image}.jpg")}

    def _said(self, image: str, item: MaskedObject, scores: Scores) -> dict[str, Any]:
        said = scores[image, item.number or 0]
        about = {"image": image, "object": item.number, "class": item.class_id}
        return about | {"score": said.score, "flags": list(said.flags), "reviewed": said.reviewed}

    def _text(self, boxes: Sequence[dict[str, Any]], files: dict[str, dict[str, str]]) -> str:
        table, count = self.table, len(self.table)
        present = [class_id for class_id, name in enumerate(self.classes) if name in set(table["class"])]
        flagged = {name: int(sum(name in flags.split() for flags in table["flags"])) for name in FLAGS}
        data = {
            "classes": [{"name": name, "colour": css_colour(colour_id(i))} for i, name in enumerate(self.classes)],
            "flags": FLAGS,
            "files": files,
            "boxes": boxes,
        }
        return render_template(
            "masks/page.html.j2",
            name=self.out.absolute().name,
            images=len(files),
            count=count,
            shown=len(boxes),
            mean=float(table["score"].mean()) if count else None,
            worth=int((table["flags"] != "").sum()),
            reviewed=int(table["reviewed"].sum()),
            flags=[(name, FLAGS[name], number) for name, number in flagged.items() if number],
            classes=[(class_id, self.classes[class_id]) for class_id in present],
            command=f"{program('boxsup')} review {shlex.quote(str(self.out))}",
            data=data,
        )


def _scores(table: pd.DataFrame) -> Scores:
    """What the table says of each mask, by rising score."""
    ordered = table.sort_values("score", kind="stable")
    columns = zip(*(ordered[name].tolist() for name in ("image", "object", "score", "flags", "reviewed")), strict=True)
    return {
        (str(image), int(number)): Score(float(score), tuple(str(flags).split()), bool(reviewed))
        for image, number, score, flags, reviewed in columns
    }


def _box(photo: NDArray[np.uint8], item: MaskedObject, side: int) -> dict[str, Any]:
    """The picture of a box with some of what is around it, and its mask on that."""
    x0, y0, x1, y1 = view = around(item.box, *photo.shape[:2])
    photograph, scale = webp_photo(photo[y0:y1, x0:x1], side), min(1.0, side / max(x1 - x0, y1 - y0))
    width, height = (max(1, round(length * scale)) for length in (x1 - x0, y1 - y0))
    corners = [round((place - start) * scale, 1) for place, start in zip(item.box, (x0, y0, x0, y0), strict=True)]
    mask = segment_path(packed_mask(item).inside(view), side)
    return {"width": width, "height": height, "photo": photograph, "mask": mask, "corners": corners}


def around(box: Corners, height: int, width: int) -> Corners:
    """A box with a margin, within an image.

    >>> around((10, 10, 50, 30), 100, 55)
    (0, 0, 55, 40)
    """
    x0, y0, x1, y1 = box
    margin = max(LEAST_MARGIN, round(MARGIN * max(x1 - x0, y1 - y0)))
    return max(0, x0 - margin), max(0, y0 - margin), min(width, x1 + margin), min(height, y1 + margin)


def _caption(image: str, scores: Scores) -> str:
    """The name of an image, with its lowest score before it."""
    return f"{min(said.score for (name, _), said in scores.items() if name == image):.2f} {image}"
