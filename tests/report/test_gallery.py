from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.tables import read_catalogue
from boxsup.report.experiment.results import mean_and_spread, read_seed
from boxsup.report.paper.gallery import generation_rows, prediction_rows
from boxsup.report.shared.choosing import evenly_spaced, first_middle_last
from boxsup.report.shared.gallery import WIDTH, gallery_picture, start_picture

if TYPE_CHECKING:
    from helpers.results_tree import Tree


@given(st.integers(0, 500), st.integers(1, 10))
def test_positions_are_spread_within_the_list(length: int, count: int) -> None:
    positions = evenly_spaced(length, count)
    assert len(positions) == min(length, count)
    assert positions == sorted(set(positions))
    assert all(0 <= position < length for position in positions)


@pytest.mark.parametrize(
    ("numbers", "shown"), [([1], [1]), ([1, 2], [1, 2]), ([1, 3, 5], [1, 3, 5]), (list(range(1, 46)), [1, 23, 45])]
)
def test_first_middle_and_last_generation(numbers: list[int], shown: list[int]) -> None:
    assert first_middle_last(numbers) == shown


@pytest.mark.parametrize("shape", [(500, 1000, 3), (40, 80, 3)])
def test_a_picture_is_fitted_and_can_be_decoded(shape: tuple[int, ...]) -> None:
    picture = gallery_picture(start_picture(np.full(shape, 90, np.uint8)).image, "alt", "caption")
    image = Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1])))
    assert image.size == (picture.width, picture.height) == (WIDTH, WIDTH // 2)
    assert abs(int(np.asarray(image).mean()) - 90) <= 1


def test_generations_show_only_what_boxes_supervise(tree: Tree) -> None:
    rows = generation_rows(read_catalogue(tree.train), read_seed(tree.run(), tree.plan()).generations)
    assert [row.image for row in rows] == [f"train_{i:03d}" for i in (1, 2, 3, 4)]  # 000 keeps its mask
    assert [picture.caption for picture in rows[0].pictures] == ["boxes", "true mask", "generation 1", "generation 2"]
    assert rows[0].pictures[0].alt == "train_001: photograph with boxes: dog <b>"


def test_predictions_go_from_best_to_worst(tree: Tree) -> None:
    groups = prediction_rows(read_catalogue(tree.val), read_seed(tree.run(), tree.plan()).predictions, refined=True)
    images = {title: [row.image for row in rows] for title, rows in groups.items()}
    assert [len(rows) for rows in images.values()] == [1, 1, 1]
    assert len({image for rows in images.values() for image in rows}) == 3
    scores = [float(rows[0].note.split()[-2]) for rows in groups.values()]
    assert scores == sorted(scores, reverse=True)


def test_the_spread_of_one_value_is_unknown() -> None:
    assert mean_and_spread([0.5, 0.7, 0.6, float("nan")]) == (pytest.approx(0.6), pytest.approx(0.1))
    assert mean_and_spread([0.5])[0] == 0.5
    assert np.isnan(mean_and_spread([0.5, float("nan")])[1])
    assert np.isnan(mean_and_spread([float("nan")])).all()
