"""The object maps of a run on the page: how good they are, and those of a sample of boxes, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.evaluation.calibration import MIN_MASKS
from boxsup.evaluation.object_maps import MAX_IMAGES, MapQuality, measure_maps
from boxsup.image.showing import encode_base64
from boxsup.labels.segments import Segments
from boxsup.labels.true_objects import true_pixels
from boxsup.machine.bars import tqdm
from boxsup.objects.crops import MARGIN
from boxsup.objects.maps import ObjectMaps
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import find_pools
from boxsup.report.shared.choosing import evenly_spaced
from boxsup.report.shared.explorer import WIDE, svg_path, webp_photo
from boxsup.report.shared.pictures import heat_picture, resize
from boxsup.report.shared.templates import NONE, number, percent, rounded
from boxsup.store.labels import Labels

MAX_BOXES = 48  # shown
WORST = 24  # of these, the worst; then the worst of each class, and others at even distances in the order of how bad
QUALITY = 60  # of a map's WebP
TITLES = ("Seed", "Boxes", "Mean E_b", "Measured", "IoU of maps %", "IoU of segments %")
CALIBRATION_TITLES = ("Expected IoU less true %", "Calibration error %", "by chance %", "Rank correlation")


def object_maps_section(catalogue: Catalogue, generations: Mapping[int, Labels]) -> dict[str, Any]:
    """The object maps that the last generation of each seed chose by.

    Args:
        catalogue: The training split.
        generations: Seed -> its last generation; the pictures are those of the first seed.

    Returns:
        An empty dict if no generation has maps, or they were removed. Otherwise `titles` and `rows`, what is known of
        the maps of each seed; `calibrated`, whether enough IoU are known to judge the expected ones; `boxes`, the
        number of boxes with a map that chose; `measured`, how many of these have a known IoU; `left_out`, how many
        images were left out of the measurement; and `pictures`; see `_picture`.
    """
    found = {seed: maps for seed, labels in generations.items() if (maps := open_maps(labels)) is not None}
    if not found:
        return {}
    masked = [row for row in catalogue.rows() if row.mask]
    images = [masked[position] for position in evenly_spaced(len(masked), MAX_IMAGES)]
    qualities = {seed: measure_maps(catalogue, generations[seed], maps, images) for seed, maps in found.items()}
    first = next(iter(found))
    quality = qualities[first]
    shown = pick_boxes(quality, catalogue)
    known = any(each.calibration.masks >= MIN_MASKS for each in qualities.values())
    return {
        "titles": [*TITLES, *(CALIBRATION_TITLES if known else ())],
        "rows": [_row(seed, each) + (calibration_cells(each) if known else []) for seed, each in qualities.items()],
        "calibrated": known,
        "boxes": int(quality.chose.sum()),
        "measured": int(quality.measured.sum()),
        "left_out": len(masked) - len(images),
        "pictures": _pictures(shown, catalogue, generations[first], found[first], quality),
    }


def open_maps(generation: Labels) -> ObjectMaps | None:
    """Open the object maps that a generation chose by; None if it had none, or they were removed."""
    paths = [Path(path) for path in generation.attributes.get("objects", [])]
    return ObjectMaps(paths) if paths and all(path.is_dir() for path in paths) else None


def pick_boxes(quality: MapQuality, catalogue: Catalogue, count: int = MAX_BOXES) -> list[int]:
    """Pick at most `count` boxes to show, the worst first.

    A box is worse than another if its map has a smaller IoU with the true object. Then come the boxes whose IoU is not
    known, from the one whose choice is farthest from its map on, and last those that chose no candidate.

    Args:
        quality: What is known of the boxes.
        catalogue: The training split.
        count: The largest number of boxes.

    Returns:
        Rows of boxes in the catalogue: the WORST ones, the worst of each class, and others evenly spaced in the rest.
    """
    rows = np.flatnonzero(quality.chose)
    order = rows[np.lexsort((-quality.distance[rows], quality.maps[rows]))].tolist()  # NaN comes last
    classes = catalogue.boxes["label"].iloc[order]
    firsts = classes[~classes.duplicated()].index.tolist()
    chosen = list(dict.fromkeys([*order[:WORST], *firsts]))[:count]
    rest = [row for row in order if row not in set(chosen)]
    picked = {*chosen, *(rest[position] for position in evenly_spaced(len(rest), count - len(chosen)))}
    return [row for row in order if row in picked]


def _row(seed: int, quality: MapQuality) -> list[str]:
    both = quality.measured
    maps, segments = (_mean(values[both]) for values in (quality.maps, quality.segments))
    distance = number(_mean(quality.distance[~np.isnan(quality.distance)]), 3)
    boxes = f"{int(quality.chose.sum()):,}"
    return [str(seed), boxes, distance, f"{int(both.sum()):,}", percent(maps), percent(segments)]


def calibration_cells(quality: MapQuality) -> list[str]:
    """Say how what is expected of the segments goes with what they are: the cells of CALIBRATION_TITLES, as texts."""
    found = quality.calibration
    bias = NONE if np.isnan(found.bias) else f"{100 * found.bias:+.1f}".replace("-", "−")
    rank = NONE if np.isnan(found.rank) else number(found.rank, 2)
    return [bias, percent(found.error), percent(found.chance), rank]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _pictures(
    shown: Sequence[int], catalogue: Catalogue, generation: Labels, maps: ObjectMaps, quality: MapQuality
) -> list[dict[str, Any]]:
    segments, images = Segments(generation), catalogue.boxes["image"]
    rows = {row.image: row for row in catalogue.rows()}
    drawn = {images[box] for box in shown if segments.is_candidate(box)}
    pools = dict(find_pools(generation.attributes["proposals"], drawn))
    return [
        _picture(rows[images[box]], catalogue, box, maps, pools.get(images[box]), segments, quality)
        for box in tqdm(shown, "object maps", unit="box", disable=None)
    ]


def _picture(
    row: ImageRow,
    catalogue: Catalogue,
    box: int,
    maps: ObjectMaps,
    pool: Pool | None,
    segments: Segments,
    quality: MapQuality,
) -> dict[str, Any]:
    """A box with its margin, as the page's script reads it.

    Returns:
        `id` of the image; `width`, `height` and `photo` of the picture; `labels`, the class of the box; `heat`, its map
        and the `corners` of the box on the picture; `segment`, the path of what it chose, and `true`, that of its true
        object, or "" if it is not known; `score` and `segment_iou` in per cent, and `distance`; `truth`, None, since
        there is no second picture; and `layers`, one without labels.
    """
    boxes = catalogue.boxes_of(row.image)
    corners, place = corners_of(boxes), list(boxes.index).index(box)
    own, photo = corners[place], row.photo()
    window, inside = around(own, *photo.shape[:2])
    cut = photo[window]
    scale = WIDE / max(cut.shape[:2])
    height, width = (max(1, round(scale * side)) for side in cut.shape[:2])
    segment, true = np.zeros((2, *cut.shape[:2]), np.uint8)
    if segments.is_known(box, pool):
        segment[inside] = segments.inside(box, own, (row.height, row.width), pool, maps[row.image][place])
    if row.mask and not np.isnan(quality.maps[box]):
        held, known = true_pixels(row.true_mask(), corners, boxes["label"].to_numpy(np.int64), place)
        true[inside] = held & known
    edges = inside[1].start, inside[0].start, inside[1].stop, inside[0].stop
    heat = encode_base64(heat_picture(maps[row.image][place]), "WEBP", quality=QUALITY, method=6)
    return {
        "id": row.image,
        "width": width,
        "height": height,
        "photo": webp_photo(resize(cut, (height, width), Image.Resampling.BICUBIC), WIDE),
        "labels": [int(boxes["label"].iloc[place])],
        "heat": {"map": heat, "corners": [round(scale * edge, 1) for edge in edges]},
        "segment": svg_path(resize(segment, (height, width)) > 0),
        "true": svg_path(resize(true, (height, width)) > 0),
        "score": rounded(100 * quality.maps[box], 1),
        "segment_iou": rounded(100 * quality.segments[box], 1),
        "distance": rounded(quality.distance[box], 2),
        "truth": None,
        "layers": [[]],
    }


def around(box: NDArray[np.integer], height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the rows and columns of a box with its margin in its image, and those of the box in this window.

    The margin is that of the crops that networks see, without what lies outside of the image.

    >>> around(np.array([10, 0, 30, 5]), height=20, width=32)
    ((slice(0, 6, None), slice(6, 32, None)), (slice(0, 5, None), slice(4, 24, None)))
    """
    x0, y0, x1, y1 = map(int, box)
    margin_x, margin_y = -(-(x1 - x0) // MARGIN), -(-(y1 - y0) // MARGIN)
    left, top = max(0, x0 - margin_x), max(0, y0 - margin_y)
    window = slice(top, min(height, y1 + margin_y)), slice(left, min(width, x1 + margin_x))
    return window, (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
