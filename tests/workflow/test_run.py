"""The demo from nothing to its report: what it makes, and that nothing but the configuration changes a byte of it."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import boxsup
from boxsup.catalogue.tables import read_catalogue
from boxsup.experiments.tree import where_losses_are
from boxsup.image.files import read_mask
from boxsup.objects.maps import ObjectMaps
from helpers.commands import run_boxsup
from helpers.workflow_runs import RUN, TARGET, TINY, command, contents, kill_at

pytestmark = pytest.mark.slow  # Snakemake runs

TRAINED = ["proposals", "overlaps", "fixed_masks", "network", "objects", "labels", "epoch"]
TIMED = [*TRAINED, "predictions", "evaluation", "trimap"]


def test_the_demo_ends_in_a_report(demo):
    page = (demo / TARGET).read_text()
    assert "demo data, not PASCAL VOC" in page
    scores = pd.read_csv(demo / "results" / RUN / "evaluation/002.csv").set_index("class")
    assert f"{100 * scores.loc['mean', 'iou']:.1f}" in page
    assert 'id="time"' in page
    timed = [name for name in TIMED if f'<th scope="row">{name}</th>' not in page]
    assert timed == []


def test_every_generation_opens_in_one_line(demo):
    catalogue = read_catalogue(demo / "results/data/demo/train")
    for number in (1, 2):
        labels = boxsup.open_labels(demo / "results" / RUN / f"labels/{number:03d}.zarr")
        assert list(labels) == catalogue.ids
        assert labels.attributes["generation"] == number
        for row in catalogue.images.itertuples():
            assert labels[row.image].shape == (row.height, row.width)


def test_semi_supervision_keeps_true_masks_and_chooses_the_rest(demo):
    catalogue = read_catalogue(demo / "results/data/demo/train")
    masked = set(read_catalogue(demo / "results/data/demo/masks").ids)
    assert 0 < len(masked) < len(catalogue.ids)
    labels = boxsup.open_labels(demo / "results" / RUN / "labels/002.zarr")
    differing = 0
    for row in catalogue.images.itertuples():
        same = np.array_equal(labels[row.image], read_mask(demo / row.mask))
        assert same or row.image not in masked
        differing += not same
    assert differing > 0
    chosen = labels.table("chosen")
    own = catalogue.boxes["image"].isin(masked)
    assert (chosen[own] == -2).all()
    assert (chosen[~own] >= -1).all()
    np.testing.assert_array_equal(labels.table("true_mask"), [image in masked for image in catalogue.ids])


def test_the_log_of_a_run_says_where_its_losses_are(demo):
    logs = [path.read_text() for path in (demo / ".snakemake/log").glob("*.log")]
    line = where_losses_are("demo_semi")
    assert line in max(logs, key=len)
    table, log = re.findall(r"results/\S+\*\S*\.\w+", line)
    assert len(list(demo.glob(table))) == len(list(demo.glob(log))) == 2


def test_a_generation_is_shown(demo, tmp_path, monkeypatch):
    catalogue = read_catalogue(demo / "results/data/demo/train")
    image = catalogue.boxes["image"].iloc[-1]
    store = f"results/{RUN}/labels/002.zarr"
    monkeypatch.chdir(demo)
    result = run_boxsup("show", store, image, "--out", tmp_path / "shown.png")
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "shown.png") as picture:
        assert min(picture.size) > 100
        assert len(picture.convert("RGB").getcolors(2**24)) > 100


def test_a_box_heeds_the_map_of_a_network_that_has_not_seen_its_image(demo):
    catalogue = read_catalogue(demo / "results/data/demo/train")
    labels = boxsup.open_labels(demo / "results" / RUN / "labels/001.zarr")
    stores = [f"results/{RUN}/objects/1/{i}-of-2.zarr" for i in (0, 1)]
    assert labels.attributes["objects"] == stores
    parts = [ObjectMaps([demo / store]) for store in stores]
    assert sorted([*parts[0], *parts[1]]) == sorted(catalogue.ids)  # each image in one of them
    for maps in parts:
        for image, own in maps.items():
            assert own.shape == (len(catalogue.boxes_of(image)), 25, 25)
    chose = labels.table("chosen") >= 0
    costs = labels.table("object_cost")[chose, 0]
    assert ((costs > 0) & (costs < 1)).all()
    page = (demo / TARGET).read_text()
    assert 'id="objects"' in page
    assert f"of {int((labels.table('chosen') != -2).sum())} boxes" in page or "All " in page


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, snakemake):
    """The same run on one core, with another number of shards and a new process a stage, killed twice on its way."""
    directory = tmp_path_factory.mktemp("disturbed")
    override = directory / "shards.yaml"
    override.write_text("datasets: {demo: {shards: 3}}")
    configs = (TINY, override)
    for moment in (f"results/logs/labels/{RUN}/001.log", f"results/logs/epoch/{RUN}/002.log"):
        kill_at(directory / moment, command(directory, "--cores", "1", TARGET, configs=configs))
        assert not (directory / TARGET).exists()
        snakemake(directory, "--unlock", configs=configs)
    snakemake(directory, "--cores", "1", TARGET, configs=configs, forks=False)
    return directory


def test_cores_shards_and_kills_change_no_byte(demo, disturbed):
    expected, got = contents(demo), contents(disturbed)
    assert any("model.pt" in path for path in expected)
    assert any(".zarr/labels/c/" in path for path in expected)
    assert any("objects/1/1-of-2.pt" in path for path in expected)
    assert any("objects/1/1-of-2.zarr/maps/c/" in path for path in expected)
    assert sorted(got) == sorted(expected)
    assert [path for path in expected if got[path] != expected[path]] == []


def test_nothing_half_written_is_left(disturbed):
    assert list(disturbed.rglob("*.partial")) == []
