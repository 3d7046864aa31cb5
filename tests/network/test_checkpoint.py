import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from boxsup.errors import BoxSupError, StoreError
from boxsup.network import build_network
from boxsup.network.checkpoint import Checkpoint, load, load_checkpoint, save, save_checkpoint
from boxsup.network.images import Normalisation

CLASSES = ("background", "disc", "square")


@pytest.fixture(scope="module")
def checkpoint():
    torch.manual_seed(3)
    return Checkpoint("mobilenet_v2", CLASSES, build_network("mobilenet_v2", 3), 4, {"file": "w.pth", "sha256": "ab"})


@pytest.fixture(scope="module")
def saved(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "model.pt"
    save_checkpoint(path, checkpoint)
    return path


def test_a_checkpoint_comes_back_whole(checkpoint, saved):
    back = load_checkpoint(saved)
    assert (back.network, back.classes, back.epoch) == ("mobilenet_v2", CLASSES, 4)
    assert back.pretrained == {"file": "w.pth", "sha256": "ab"}
    expected = checkpoint.model.state_dict()
    got = back.model.state_dict()
    assert list(got) == list(expected)
    assert all(torch.equal(got[name], expected[name]) for name in expected)
    assert all(parameter.requires_grad for parameter in back.model.parameters())


def test_it_holds_plain_values_under_the_documented_keys(saved):
    content = torch.load(saved, weights_only=True)
    assert set(content) == {"network", "classes", "state", "epoch", "pretrained", "normalisation"}
    assert content["normalisation"] == {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    assert content["classes"] == list(CLASSES)


def test_its_bytes_depend_on_neither_name_nor_memory_layout(checkpoint, saved, tmp_path):
    layout = load_checkpoint(saved)
    layout.model.to(memory_format=torch.channels_last)
    save_checkpoint(tmp_path / "another_name.pt", load_checkpoint(saved))
    save_checkpoint(tmp_path / "channels_last.pt", layout)
    assert (tmp_path / "another_name.pt").read_bytes() == saved.read_bytes()
    again = load_checkpoint(tmp_path / "channels_last.pt").model.state_dict()
    assert all(value.is_contiguous() and torch.equal(value, again[name]) for name, value in again.items())


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99, 0.9999])
def test_a_truncated_file_is_one_line(saved, tmp_path, kept):
    content = saved.read_bytes()
    (tmp_path / "model.pt").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(StoreError, match=r"model\.pt: not a readable checkpoint") as info:
        load_checkpoint(tmp_path / "model.pt")
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"state": {}},
        {"network": "resnet", "classes": ["a"], "state": {}, "epoch": 0, "pretrained": {}},
        {"network": "mobilenet_v2", "classes": ["a"], "state": {}, "epoch": 0, "pretrained": {}},
        {"network": "mobilenet_v2", "classes": ["a"], "state": None, "epoch": 0, "pretrained": {}},
    ],
)
def test_a_foreign_file_is_one_line(content, tmp_path):
    save(tmp_path / "model.pt", content)
    with pytest.raises(BoxSupError) as info:
        load_checkpoint(tmp_path / "model.pt")
    assert "\n" not in str(info.value)


def test_another_number_of_classes_is_noticed(saved, tmp_path):
    content = load(saved)
    save(tmp_path / "model.pt", {**content, "classes": ["a", "b"]})
    with pytest.raises(StoreError, match="not a checkpoint of boxsup"):
        load_checkpoint(tmp_path / "model.pt")


def test_how_a_network_takes_images_comes_back(checkpoint, tmp_path):
    own = Normalisation((0.5, 0.25, 0.125), (1.0, 2.0, 0.5))
    save_checkpoint(tmp_path / "own.pt", replace(checkpoint, normalisation=own))
    assert load_checkpoint(tmp_path / "own.pt").normalisation == own


def test_a_file_that_does_not_say_how_it_takes_images_is_one_line(saved, tmp_path):
    save(tmp_path / "model.pt", {name: value for name, value in load(saved).items() if name != "normalisation"})
    with pytest.raises(StoreError, match="not a checkpoint of boxsup"):
        load_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize(
    "normalisation",
    [
        None,
        {},
        {"mean": [0, 0, 0]},
        {"mean": [0, 0], "std": [1, 1]},
        {"mean": [0, 0, 0], "std": [1, 0, 1]},
        {"mean": [0, float("nan"), 0], "std": [1, 1, 1]},
        {"mean": ["x", 0, 0], "std": [1, 1, 1]},
    ],
)
def test_a_normalisation_that_cannot_be_used_is_one_line(saved, tmp_path, normalisation):
    save(tmp_path / "model.pt", {**load(saved), "normalisation": normalisation})
    with pytest.raises(StoreError, match="not a checkpoint of boxsup"):
        load_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("classes", [[], ["a", "b", 3], ["a", "b", "c\x1b[2J"], ["a"] * 256, "ab\n", None])
def test_classes_that_cannot_be_labels_or_shown_are_one_line(saved, tmp_path, classes):
    save(tmp_path / "model.pt", {**load(saved), "classes": classes})
    with pytest.raises(StoreError, match="not a checkpoint of boxsup"):
        load_checkpoint(tmp_path / "model.pt")


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("made_by_a_checkpoint",)


def test_a_checkpoint_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state": Malicious()}, "model.pt")
    with pytest.raises(StoreError):
        load_checkpoint("model.pt")
    assert not Path("made_by_a_checkpoint").exists()


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(StoreError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "model.pt")


def test_nothing_is_left_of_a_save_that_fails(tmp_path):
    with pytest.raises(AttributeError, match="pickle"):
        save(tmp_path / "model.pt", {"state": lambda: None})
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_to_be_one(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # stands for a disk without room
    try:
        with pytest.raises(OSError, match="File too large"):
            save(tmp_path / "model.pt", {"state": torch.rand(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
