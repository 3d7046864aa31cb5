"""What an explorer of pictures stacks, drawn again by other means."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.tables import ImageRow, read_catalogue
from boxsup.image.files import read_mask
from boxsup.report.shared.explorer import NARROW, WIDE, explorer_picture, label_paths, svg_path, webp_photo
from boxsup.report.shared.pictures import fit_side


def drawn(d: str, shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a path, filled by the even-odd rule and with its line, as a browser draws it."""
    canvas, rings = np.zeros(shape, np.uint8), []
    for part in re.findall(r"M([^M]+)z", d):
        start, _, steps = part.partition("l")
        first = [int(value) for value in start.removesuffix("h0").split()]
        moves = np.array(re.findall(r"-?\d+", steps), int).reshape(-1, 2)
        rings.append(np.cumsum([first, *moves.tolist()], axis=0).astype(np.int32))
    if rings:
        cv2.fillPoly(canvas, rings, 1)  # even-odd over all rings, with their lines
    return canvas > 0


def test_a_rectangle_by_hand() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:10, 8:20] = True
    assert svg_path(mask) == "M8 5l0 4 11 0 0-4z"
    mask[7, 25] = True  # a speck
    assert svg_path(mask) == "M8 5l0 4 11 0 0-4z"


def test_of_specks_alone_the_largest_is_kept() -> None:
    mask = np.zeros((20, 30), bool)
    mask[3, 4] = True
    assert svg_path(mask) == "M4 3h0z"
    assert svg_path(np.zeros((20, 30), bool)) == ""


def test_a_ring_has_its_hole() -> None:
    y, x = np.mgrid[:100, :100]
    distance = np.hypot(x - 50, y - 50)
    ring = (distance < 40) & (distance > 20)
    again = drawn(svg_path(ring), ring.shape)
    assert not again[50, 50]
    assert (again & ring).sum() / (again | ring).sum() > 0.93


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(3, 30)] * 2), min_size=1, max_size=5))
def test_a_path_never_leaves_the_border_by_more_than_its_tolerance(rectangles) -> None:
    mask = np.zeros((80, 80), bool)
    for y, x, height, width in rectangles:
        mask[y : y + height, x : x + width] ^= True
    around = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    within = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=0) > 0
    again = drawn(svg_path(mask), mask.shape)
    assert (again <= around).all()
    assert (within <= again).all()


def test_real_masks_keep_their_shape(voc_mini: Path) -> None:
    overlaps = []
    for file in sorted((voc_mini / "SegmentationClass").glob("*.png"))[:40]:
        labels = read_mask(file)
        height, width = fit_side(*labels.shape, WIDE)
        small = np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
        for label, d in label_paths(labels, WIDE):
            own = small == label
            if label != 255 and own.sum() > 200:
                again = drawn(d, own.shape)
                overlaps.append((again & own).sum() / (again | own).sum())
    assert len(overlaps) > 40
    assert np.mean(overlaps) > 0.95
    assert min(overlaps) > 0.7


@pytest.mark.parametrize(("side", "most"), [(NARROW, 2_100), (WIDE, 9_000)])
def test_a_picture_takes_so_little_that_vocs_val_set_fits_in_five_megabytes(voc_mini: Path, side, most) -> None:
    # 1,409 narrow ones of 2.1 KB, 40 wide ones of 9 KB, and 48 training images of 30 KB, choices included: 4.8 MB.
    sizes = []
    for mask in sorted((voc_mini / "SegmentationClass").glob("*.png"))[:40]:
        labels = read_mask(mask)
        row = ImageRow(mask.stem, str(voc_mini / f"JPEGImages/{mask.stem}.jpg"), *labels.shape, str(mask), "")
        sizes.append(len(json.dumps(explorer_picture(row, [labels], side))))
    assert np.mean(sizes) < most


@pytest.mark.parametrize(("size", "side", "expected"), [
    ((375, 500), WIDE, (180, 240)), ((500, 375), WIDE, (240, 180)), ((375, 500), NARROW, (66, 88)),
    ((48, 64), WIDE, (48, 64)), ((1, 1000), WIDE, (1, 240)),
])  # fmt: skip
def test_the_longer_side_is_brought_down_and_nothing_enlarged(size, side, expected) -> None:
    assert fit_side(*size, side) == expected
    uri = webp_photo(np.full((*size, 3), 90, np.uint8), side)
    image = Image.open(io.BytesIO(base64.b64decode(uri)))
    assert (image.height, image.width) == expected
    assert abs(int(np.asarray(image).mean()) - 90) <= 2


def test_equal_label_maps_stand_once(tree) -> None:
    catalogue = read_catalogue(tree.train)
    row = next(catalogue.rows())
    truth = read_mask(row.mask)
    empty = np.zeros_like(truth)
    shown = explorer_picture(row, [empty, truth, empty], WIDE)
    assert shown["views"] == [0, 1, 0]
    assert shown["truth"] == 1
    assert shown["layers"][0] == []
    assert explorer_picture(ImageRow(*row[:4], "", ""), [truth], WIDE)["truth"] is None
