from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.cli import main
from boxsup.config.proposals import MEGAPIXELS
from boxsup.proposals.pool_store import Pools
from boxsup.random import generator


@pytest.fixture
def catalogue(tmp_path):
    """Five pictures of different sizes, one of them grey."""
    rows = []
    for i in range(5):
        noise = generator(i, "picture").integers(0, 256, (4 + i, 5), np.uint8)
        picture = Image.fromarray(noise).resize((60 - i, 40 + i), Image.Resampling.BICUBIC)
        path = tmp_path / f"{i}.png"
        (picture if i == 3 else picture.convert("RGB")).save(path)
        rows.append((f"im{i}", str(path), picture.height, picture.width, "", ""))
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    write_catalogue(tmp_path / "catalogue", Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), ("background",)))
    return tmp_path / "catalogue"


@pytest.fixture
def make(catalogue, config, tmp_path):
    def run(name: str, shard: str = "0/1", **changes):
        settings = json.dumps(config["proposals"]["selective_search"] | changes)
        out = tmp_path / name
        options = {"catalogue": catalogue, "shard": shard, "settings": settings, "out": out}
        options["timings"] = out.with_suffix(".csv")
        main(["proposals", "make", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
        return out

    return run


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_shards_hold_what_one_holds(make):
    whole, parts = Pools([make("all.zarr")]), Pools([make("0.zarr", "0/2"), make("1.zarr", "1/2")])
    assert list(parts) == list(whole) == [f"im{i}" for i in range(5)]
    for image in whole:
        for field in dataclasses.fields(whole[image]):
            assert np.array_equal(getattr(parts[image], field.name), getattr(whole[image], field.name))


def test_the_same_bytes_twice(make):
    assert contents(make("a.zarr")) == contents(make("b.zarr"))


def test_times_stand_beside_the_store(make):
    out = make("b.zarr", "1/2")
    timings, pools = pd.read_csv(out.with_suffix(".csv")), Pools([out])
    assert list(timings) == ["image", "seconds", "candidates", "regions"]
    assert timings["image"].tolist() == list(pools)
    assert timings["candidates"].tolist() == [len(pools[image]) for image in pools]
    assert timings["regions"].tolist() == [pools[image].regions for image in pools]
    assert (timings["seconds"] > 0).all()


def test_the_store_says_what_it_was_made_with(make, config):
    attributes = Pools([make("a.zarr", min_region=20)]).attributes[0]
    settings = config["proposals"]["selective_search"] | {"min_region": 20}
    assert attributes["settings"] == {"megapixels": MEGAPIXELS, "views": None} | settings
    assert "images" not in attributes  # they are its keys


def test_a_shard_without_images_is_a_store(make):
    assert len(Pools([make("a.zarr", "0/9")])) == 0


def test_one_line_sums_it_up(make, capsys):
    out = make("a.zarr")
    assert f"KB per image -> {out}" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("shard", "changes", "message"),
    [
        ("2/2", {}, "--shard: expected I/N with I from 0 to N-1, such as 0/2, got 2/2"),
        ("half", {}, "--shard: expected"),
        ("0/1", {"colour_spaces": ["cmyk"]}, "settings.colour_spaces.0: expected one of hsv"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(make, tmp_path, capsys, shard, changes, message):
    with pytest.raises(SystemExit, match="1"):
        make("a.zarr", shard, **changes)
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*a.*"))


def test_a_missing_picture_is_named_and_leaves_nothing(make, tmp_path, capsys):
    (tmp_path / "3.png").unlink()
    with pytest.raises(SystemExit, match="1"):
        make("a.zarr")
    assert "3.png: no such image" in capsys.readouterr().err
    assert not list(tmp_path.glob("*a.*"))
