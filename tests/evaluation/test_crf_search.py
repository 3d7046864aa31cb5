"""Held-out images, and the search for the CRF's weights on them."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, read_catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.build import parse
from boxsup.config.inference import CrfSearchSettings
from boxsup.errors import ConfigError
from boxsup.evaluation.crf_search import Point, best_point, first_round, next_round
from boxsup.evaluation.held_out import draw_held_out, evaluated
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES, draw

pytestmark = pytest.mark.slow  # networks run

SMALL = {"rounds": 2, "bilateral_weight": [2.0, 6.0], "bilateral_xy": [10.0, 30.0], "bilateral_rgb": [4.0, 12.0]}


def test_the_first_round_is_all_of_deeplabs_combinations(config):
    search = parse(CrfSearchSettings, json.dumps(config["defaults"]["inference"]["crf_search"]))
    points, steps = first_round(search)
    assert len(points) == len(set(points)) == 2 * 6 * 8
    assert (points[0], points[-1]) == ((5, 50, 3), (10, 100, 10))
    assert steps == (5, 10, 1)


def test_a_search_of_one_value_is_refused():
    search = {"rounds": 2, "bilateral_weight": [1.0, 2.0], "bilateral_xy": [3.0], "bilateral_rgb": [4.0, 5.0]}
    with pytest.raises(ConfigError, match=r"crf_search\.bilateral_xy: expected 2 or more values"):
        parse(CrfSearchSettings, json.dumps(search), "crf_search")


def test_later_rounds_halve_the_steps_around_the_best():
    tried, steps = first_round(
        CrfSearchSettings(
            rounds=3, bilateral_weight=(2.0, 4.0, 6.0), bilateral_xy=(10.0, 20.0, 30.0), bilateral_rgb=(1.0, 2.0, 3.0)
        )
    )
    points, steps = next_round(Point(4, 20, 2), steps, tried)
    assert steps == (1, 5, 0.5)
    assert len(points) == 26  # of 27, one is the best itself
    assert {point.bilateral_xy for point in points} == {15, 20, 25}


def test_a_best_at_the_end_of_what_was_tried_is_looked_beyond():
    tried, steps = first_round(
        CrfSearchSettings(
            rounds=3, bilateral_weight=(2.0, 4.0, 6.0), bilateral_xy=(10.0, 20.0, 30.0), bilateral_rgb=(1.0, 2.0, 3.0)
        )
    )
    points, steps = next_round(Point(4, 30, 1), steps, tried)
    assert steps == (1, 10, 0.5)  # 1 - 1 would be no deviation
    assert {point.bilateral_xy for point in points} == {20, 30, 40}
    assert {point.bilateral_rgb for point in points} == {0.5, 1, 1.5}


def test_of_equal_points_the_first_tried_is_taken():
    scores = {Point(1, 1, 1): 0.5, Point(2, 1, 1): 0.75, Point(3, 1, 1): 0.75}
    assert best_point(scores) == Point(2, 1, 1)


def test_deeplabs_released_values_are_found_from_its_first_ranges(config):
    # They lie outside: w1 4, σα 121, σβ 5.
    points, steps = first_round(parse(CrfSearchSettings, json.dumps(config["defaults"]["inference"]["crf_search"])))
    scores = {}
    for _ in range(6):
        scores |= {p: -((p[0] - 4) ** 2 + ((p[1] - 121) / 10) ** 2 + (p[2] - 5) ** 2) for p in points}
        points, steps = next_round(best_point(scores), steps, scores)
    np.testing.assert_allclose(best_point(scores), (4, 121, 5), atol=2.5)


@given(seed=st.integers(0, 2**32), rounds=st.integers(2, 5))
def test_no_point_is_tried_twice_and_all_can_be_used(seed, rounds):
    random = np.random.default_rng(seed)
    tried, steps = first_round(
        CrfSearchSettings(
            rounds=rounds, bilateral_weight=(0.1, 0.4), bilateral_xy=(1.0, 2.0, 3.0), bilateral_rgb=(0.3, 0.7)
        )
    )
    for _ in range(rounds):
        points, steps = next_round(tried[random.integers(len(tried))], steps, tried)
        assert len(points) <= 26
        assert not set(points) & set(tried)
        assert all(value > 0 for point in points for value in point)
        tried = [*tried, *points]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures, the last without a mask, a network that has seen none, and the tables of two searches."""
    folder = tmp_path_factory.mktemp("search")
    rows = []
    for number in range(8):
        image, labels = draw(number, 40, 44 + number)
        name = f"{number:03d}"
        Image.fromarray(image).save(folder / f"{name}.png")
        Image.fromarray(labels).save(folder / f"{name}-mask.png")
        mask = str(folder / f"{name}-mask.png") if number < 7 else ""
        rows.append((name, str(folder / f"{name}.png"), *labels.shape, mask, ""))
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    write_catalogue(folder / "split", Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), CLASSES))
    network = network_that_has_seen(draw(seed)[0] for seed in range(4))
    save_checkpoint(folder / "model.pt", Checkpoint("mobilenet_v2", CLASSES, network, 0, {}))
    return folder


@pytest.fixture(scope="module")
def crf(config):
    return config["defaults"]["inference"]["crf"] | {"iterations": 3, "least_probability": 0.0}


def search(folder, crf, out, *more, split="split"):
    arguments = ["--catalogue", folder / split, "--model", folder / "model.pt", "--out", out]
    main(["crf-search", *map(str, arguments), "--inference", inference(crf=crf, crf_search=SMALL), *more])


def inference(**settings):
    return json.dumps({"threads": 1, **settings})


def test_without_a_crf_there_is_nothing_to_search(folder, crf, capsys):
    with pytest.raises(SystemExit):
        search(folder, crf | {"iterations": 0}, folder / "none.csv", "--held-out", "3")
    assert "inference.crf.iterations: 0 is no CRF, so there is nothing to search" in capsys.readouterr().err


@pytest.mark.usefixtures("processors")
def test_each_point_scores_what_predictions_and_evaluation_say_of_the_held_out_images(folder, crf):
    tables = []
    for workers in ("1", "2"):
        out = folder / f"{workers}.csv"
        search(folder, crf, out, "--held-out", "3", "--workers", workers)
        tables.append(out.read_bytes())
    assert tables[0] == tables[1]
    table = pd.read_csv(folder / "1.csv")
    assert list(table.columns) == ["round", *Point._fields, "mean_iou", "images", "objects", "classes"]
    assert table["round"].value_counts()[1] == 8
    assert set(table["round"]) == {1, 2}
    assert table["mean_iou"].nunique() > 1

    drawn = draw_held_out(read_catalogue(folder / "split"), 3, 0)
    write_catalogue(folder / "drawn", drawn)
    for row in (0, table["mean_iou"].idxmax()):
        best = crf | table.loc[row, list(Point._fields)].to_dict()
        common = ["--catalogue", str(folder / "drawn")]
        model = ["--model", str(folder / "model.pt"), "--inference", inference(crf=best)]
        main(["predictions", *common, *model, "--out", str(folder / "p.zarr")])
        main(["evaluation", *common, "--predictions", str(folder / "p.zarr"), "--out", str(folder / "e.csv")])
        assert pd.read_csv(folder / "e.csv")["iou_crf"].iloc[-1] == table.loc[row, "mean_iou"]


def test_scores_are_of_the_images_that_are_not_held_out(folder, crf):
    catalogue = read_catalogue(folder / "split")
    rest = evaluated(catalogue, 3, 5)
    assert not set(rest.ids) & set(draw_held_out(catalogue, 3, 5).ids)
    assert len(rest.ids) == 5
    write_catalogue(folder / "rest", rest)
    for split, options in (("split", ["--held-out", "3", "--held-out-seed", "5"]), ("rest", [])):
        common = ["--catalogue", str(folder / split), "--model", str(folder / "model.pt")]
        main(["validate", *common, *options, "--inference", inference(), "--out", str(folder / f"{split}.csv")])
    assert (folder / "split.csv").read_bytes() == (folder / "rest.csv").read_bytes()
    near = crf | {"bilateral_weight": 4, "bilateral_xy": 20, "bilateral_rgb": 5}
    common = [*common[2:], "--catalogue", str(folder / "split")]
    main(["predictions", *common, "--inference", inference(crf=near), "--out", str(folder / "all.zarr")])
    for stage in (["evaluation"], ["trimap", "measure"]):
        for split, options in (("split", ["--held-out", "3", "--held-out-seed", "5"]), ("rest", [])):
            arguments = ["--catalogue", str(folder / split), "--predictions", str(folder / "all.zarr"), *options]
            main([*stage, *arguments, "--out", str(folder / f"{split}.csv")])
        assert (folder / "split.csv").read_bytes() == (folder / "rest.csv").read_bytes()


def test_the_draw_depends_on_images_and_seed_alone(folder):
    catalogue = read_catalogue(folder / "split")
    few, more = set(draw_held_out(catalogue, 2, 1).ids), set(draw_held_out(catalogue, 4, 1).ids)
    assert (len(few), len(more)) == (2, 4)
    assert few < more
    backwards = Catalogue(catalogue.images[::-1].reset_index(drop=True), catalogue.boxes, catalogue.classes)
    assert set(draw_held_out(backwards, 4, 1).ids) == more
    draws = {frozenset(draw_held_out(catalogue, 2, seed).ids) for seed in range(8)}
    assert len(draws) > 3
    assert not any("007" in drawn for drawn in draws)  # it has no mask
    assert evaluated(catalogue, 0, 1) is catalogue


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "validation.held_out: no image is held out to search on; set it"),
        (["--held-out", "7"], "validation.held_out: 7 images, and the split has 7 with a true mask; hold out fewer"),
    ],
)
def test_too_few_or_too_many_held_out_images_are_one_line(folder, crf, tmp_path, capsys, options, message):
    with pytest.raises(SystemExit, match="1"):
        search(folder, crf, tmp_path / "s.csv", *options)
    assert f"boxsup: error: {message}" in capsys.readouterr().err
    assert not (tmp_path / "s.csv").exists()


def test_nothing_is_chosen_by_images_that_show_no_object(folder, crf, tmp_path, capsys):
    catalogue = read_catalogue(folder / "split")
    empty = tmp_path / "empty.png"
    images = catalogue.images.copy()
    for row, size in enumerate(zip(images["height"], images["width"], strict=True)):
        path = empty.with_stem(f"empty_{row}")
        Image.fromarray(np.zeros(size, np.uint8)).save(path)
        images.loc[row, "mask"] = str(path)
    write_catalogue(tmp_path / "split", Catalogue(images, catalogue.boxes, catalogue.classes))
    with pytest.raises(SystemExit, match="1"):
        search(folder, crf, tmp_path / "s.csv", "--held-out", "2", split=tmp_path / "split")
    told = capsys.readouterr().err
    assert "validation.held_out: nothing to choose by: the true masks of 2 images show no class" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "s.csv").exists()


def test_images_with_an_object_are_held_out_first(folder):
    catalogue = read_catalogue(folder / "split")
    boxes = pd.DataFrame([(image, 1, 0, 0, 4, 4, 0, 0) for image in ("001", "004")], columns=list(BOX_COLUMNS))
    shown = Catalogue(catalogue.images, boxes, catalogue.classes)
    for seed in range(4):
        assert draw_held_out(shown, 2, seed).ids == ["001", "004"]
        assert {"001", "004"} < set(draw_held_out(shown, 3, seed).ids)


def test_settings_that_a_search_needs_are_checked(folder, crf, tmp_path, capsys):
    for crf, message in (
        ({"iterations": 3}, "inference.crf: the key 'spatial_xy' is missing"),
        ([], "expected keys and values, got []"),
    ):
        with pytest.raises(SystemExit, match="1"):
            search(folder, crf, tmp_path / "s.csv", "--held-out", "2")
        assert message in capsys.readouterr().err
