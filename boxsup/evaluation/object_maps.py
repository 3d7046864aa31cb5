"""How good the object maps of a run are, beside the segments that its boxes chose by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boxsup.catalogue.tables import Catalogue, ImageRow, corners_of
from boxsup.evaluation.calibration import Calibration, calibration
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import of_chosen
from boxsup.labels.segments import Segments
from boxsup.labels.true_objects import true_pixels
from boxsup.machine.bars import tqdm
from boxsup.objects.maps import object_pixels
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import find_pools
from boxsup.store.labels import Labels

MIN_KNOWN = 0.5  # share of the pixels of its class in a box that must be known to be its object, for an IoU to mean it
MAX_IMAGES = 1_000  # measured, at even distances in the split: their candidates and masks are read


@dataclass(frozen=True)
class MapQuality:
    """What is known of the object maps of the B boxes of a split.

    Attributes:
        chose: B, whether the box chose a segment and has a map.
        distance: B, E_b of the chosen candidate, in [0, 1]; NaN for a box that chose none.
        maps: B, IoU of the object map, cut at one half, with the true object; NaN where this is not known.
        segments: B, the same of what the box labels: the chosen candidate, cut at the box, or this sharpened.
        expected: B, what the update expected of the candidate; NaN for a box that chose none.
    """

    chose: NDArray[np.bool_]
    distance: NDArray[np.float64]
    maps: NDArray[np.float64]
    segments: NDArray[np.float64]
    expected: NDArray[np.float64]

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether both IoU of a box are known."""
        return ~np.isnan(self.maps) & ~np.isnan(self.segments)

    @property
    def calibration(self) -> Calibration:
        """How the expected IoU of the chosen segments goes with their true IoU."""
        both = ~np.isnan(self.expected) & ~np.isnan(self.segments)
        return calibration(self.expected[both], self.segments[both])


def measure_maps(
    catalogue: Catalogue, generation: Labels, maps: Mapping[str, NDArray[np.uint8]], images: Sequence[ImageRow]
) -> MapQuality:
    """Compare the maps of the boxes that chose, and what they chose, with true masks cut at the boxes.

    Args:
        catalogue: The split.
        generation: The generation that chose by these maps.
        maps: Image id -> B×s×s object maps of its boxes.
        images: The images to read; of the others only the distances are known. Those without a true mask are skipped.
    """
    segments = Segments(generation)
    chosen = segments.chosen
    mapped = catalogue.boxes["image"].isin(set(maps)).to_numpy()
    chose = ~np.isin(chosen, (Chosen.NOTHING, Chosen.SEGMENT)) & mapped  # a reviewed mask was not chosen
    ious = np.full((2, len(chosen)), np.nan)
    masked = [row for row in images if row.mask and chose[catalogue.boxes_of(row.image).index].any()]
    with_pools = _with_pools(masked, catalogue, segments, generation.attributes["proposals"])
    for row, pool in tqdm(with_pools, "object maps", len(masked), unit="image", disable=None):
        truth, boxes = row.true_mask(), catalogue.boxes_of(row.image)
        corners, class_ids = corners_of(boxes), boxes["label"].to_numpy(np.int64)
        for number, box in enumerate(boxes.index.tolist()):
            if chose[box] and segments.is_known(box, pool):
                held, known = true_pixels(truth, corners, class_ids, number)
                own, seen = corners[number], maps[row.image][number]
                segment = segments.inside(box, own, (row.height, row.width), pool, seen)
                masks = object_pixels(seen, own), segment
                ious[:, box] = [known_iou(mask, held, known) for mask in masks]
    distance, expected = (
        np.where(mapped, of_chosen(generation, name), np.nan) for name in ("object_cost", "expected_iou")
    )
    return MapQuality(chose, distance, ious[0], ious[1], expected)


def known_iou(mask: NDArray[np.bool_], held: NDArray[np.bool_], known: NDArray[np.bool_]) -> float:
    """Return the IoU of a mask of a box with its object, over the pixels of which it is known.

    Args:
        mask: h×w.
        held: h×w, the pixels of the object's class; see `boxsup.labels.true_objects.true_pixels`.
        known: h×w, where it is known whether they are the object.

    Returns:
        The IoU; NaN if less than MIN_KNOWN of the pixels of the class are known, or there are none.

    >>> held = np.array([[True, True, False, False]])
    >>> known_iou(np.array([[True, False, False, True]]), held, np.array([[True, True, True, False]]))
    0.5
    """
    true = held & known
    if not true.any() or true.sum() < MIN_KNOWN * held.sum():
        return float("nan")
    return float((mask & true).sum() / ((mask & known) | true).sum())


def _with_pools(
    rows: Sequence[ImageRow], catalogue: Catalogue, segments: Segments, folders: Sequence[str]
) -> Iterator[tuple[ImageRow, Pool | None]]:
    """Images with their candidates; None where these are no longer there, or no box labels one as it is."""
    drawn = {row.image: row for row in rows if any(map(segments.is_candidate, catalogue.boxes_of(row.image).index))}
    yield from ((row, None) for row in rows if row.image not in drawn)
    for image, pool in find_pools(folders, drawn):
        yield drawn.pop(image), pool
    yield from ((row, None) for row in drawn.values())
