"""Searches over an experiment's settings: their points, and their table."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.tables import IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.resolve import resolve
from boxsup.errors import ConfigError
from boxsup.evaluation.held_out import draw_held_out
from boxsup.store.labels import labels_writer

OWN = {"experiment": "demo_box", "held_out": 3, "held_out_seed": 1}


def searching(config, **search):
    return {**config, "searches": {"own": {**OWN, **search}}}


def test_every_combination_is_an_experiment_that_differs_in_its_values_alone(config):
    values = {"update.lambda": [0.5, 1.0], "update.k": [1, 5]}
    resolved = resolve(searching(config, values=values))
    points = resolved["searches"]["own"]["points"]
    assert [point["experiment"] for point in points] == ["own_1", "own_2", "own_3", "own_4"]
    assert [tuple(point["values"].values()) for point in points] == [(0.5, 1), (0.5, 5), (1.0, 1), (1.0, 5)]
    base = resolved["experiments"]["demo_box"]
    for point in points:
        own = resolved["experiments"][point["experiment"]]
        assert own["update"] == {**base["update"], "lambda": point["values"]["update.lambda"],
                                 "k": point["values"]["update.k"]}  # fmt: skip
        assert own["validation"] == {**base["validation"], "held_out": 3, "held_out_seed": 1}
        assert {**own, "update": 0, "validation": 0} == {**base, "update": 0, "validation": 0}


def test_where_only_inference_differs_the_points_use_the_networks_that_are_there(config):
    again = config["experiments"]["demo_box"] | {"checkpoints_of": "demo_box"}
    base = {**config, "experiments": {**config["experiments"], "again": again}}

    def owners(experiment, values):
        resolved = resolve(searching(base, experiment=experiment, values=values))["experiments"]
        return [own["checkpoints_of"] for name, own in resolved.items() if name.startswith("own_")]

    bias, k = {"inference.background_bias": [-0.5, 0.0]}, {"update.k": [1, 2]}
    assert owners("demo_box", bias) == ["demo_box"] * 2
    assert owners("demo_box", bias | {"inference.scales": [[1.0], [0.5]]}) == ["demo_box"] * 4
    assert owners("demo_box", k) == [None] * 2
    assert owners("demo_box", bias | k) == [None] * 4
    assert owners("again", bias) == ["demo_box"] * 2


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"experiment": "demo_bx", "values": {"update.k": [1]}}, r"searches\.own\.experiment: 'demo_bx' is no experi"),
        ({"values": {"update.kk": [1]}}, r"searches\.own\.values\.update\.kk: an experiment has no such key"),
        ({"values": {"update.k.x": [1]}}, r"searches\.own\.values\.update\.k\.x: an experiment has no such key"),
        ({"values": {"update.k": [0]}}, r"experiments\.own_1\.update\.k: expected a number above 0, got 0"),
        ({"values": {"update.k": []}}, r"searches\.own\.values\.update\.k: expected 1 or more values, got \[\]"),
        ({"values": {"update.k": [1]}, "held_out": 0}, r"searches\.own\.held_out: expected a number above 0, got 0"),
    ],
)
def test_each_mistake_is_one_line_that_names_the_key(config, search, message):
    with pytest.raises(ConfigError, match=message):
        resolve(searching(config, **search))


def test_a_point_never_takes_an_experiments_name(config):
    config = searching(config, values={"update.k": [1]})
    config["experiments"] = {**config["experiments"], "own_1": config["experiments"]["demo_box"]}
    with pytest.raises(ConfigError, match=r"searches\.own: an experiment is named own_1"):
        resolve(config)


def squares(labels):
    """A label map in which each of these is 10×10 pixels."""
    return np.kron(np.array(labels, np.uint8), np.ones((10, 10), np.uint8))


def test_points_are_scored_on_the_held_out_images_alone_and_over_their_seeds(tmp_path):
    ids, mask = [f"i{number}" for number in range(6)], squares([[0, 1], [0, 1]])
    for image in ids:
        Image.fromarray(mask).save(tmp_path / f"{image}.png")
    rows = [(image, str(tmp_path / f"{image}.png"), 20, 20, str(tmp_path / f"{image}.png"), "") for image in ids]
    boxes = pd.DataFrame(columns=["image", "label", "x0", "y0", "x1", "y1", "difficult", "crowd"])
    catalogue = Catalogue(pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), boxes, ("background", "cat"))
    write_catalogue(tmp_path / "split", catalogue)
    drawn = set(draw_held_out(catalogue, 2, 5).ids)

    def predictions(name, plain, crf):  # right everywhere but on the held-out images, so that others would show
        made = {"crf": {"iterations": 2}}
        with labels_writer(tmp_path / name, ids, np.full((6, 2), 20), made, ("labels", "labels_crf")) as writer:
            for image in ids:
                own = (plain, crf) if image in drawn else (mask, mask)
                writer.append(image, labels=own[0], labels_crf=own[1])
        return str(tmp_path / name)

    half, nothing = squares([[0, 1], [0, 0]]), squares([[0, 0], [0, 0]])
    points = [
        {"experiment": "a", "values": {"update.k": 1}, "predictions": [predictions("a.zarr", half, mask)]},
        {"experiment": "b", "values": {"update.k": 5},
         "predictions": [predictions("b.zarr", nothing, half), predictions("c.zarr", mask, mask)]},
    ]  # fmt: skip
    main(["search", "--catalogue", str(tmp_path / "split"), "--points", json.dumps({"points": points}),
          "--held-out", "2", "--held-out-seed", "5", "--out", str(tmp_path / "search.csv")])  # fmt: skip
    table = pd.read_csv(tmp_path / "search.csv")
    assert list(table.columns) == [
        "update.k", "experiment", "seeds", "mean_iou", "mean_iou_crf", "boundary_iou", "boundary_iou_crf", "boundary_f",
        "boundary_f_crf", "images", "objects", "classes", "note"
    ]  # fmt: skip
    assert table[["images", "objects", "classes"]].drop_duplicates().to_numpy().tolist() == [[2, 0, 1]]
    assert table["seeds"].tolist() == [1, 2]
    # half: cat 1 of 2, background 2 of 3; nothing: cat 0, background 2 of 4
    np.testing.assert_allclose(table["mean_iou"], [7 / 12, (1 / 4 + 1) / 2], atol=1e-6)
    np.testing.assert_allclose(table["mean_iou_crf"], [1, (7 / 12 + 1) / 2], atol=1e-6)
    # Of the cat's outline: nothing finds none of it, the true mask all.
    for score in ("boundary_iou", "boundary_f"):
        assert (table[score][1], table[f"{score}_crf"][0]) == (0.5, 1)
        assert 0.1 < table[score][0] < 0.9
