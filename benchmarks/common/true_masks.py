"""Masks of `boxsup masks` beside true ones: which object a box means, how good a mask is, what both are made from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from boxsup.catalogue.readers.voc import read_split
from boxsup.catalogue.tables import ImageRow
from boxsup.config.build import build
from boxsup.config.files import block, project_config
from boxsup.config.params import generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.evaluation.boundaries import boundary_counts, boundary_f, boundary_iou
from boxsup.image import VOID
from boxsup.image.boxes import box_iou, tight_box
from boxsup.image.files import read_image, read_mask
from boxsup.machine.bars import tqdm
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import Pools

DATA = Path(os.environ.get("BOXSUP_DATA", "../shared/data")) / "voc-mini/VOC2012"
SETTINGS = Path(__file__).parents[1] / "voc240.yaml"
SAME = 0.7  # IoU of a box with the tight box of its object


def val_photographs() -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.uint8]]]:
    """The file, the boxes, N×4 pixel corners, and the numbers of objects, H×W, of each photograph of voc-mini's val."""
    classes = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))["datasets"]["voc240"]["classes"]
    listing = read_split(DATA, ("background", *classes), '{"list": "val", "masks": "SegmentationClass"}')
    for check in tqdm(listing.checks, disable=None):
        record = check()
        corners = np.array([(box.x0, box.y0, box.x1, box.y1) for box in record.boxes], np.int64).reshape(-1, 4)
        yield record.path, corners, read_mask(record.objects)


def update_settings() -> UpdateSettings:
    """The update as `config.yaml` has it."""
    config = project_config()
    return build(UpdateSettings, generation_settings(block(config, "defaults", "update")), "update")


def pools_of(split: Path) -> Callable[[ImageRow], Pool]:
    """What has the candidates of an image: the stores of the split, or else the method that makes them."""
    stored: Mapping[str, Pool] = Pools(sorted(split.glob("proposals/mcg/*.zarr")), 8)
    config: dict[str, Any] = project_config()
    propose = make_proposer(build_settings(config["proposals"]["mcg"], "proposals.mcg"))
    return lambda row: stored[row.image] if row.image in stored else propose(read_image(row.path), row.image)


def objects_of(row: ImageRow) -> NDArray[np.uint8]:
    """VOC's numbers of objects, H×W, beside the true mask of the image."""
    mask = Path(row.mask)
    return read_mask(str(mask.parent.parent / "SegmentationObject" / mask.name))


def true_object(box: NDArray[np.integer], objects: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """The object that a box means, H×W; None if no object's tight box is near it."""
    best, found = SAME, None
    for number in set(np.unique(objects)) - {0, VOID}:
        thing = objects == number
        near = float(box_iou(np.array([box]), np.array([tight_box(thing)]))[0, 0])
        if near > best:
            best, found = near, thing
    return found


def mask_iou(mask: NDArray[np.bool_], thing: NDArray[np.bool_], objects: NDArray[np.uint8]) -> float:
    """IoU of a mask with an object, less void."""
    mask = mask & (objects != VOID)
    return float((mask & thing).sum() / (mask | thing).sum())


def boundary_scores(
    mask: NDArray[np.bool_], thing: NDArray[np.bool_], objects: NDArray[np.uint8], diagonal: float | None = None
) -> tuple[float, float]:
    """Boundary IoU, within 2 % of the diagonal of the image or another one, px, and boundary F, at 2 px.

    See `boxsup.evaluation.boundaries`, also for void.
    """
    truth = np.where(objects == VOID, VOID, thing).astype(np.uint8)
    counts = boundary_counts(truth, mask.astype(np.uint8), 2, diagonal)[1:]
    return float(boundary_iou(counts)[0]), float(boundary_f(counts)[0])
