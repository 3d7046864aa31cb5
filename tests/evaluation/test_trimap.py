"""The band around true boundaries, on shapes where it can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from boxsup.catalogue.tables import Catalogue, write_catalogue
from boxsup.cli import main
from boxsup.evaluation.confusion import confusion_matrix, mean_iou
from boxsup.evaluation.trimap import WIDTHS, boundary_distance, distance_confusion, trimap_table
from boxsup.image.files import read_mask, write_mask
from boxsup.store.labels import labels_writer


def ringed(side=60, inner=20):
    """A square of label 1 in the middle, with a ring of void, one pixel wide, around it."""
    truth = np.zeros((side, side), np.uint8)
    start = (side - inner) // 2
    truth[start - 1 : start + inner + 1, start - 1 : start + inner + 1] = 255
    truth[start : start + inner, start : start + inner] = 1
    return truth


def test_the_band_around_a_ring_of_void_is_its_dilation():
    truth = ringed()
    distance = boundary_distance(truth)
    known = truth != 255
    for width in (1, 2, 3, 5):
        # Inside, a frame of the 20×20 square; outside, one around the 22×22 pixels that the ring encloses.
        inside = 20**2 - max(0, 20 - 2 * width) ** 2
        outside = (22 + 2 * width) ** 2 - 22**2
        band = known & (distance <= width)
        assert (band & (truth == 1)).sum() == inside
        assert (band & (truth == 0)).sum() == outside


def test_without_void_the_band_is_around_changes_of_label():
    truth = np.zeros((20, 30), np.uint8)
    truth[:, 12:] = 3
    distance = boundary_distance(truth)
    for width in (1, 2, 4):
        assert (distance <= width).sum() == 20 * 2 * width
        assert (distance[:, 12 - width : 12 + width] <= width).all()


def test_an_image_of_one_label_has_no_band():
    assert (boundary_distance(np.full((50, 60), 2, np.uint8)) > WIDTHS[-1]).all()


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 0, 0, 1, 255])))
def test_the_distance_is_that_to_the_nearest_other_pixel(truth):
    distance = boundary_distance(truth)
    rows, columns = np.indices(truth.shape)
    for row, column in zip(*np.nonzero(truth != 255), strict=True):
        other = truth != truth[row, column]
        chess = np.maximum(abs(rows - row), abs(columns - column))[other]
        assert distance[row, column] == (chess.min() if len(chess) else WIDTHS[-1] + 1)


def test_on_a_real_mask_it_is_the_protocol_of_the_scripts(voc_mini):
    for path in sorted((voc_mini / "SegmentationClass").glob("*.png"))[:5]:
        truth = read_mask(path)
        distance = boundary_distance(truth)
        for width in (1, 7, 40):
            dilated = ndimage.binary_dilation(truth == 255, np.ones((2 * width + 1, 2 * width + 1)))
            np.testing.assert_array_equal((distance <= width)[truth != 255], dilated[truth != 255])


def test_every_pixel_is_counted_once_and_bands_grow_to_the_whole():
    random = np.random.default_rng(0)
    truth, prediction = ringed(40), random.integers(0, 2, (40, 40), np.uint8)
    counts = distance_confusion(truth, prediction, boundary_distance(truth), 2)
    assert counts.shape == (len(WIDTHS) + 1, 2, 3)
    np.testing.assert_array_equal(counts.sum(axis=0), confusion_matrix(truth, prediction, 2))
    table = trimap_table(counts, counts)
    assert table["width"].tolist() == list(WIDTHS)
    assert table["band"].iloc[-1] == pytest.approx(mean_iou(confusion_matrix(truth, prediction, 2)))
    assert np.isnan(table["interior"].iloc[-1])
    assert (np.diff(table["band_pixels"]) >= 0).all()


def test_an_error_at_the_boundary_is_in_the_band_alone():
    truth = ringed()
    prediction = np.zeros_like(truth)
    prediction[22:38, 22:38] = 1  # two pixels too small on each side: 144 of 400 pixels missed
    table = trimap_table(*[distance_confusion(truth, prediction, boundary_distance(truth), 2)] * 2).set_index("width")
    assert table.loc[2, "interior"] == 1
    assert table.loc[2, "band"] == pytest.approx((192 / (192 + 144) + 0) / 2)  # 26² - 22² = 192 of the background
    assert table.loc[2, "band_pixels"] == pytest.approx((192 + 144) / (3600 - 84))


def test_widths_at_which_a_class_has_too_few_pixels_left_are_cut_off():
    truth = ringed()
    table = trimap_table(*[distance_confusion(truth, truth, boundary_distance(truth), 3)] * 2).set_index("width")
    # Of the 20×20 square a band of 1 has 76 pixels, of 2 144; what it leaves 10² at 5 and 8² at 6. Class 2 is nowhere.
    for column in ("band", "band_crf"):
        assert table[column].first_valid_index() == 2
        assert (table[column].dropna() == 1).all()
    for column in ("interior", "interior_crf"):
        assert table[column].last_valid_index() == 5
        assert table[column].loc[:5].notna().all()


def test_background_alone_has_no_error_analysis():
    truth = np.zeros((40, 40), np.uint8)
    assert trimap_table(*[distance_confusion(truth, truth, boundary_distance(truth), 2)] * 2).empty


def test_the_command_measures_both_stacks(tmp_path, capsys):
    truth = ringed()
    write_mask(tmp_path / "a.png", truth)
    rows = [("a", "a.jpg", 60, 60, str(tmp_path / "a.png"), ""), ("b", "b.jpg", 60, 60, "", "")]
    images = pd.DataFrame(rows, columns=["image", "path", "height", "width", "mask", "objects"])
    boxes = pd.DataFrame(columns=["image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd"])
    write_catalogue(tmp_path / "catalogue", Catalogue(images, boxes, ("background", "square")))
    right, wrong = np.where(truth == 255, 0, truth).astype(np.uint8), np.zeros_like(truth)
    made = {"crf": {"iterations": 2}}
    with labels_writer(
        tmp_path / "p.zarr", ["a", "b"], np.array([[60, 60]] * 2), made, ("labels", "labels_crf")
    ) as out:
        for image in ("a", "b"):
            out.append(image, labels=wrong, labels_crf=right)
    arguments = ["--catalogue", f"{tmp_path}/catalogue", "--predictions", f"{tmp_path}/p.zarr"]
    main(["trimap", "measure", *arguments, "--out", f"{tmp_path}/t.csv"])
    table = pd.read_csv(tmp_path / "t.csv")
    assert (table["band_crf"].iloc[1:] == 1).all()
    assert table["band"].iloc[1] == pytest.approx((192 / 336 + 0) / 2, abs=1e-6)
    told = capsys.readouterr().err
    assert "trimap: with CRF, 5 px: mean IoU 100.0 % in the band, 100.0 % outside, over 1 image" in told
