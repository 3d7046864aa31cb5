"""Images of every kind through `boxsup proposals make`: a valid pool each, or one clear error."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from boxsup.catalogue.tables import (
    BOX_COLUMNS,
    IMAGE_COLUMNS,
    Catalogue,
    write_catalogue,
)
from boxsup.cli import main
from boxsup.image.files import read_image
from boxsup.proposals.pool_store import Pools
from helpers import odd_images as odd
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # every method runs

PROPOSALS = yaml.safe_load((ROOT / "config.yaml").read_text())["proposals"]
METHODS = [name for name, settings in PROPOSALS.items() if settings["method"] != "imported"]


@pytest.fixture
def make(tmp_path):
    """Make the pools of the images that the given functions write."""

    def run(*writers, name="selective_search"):
        rows = []
        for write in writers:
            path = tmp_path / f"{write.__name__}.jpg"
            write(path)
            shape = read_image(path).shape[:2] if write in odd.READABLE else (1, 1)
            rows.append((write.__name__, str(path), *shape, "", ""))
        images, boxes = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), pd.DataFrame(columns=list(BOX_COLUMNS))
        write_catalogue(tmp_path / "split", Catalogue(images, boxes, ("background", "thing")))
        settings, out = json.dumps(PROPOSALS[name]), tmp_path / "pools.zarr"
        main(["proposals", "make", "--catalogue", str(tmp_path / "split"), "--settings", settings, "--out", str(out)])
        return Pools([out])

    return run


@pytest.mark.parametrize("name", METHODS)
def test_every_readable_kind_has_a_valid_pool(make, name):
    pools = make(*odd.READABLE, name=name)
    assert list(pools) == [write.__name__ for write in odd.READABLE]
    for write in odd.READABLE:
        pool = pools[write.__name__]
        matrix = pool.matrix()
        assert len(pool) >= 1
        assert matrix.any(axis=1).all()
        assert np.array_equal(np.unique(pool.superpixels), np.arange(pool.regions))
        height, width = pool.superpixels.shape
        assert (pool.boxes[:, :2] >= 0).all()
        assert (pool.boxes[:, 2:] <= (width, height)).all()
    assert pools["one_pixel"].mask(0).all()  # nothing else is there


@pytest.mark.parametrize("write", odd.UNREADABLE, ids=lambda write: write.__name__)
def test_what_is_no_picture_is_named_and_leaves_nothing(make, write, tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        make(odd.constant, write)
    [line] = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert f"{write.__name__}.jpg: not a readable image" in line
    assert not list(tmp_path.glob("*pools.zarr*"))
