"""The demo with a network of segmentation-models-pytorch, as a user writes and runs it: killed, resumed, exported.

It takes two minutes of a core, and `make test` has its parts, so it runs by hand:

    .venv/bin/python -m pytest tests/workflow/by_hand_smp.py
"""

import json

import numpy as np
import pytest
import yaml

import boxsup
from boxsup.cli import main
from boxsup.image.files import read_image, read_mask
from boxsup.inference.export import TOLERANCE
from boxsup.network.checkpoint import load_checkpoint
from helpers.workflow_runs import RUN, TINY, command, kill_at

NETWORK = {"name": "smp", "decoder": "unet", "encoder": "tu-mobilenetv3_small_050", "weights": "none"}
EPOCHS = f"results/{RUN}/epochs"
LAST = f"{EPOCHS}/002/model.pt"


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """The demo at its smallest with another network, and masks that need no candidates."""
    own = {"network": NETWORK, "supervision": {"masks": "masks", "boxes": "rectangles"}}
    path = tmp_path_factory.mktemp("smp") / "own.yaml"
    path.write_text(yaml.safe_dump({"experiments": {"demo_semi": own}}))
    return TINY, path


@pytest.fixture(scope="module")
def run(configs, tmp_path_factory, snakemake):
    """A run up to its last checkpoint that was killed in its second epoch and went on."""
    folder = tmp_path_factory.mktemp("killed")
    kill_at(folder / f"results/logs/epoch/{RUN}/002.log", command(folder, LAST, configs=configs))
    assert not (folder / LAST).exists()
    snakemake(folder, "--unlock", configs=configs)
    snakemake(folder, "--rerun-incomplete", LAST, configs=configs)
    return folder


def test_a_killed_run_goes_on_to_the_same_bytes(run, configs, tmp_path, snakemake):
    snakemake(tmp_path, LAST, configs=configs)
    for name in ("000/model.pt", "001/model.pt", "001/optimizer.pt", "002/model.pt", "002/optimizer.pt"):
        assert (run / EPOCHS / name).read_bytes() == (tmp_path / EPOCHS / name).read_bytes(), name
    assert load_checkpoint(run / LAST).network == "smp:unet:tu-mobilenetv3_small_050:16"


def test_it_predicts_and_is_exported(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photo = min(run.glob("results/data/demo/tree/**/JPEGImages/*"))
    main(["predict", str(photo), "--model", str(run / LAST), "--no-crf", "--out", "out"])
    labels = read_mask(next((tmp_path / "out/masks").iterdir()))
    for form, name in (("onnx", "m.onnx"), ("safetensors", "m.safetensors"), ("hub", "hub")):
        main(["export", "--model", str(run / LAST), "--format", form, "--out", name])
    assert float(json.loads((tmp_path / "m.onnx.json").read_text())["checked"]["greatest_difference"]) <= TOLERANCE
    for name in ("m.safetensors", "hub"):
        assert np.array_equal(boxsup.load(tmp_path / name, threads=1).predict(read_image(photo)).labels, labels)
    assert "pipeline_tag: image-segmentation" in (tmp_path / "hub/README.md").read_text()
