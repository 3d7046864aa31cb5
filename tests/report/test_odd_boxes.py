"""Which boxes are worth a look, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from boxsup.catalogue.tables import read_catalogue
from boxsup.labels.choice import Chosen
from boxsup.report.experiment.odd_boxes import BoxHistory, odd_boxes
from boxsup.report.experiment.survey import SupervisedImage, covered_share, pick_images, survey_labels
from boxsup.store.labels import Labels
from helpers.results_tree import write_generation

# Six boxes over four generations: fine; no candidate fits; restless; expected to fit badly; loose; supervises nothing.
EVIDENCE = BoxHistory(
    chosen=np.array([[5, -1, 1, 7, 8, -2], [5, -1, 2, 7, 8, -2], [5, -1, 3, 7, 8, -2], [5, -1, 3, 7, 8, -2]], np.int32),
    expected=np.array([0.9, np.nan, 0.8, 0.3, 0.7, np.nan]),
    spanned=np.array([0.9, 1.0, 0.9, 0.8, 0.1, np.nan]),
    areas=np.array([10, 20, 30, 40, 50, 60]),
    drawn=False,
)


def test_each_reason_in_turn() -> None:
    found = odd_boxes(EVIDENCE)
    assert list(found) == [1, 3, 4, 2]
    assert found[1] == ["no candidate fits: its rectangle is used"]
    assert found[2] == ["it chose another candidate in 2 of 3 updates"]
    assert found[3] == ["expected to fit badly: IoU 0.30"]
    assert found[4] == ["its labels span only 10 % of it: loose, covered, or missed"]
    assert list(odd_boxes(EVIDENCE, count=2)) == [1, 3]


def test_the_oddest_of_a_kind_come_first_and_a_box_stands_once_with_all_its_reasons() -> None:
    expected = np.array([0.4, np.nan, 0.2, 0.3, 0.45, np.nan])
    found = odd_boxes(replace(EVIDENCE, expected=expected))
    assert list(found) == [1, 2, 4, 3, 0]  # 2 is the most doubtful, 4 the only loose one, then doubtful ones
    assert found[2] == ["expected to fit badly: IoU 0.20", "it chose another candidate in 2 of 3 updates"]


def test_what_is_drawn_at_random_is_not_called_restless() -> None:
    assert 2 not in odd_boxes(replace(EVIDENCE, drawn=True))
    assert 2 not in odd_boxes(replace(EVIDENCE, chosen=EVIDENCE.chosen[-1:]))  # one generation has no updates


def test_where_all_are_rectangles_none_is_odd() -> None:
    chosen = np.full((1, 6), -1, np.int32)
    rectangles = replace(EVIDENCE, chosen=chosen, spanned=np.ones(6), expected=np.full(6, np.nan))
    assert odd_boxes(rectangles) == {}


def test_the_span_of_labels_in_a_box() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[2:4, 2:8] = 1
    labels[10, 10] = 1
    labels[5, 5] = 2
    assert covered_share(labels, 1, np.array([0, 0, 10, 10])) == 2 * 6 / 100
    assert covered_share(labels, 1, np.array([0, 0, 20, 20])) == 9 * 9 / 400
    assert covered_share(labels, 3, np.array([0, 0, 20, 20])) == 0


def test_a_run_is_image_over(tree) -> None:
    catalogue = read_catalogue(tree.train)
    survey = survey_labels(catalogue, {n: Labels(tree.seed() / f"labels/{n:03d}.zarr") for n in (1, 2)})
    assert [image.row.image for image in survey.images] == catalogue.ids[1:]  # the first keeps its mask
    # Of the box the first generation labels every other row, the second two rows of three: rows 6 n + 1 and 6 n + 5
    # are in both, 6 n + 2 and 6 n + 4 in the second alone, 6 n + 3 in the first alone.
    assert all(0.4 < image.changed < 0.8 for image in survey.images)
    assert all(0.4 < image.score < 0.9 for image in survey.images)
    assert np.isnan(survey.boxes.spanned[0])
    assert (survey.boxes.spanned[1:] > 0.8).all()
    assert np.isnan(survey.boxes.expected[:2]).all()  # one kept its mask, one took its rectangle
    assert (survey.boxes.expected[2:] == 0.75).all()
    assert not survey.boxes.drawn


def test_boxes_that_a_person_decided_on_are_not_odd(tree) -> None:
    """Their mask may be of another class and in other corners than the box that was annotated."""
    catalogue = read_catalogue(tree.train)
    fixed = Labels(write_generation(tree, 0, 2, chose={3: Chosen.SEGMENT}))
    assert survey_labels(catalogue, {2: fixed}).boxes.spanned[3] > 0.8  # GrabCut's, for instance
    pinned = Labels(write_generation(tree, 0, 2, chose={3: Chosen.SEGMENT}, reviewed=1))
    spanned = survey_labels(catalogue, {2: pinned}).boxes.spanned
    assert np.isnan(spanned).tolist() == [True, False, False, True, *[False] * (len(spanned) - 4)]


def test_what_is_picked_is_spread_and_holds_the_extremes(tree) -> None:
    catalogue = read_catalogue(tree.train)
    survey = survey_labels(catalogue, {n: Labels(tree.seed() / f"labels/{n:03d}.zarr") for n in (1, 2)})
    rows = [image.row for image in survey.images]
    images = [
        SupervisedImage(row, score, changed)
        for row, score, changed in zip(rows, [0.9, np.nan, 0.2, 0.8], [0, 0, 0, 0.5], strict=True)
    ]
    survey = replace(survey, images=images)
    assert [image.row.image for image in pick_images(survey, catalogue, [], 1)] == ["train_003"]  # the worst
    assert [image.row.image for image in pick_images(survey, catalogue, [], 10)] == [row.image for row in rows]
    assert pick_images(replace(survey, images=[]), catalogue, [], 10) == []
