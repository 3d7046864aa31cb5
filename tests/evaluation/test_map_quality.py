"""Object maps and chosen segments compared with true masks, by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.evaluation.object_maps import MapQuality, known_iou, measure_maps
from boxsup.image.files import read_mask
from boxsup.labels.choice import Chosen
from boxsup.labels.choice_tables import of_chosen
from boxsup.objects.maps import ObjectMaps
from boxsup.store.labels import Labels
from helpers.results_tree import Tree, write_generation, write_split

HELD = np.array([[1, 1, 1, 0, 0, 0]], bool)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A split of five images with a box each."""
    monkeypatch.chdir(tmp_path)
    tree = Tree({}, maps=True)
    write_split(tree.train, 5)
    return tree


@pytest.fixture
def generation(tree: Tree) -> Labels:
    """A generation; the first image keeps its mask, the box of the second chose its rectangle."""
    return Labels(write_generation(tree, 0, 1))


def measured(generation: Labels, images: slice = slice(None)) -> tuple[Catalogue, MapQuality]:
    catalogue = read_catalogue(generation.attributes["catalogue"])
    maps = ObjectMaps(generation.attributes["objects"])
    return catalogue, measure_maps(catalogue, generation, maps, list(catalogue.rows())[images])


def test_maps_and_segments_are_held_against_the_true_mask_in_the_box(generation: Labels) -> None:
    catalogue, quality = measured(generation)
    assert quality.chose.tolist() == [False, True, True, True, True]
    np.testing.assert_array_equal(np.isnan(quality.maps), ~quality.chose)
    assert quality.maps[1:4].min() > 0.9  # they are the true masks, on a grid of 20 by 20
    assert quality.maps[4] == 0  # nowhere surer than a half
    for row, box in zip(list(catalogue.rows())[2:], catalogue.boxes.iloc[2:].itertuples(), strict=True):
        window = np.s_[box.y0 : box.y1, box.x0 : box.x1]
        held = read_mask(row.mask)[window] == box.label
        half = np.zeros((row.height, row.width), bool)
        half[:, row.width // 2 :] = True  # candidate 1, the right half of the image
        segment = half[window]
        assert quality.segments[box.Index] == pytest.approx((segment & held).sum() / (segment | held).sum())
    first = catalogue.boxes.iloc[1]
    mask = read_mask(list(catalogue.rows())[1].mask)
    share = (mask == first["label"]).sum() / ((first["x1"] - first["x0"]) * (first["y1"] - first["y0"]))
    assert quality.segments[1] == pytest.approx(share)  # its rectangle


def test_a_reviewed_mask_is_not_measured_as_a_choice(tree: Tree) -> None:
    _, quality = measured(Labels(write_generation(tree, 0, 1, chose={1: Chosen.SEGMENT})))  # a person decided on it
    assert quality.chose.tolist() == [False, False, True, True, True]
    assert np.isnan(quality.segments[1])
    assert not quality.measured[1]


def test_where_no_candidate_fits_the_map_is_the_segment(tree: Tree) -> None:
    _, quality = measured(Labels(write_generation(tree, 0, 1, chose={1: Chosen.MAP})))
    assert quality.segments[1] == quality.maps[1] > 0.9


def test_a_sharpened_segment_is_measured_without_candidates(tree: Tree) -> None:
    rows = list(read_catalogue(tree.train).rows())
    generation = Labels(write_generation(tree, 0, 1, sharp={2: read_mask(rows[2].mask) > 0}))
    _, quality = measured(generation)
    assert quality.segments[2] == 1
    assert (quality.segments[3:] < 1).all()
    shutil.rmtree(generation.attributes["proposals"][0])
    _, without = measured(generation)
    np.testing.assert_array_equal(without.segments[:3], quality.segments[:3])  # a mask, a rectangle, a sharpened one
    assert np.isnan(without.segments[3:]).all()  # candidates


def test_the_distance_is_that_of_the_candidate_that_was_chosen(generation: Labels) -> None:
    _, quality = measured(generation)
    costs = generation.table("object_cost")
    assert generation.table("best")[2].tolist() == [1, 0]
    np.testing.assert_allclose(quality.distance, [np.nan, np.nan, *costs[2:, 0]])
    np.testing.assert_array_equal(quality.distance, of_chosen(generation, "object_cost"))


def test_images_that_are_not_read_have_a_distance_and_no_iou(generation: Labels) -> None:
    _, quality = measured(generation, slice(0, 3))
    assert np.isnan(quality.maps).tolist() == [True, False, False, True, True]
    assert quality.measured.tolist() == [False, True, True, False, False]
    assert np.isfinite(quality.distance[2:]).all()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([1, 1, 1, 1, 1, 1], 2 / 4),
        ([1, 1, 1, 1, 1, 0], 2 / 3),  # void
        ([0, 1, 1, 1, 1, 1], 1 / 3),  # may be another object's
        ([0, 0, 1, 1, 1, 1], np.nan),  # most of it may be
        ([0, 0, 0, 1, 1, 1], np.nan),
    ],
)
def test_what_is_not_known_does_not_count(known: list[int], expected: float) -> None:
    mask = np.array([[1, 1, 0, 0, 0, 1]], bool)
    assert known_iou(mask, HELD, np.array([known], bool)) == pytest.approx(expected, nan_ok=True)


def test_a_box_without_the_class_has_no_iou() -> None:
    assert np.isnan(known_iou(HELD, np.zeros_like(HELD), np.ones_like(HELD)))
