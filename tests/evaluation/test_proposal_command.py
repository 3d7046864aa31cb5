"""`boxsup proposals evaluate` on two small images whose tables are worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.cli import main
from boxsup.evaluation.tables import read_table
from boxsup.image.files import write_mask
from boxsup.proposals.pool import make_pool
from boxsup.proposals.pool_store import pools_writer, store_bytes

SIZE = (2, 6)
OBJECTS = {"007": [1, 1, 0, 255, 2, 2], "a": None, "b": [0, 0, 0, 0, 3, 3]}  # an image without an object mask
CLASSES = {"007": [1, 1, 0, 255, 2, 2], "a": [1] * 6, "b": [0, 0, 0, 0, 2, 2]}
CANDIDATES = {
    "007": [[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]],  # 4 of 6; 4 of 4 without void
    "a": [[1, 1, 1, 1, 1, 1]],
    "b": [[0, 0, 0, 0, 1, 0]],  # 2 of 4
}


@pytest.fixture
def split(tmp_path):
    """A catalogue of three images, and their pools in two shards with the timings beside."""
    rows = []
    for image, line in OBJECTS.items():
        Image.new("RGB", SIZE[::-1]).save(tmp_path / f"{image}.png")
        write_mask(tmp_path / f"{image}-classes.png", np.array([CLASSES[image]] * 2, np.uint8))
        if line:
            write_mask(tmp_path / f"{image}-objects.png", np.array([line] * 2, np.uint8))
        masks = tmp_path / f"{image}-classes.png", tmp_path / f"{image}-objects.png" if line else ""
        rows.append((image, str(tmp_path / f"{image}.png"), *SIZE, *map(str, masks)))
    images, boxes = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), pd.DataFrame(columns=list(BOX_COLUMNS))
    write_catalogue(tmp_path / "split", Catalogue(images, boxes, ("background", "cat", "dog")))
    for shard, names in enumerate((["007", "a"], ["b"])):
        write_pools(tmp_path / f"{shard}.zarr", names)
        timings = pd.DataFrame({"image": names, "seconds": [0.5, 9.0][: len(names)], "candidates": 1, "regions": 2})
        timings.to_csv(tmp_path / f"{shard}.csv", index=False)
    return tmp_path


def write_pools(path, names, columns=6):
    with pools_writer(path, names, np.array([(2, columns)] * len(names)), {}) as writer:
        for name in names:
            rows = np.array(CANDIDATES[name], bool)[:, :columns]
            writer.append(name, make_pool(np.array([range(columns)] * 2), rows, -np.arange(float(len(rows)))))


def evaluate(folder, *more, shards=(0, 1)):
    stores = [str(folder / f"{shard}.zarr") for shard in shards]
    paths = ["--catalogue", str(folder / "split"), "--out", str(folder / "out")]
    main(["proposals", "evaluate", *paths, "--proposals", *stores, *more])
    return read_table(folder / "out/objects.csv", text=["image"]), read_table(folder / "out/summary.csv")


def test_both_tables_worked_by_hand(split, capsys):
    objects, summary = evaluate(split, "--timings", str(split / "0.csv"), str(split / "1.csv"))
    assert objects["image"].tolist() == ["007", "007", "b"]
    assert objects[["object", "label", "area"]].to_numpy().tolist() == [[1, 1, 4], [2, 2, 4], [3, 2, 4]]
    assert objects[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[0, 0, 2, 2], [4, 0, 6, 2], [4, 0, 6, 2]]
    assert objects["iou_1"].tolist() == pytest.approx([2 / 3, 0, 0.5], abs=1e-6)
    assert objects["iou_all"].tolist() == pytest.approx([2 / 3, 1, 0.5], abs=1e-6)
    assert objects["best"].tolist() == [0, 1, 0]
    last = summary.iloc[-1]
    assert last["budget"] == "all"
    assert last["candidates"] == 1.5
    assert last["j_i"] == pytest.approx((2 / 3 + 1 + 0.5) / 3, abs=1e-6)
    assert last["j_c"] == pytest.approx((4 / 6 + 6 / 8) / 2, abs=1e-6)
    assert last["recall_50"] == pytest.approx(2 / 3, abs=1e-6)
    assert last["seconds"] == 0.5  # the image without an object mask does not count
    assert last["bytes"] == round((store_bytes(split / "0.zarr") + store_bytes(split / "1.zarr")) / 3)
    assert (summary["images"].iloc[0], summary["objects"].iloc[0]) == (2, 3)
    assert "3 objects in 2 images, 2 candidates per image: J_i 0.722" in capsys.readouterr().err


def test_seconds_are_empty_where_they_are_not_known(split):
    assert evaluate(split)[1]["seconds"].isna().all()
    assert evaluate(split, "--timings", str(split / "0.csv"))[1]["seconds"].isna().all()


def test_the_same_bytes_whatever_the_order_of_shards(split):
    evaluate(split)
    first = (split / "out/objects.csv").read_bytes()
    evaluate(split, shards=(1, 0))
    assert (split / "out/objects.csv").read_bytes() == first


def fail(split, capsys, **options) -> str:
    with pytest.raises(SystemExit, match="1"):
        evaluate(split, **options)
    assert not (split / "out").exists()
    return capsys.readouterr().err.splitlines()[-1]


def test_missing_pools_are_named(split, capsys):
    assert "proposals: 1 of the images are missing, the first is b" in fail(split, capsys, shards=(0,))


def test_pools_of_another_size_are_named(split, capsys):
    write_pools(split / "1.zarr", ["b"], columns=5)
    assert "b: expected masks of the pool's size (2, 5), got (2, 6)" in fail(split, capsys)


def test_a_split_without_object_masks_is_refused(split, capsys):
    table = pd.read_csv(split / "split/images.csv", dtype=str).assign(objects="")
    table.to_csv(split / "split/images.csv", index=False)
    assert "none of the split's images has an object mask" in fail(split, capsys)
