import hashlib
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import torch

from boxsup.cli import main
from boxsup.commands import contours_train as train
from boxsup.contours.network import load_network
from boxsup.network import pretrained

pytestmark = pytest.mark.slow  # networks train


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    """Random weights in the place of torchvision's."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.save(mobilenet_v2(weights=None).state_dict(), cache / "weights.pth")
    sha256 = hashlib.sha256((cache / "weights.pth").read_bytes()).hexdigest()
    monkeypatch.setitem(pretrained.FILES, "mobilenet_v2", f"mobilenet_v2-{sha256[:8]}.pth")
    (cache / "weights.pth").rename(cache / f"mobilenet_v2-{sha256[:8]}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return sha256


def contours(*arguments):
    main(["contours", *map(str, arguments)])


def test_training_repeats_to_the_byte_and_evaluates(small_bsds, tmp_path, imagenet, capsys):
    for name in "ab":
        contours("train", "--bsds", small_bsds, "--splits", "train", "--steps", 2, "--out", tmp_path / f"{name}.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    _, made = load_network(tmp_path / "a.pt")
    assert made["splits"] == ["train"]
    assert (made["images"], made["seed"], made["recipe"]["steps"]) == (2, 0, 2)
    assert made["pretrained"]["sha256"] == imagenet
    capsys.readouterr()
    arguments = ["--bsds", small_bsds, "--model", tmp_path / "a.pt", "--thresholds", 3]
    contours("evaluate", *arguments)
    output = capsys.readouterr()
    assert output.out.startswith("contours: 2 images of val: ODS F ")
    assert "no measure" not in output.err
    contours("evaluate", *arguments, "--split", "train")
    assert "was trained on train: no measure" in capsys.readouterr().err


def test_the_gradient_finds_the_discs(small_bsds, tmp_path, capsys):
    contours("evaluate", "--bsds", small_bsds, "--gradient", "--thresholds", 19, "--out", tmp_path / "curve.csv")
    table = pd.read_csv(tmp_path / "curve.csv")
    assert list(table.columns) == ["threshold", "precision", "recall", "f"]
    assert len(table) == 19
    assert table["f"].max() > 0.7  # the drawn lines have more pixels than thin ones: not all find a partner
    assert "contours: 2 images of val: ODS F 0.7" in capsys.readouterr().out


def test_a_damaged_image_stops_the_training_before_it_starts(small_bsds, tmp_path, capsys, monkeypatch):
    root = shutil.copytree(small_bsds, tmp_path / "bsds")
    (root / "images/val/50.jpg").write_bytes(b"no jpeg")
    monkeypatch.setattr(train, "ENCODER", "never asked for")
    with pytest.raises(SystemExit):
        contours("train", "--bsds", root, "--out", tmp_path / "out.pt")
    assert "50.jpg: not a readable image" in capsys.readouterr().err
    assert not (tmp_path / "out.pt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--out", "out.pt", "--splits", "val", "val"], "--splits: each at most once"),
        (["evaluate", "--split", "test"], "groundTruth/test: no such folder"),
        (["evaluate", "--model", "nowhere.pt"], "nowhere.pt: no such checkpoint"),
    ],
)
def test_mistakes_are_one_line(small_bsds, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        contours(*arguments, "--bsds", small_bsds)
    assert stop.value.code == 1
    errors = capsys.readouterr().err
    assert errors.startswith(f"boxsup: error: {'' if message[0] in '-n' else small_bsds}")
    assert message in errors
    assert errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "option"),
    [(["train", "--out", "out.pt", "--steps", "0"], "--steps"), (["evaluate", "--thresholds", "0"], "--thresholds")],
)
def test_numbers_are_from_1_on(small_bsds, tmp_path, monkeypatch, capsys, arguments, option):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        contours(*arguments, "--bsds", small_bsds)
    assert f"argument {option}: expected a whole number from 1 on, got '0'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("action", ["train", "evaluate"])
def test_the_actions_explain_themselves(action):
    result = subprocess.run(
        [sys.executable, "-m", "boxsup", "contours", action, "--help"], capture_output=True, text=True
    )
    assert result.returncode == 0
    assert "--bsds" in result.stdout
