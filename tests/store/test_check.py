"""`boxsup check` finds every damage of stores and checkpoints, and names the command that makes them again."""

import os
import subprocess

import numpy as np
import pytest
import torch

import boxsup
from boxsup.cli import main
from boxsup.errors import StoreError
from boxsup.network.checkpoint import load, save
from boxsup.store.checksums import CHECKSUMS, folder_damages
from boxsup.store.labels import labels_writer

GENERATION = "results/demo/seed-0/labels/001.zarr"
MODEL = "results/demo/seed-0/epochs/001/model.pt"
MAPS = {"a": np.full((5, 7), 3, np.uint8), "b": np.arange(12, dtype=np.uint8).reshape(3, 4)}


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A generation and a checkpoint; Snakemake's time stamp lies in the store, and half-written things lie about."""
    monkeypatch.chdir(tmp_path)
    with labels_writer(GENERATION, list(MAPS), np.array([labels.shape for labels in MAPS.values()]), {}) as writer:
        for image, labels in MAPS.items():
            writer.append(image, labels=labels)
        writer.table("chosen", np.arange(3, dtype=np.int32))
    save(MODEL, {"state": {"weight": torch.arange(40.0)}, "epoch": 1})
    (tmp_path / GENERATION / ".snakemake_timestamp").write_text("today")
    (tmp_path / "results/demo/seed-0/labels/.002.zarr.host.1.partial").mkdir()
    (tmp_path / "results/demo/seed-0/epochs/001/.model.pt.host.1.partial").write_text("half")
    return tmp_path


def check(capsys, *paths, fails=False):
    capsys.readouterr()
    if fails:
        with pytest.raises(SystemExit) as info:
            main(["check", *map(str, paths)])
        assert info.value.code == 1
    else:
        main(["check", *map(str, paths)])
    return capsys.readouterr()


def flip(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)


def drop_line(path):
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def test_what_is_whole_is_said_to_be(results, capsys):
    assert check(capsys, results).out == "2 whole: 1 stores, 1 files\n"
    assert check(capsys, GENERATION, MODEL).out == "2 whole: 1 stores, 1 files\n"


def test_other_tools_can_check_a_store_too(results):
    done = subprocess.run(["sha256sum", "--check", "--quiet", CHECKSUMS], cwd=GENERATION, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")


CHUNK = "labels/c/0/0/0"
DAMAGES = {
    "flipped bit": (lambda store: flip(store / CHUNK, 9), f"{CHUNK} has other bytes"),
    "flipped metadata": (lambda store: flip(store / "zarr.json", 9), "zarr.json has other bytes"),
    "missing chunk": (lambda store: (store / CHUNK).unlink(), f"{CHUNK} is missing"),
    "truncated chunk": (lambda store: os.truncate(store / CHUNK, 3), f"{CHUNK} has other bytes"),
    "foreign file": (lambda store: (store / "labels/c/0/0/1").touch(), "labels/c/0/0/1 is not part of it"),
    "no checksums": (lambda store: (store / CHECKSUMS).unlink(), f"no {CHECKSUMS}"),
    "damaged checksums": (lambda store: (store / CHECKSUMS).write_bytes(b"\xff"), f"{CHECKSUMS} cannot be read"),
    "cut checksums": (lambda store: os.truncate(store / CHECKSUMS, 300), f"{CHECKSUMS} cannot be read"),
    "a line of checksums lost": (lambda store: drop_line(store / CHECKSUMS), "is not part of it"),
    "empty checksums": (lambda store: os.truncate(store / CHECKSUMS, 0), "expected a SHA-256"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_of_a_store_is_named_with_the_command_that_makes_it_again(results, capsys, damage):
    change, words = DAMAGES[damage]
    change(results / GENERATION)
    said = check(capsys, "results", fails=True)
    assert words in said.out
    assert said.out.startswith(GENERATION)
    assert "boxsup: error: 1 of 2 are damaged" in said.err
    assert f"snakemake --cores all --force {GENERATION}\n" in said.err


def test_any_flipped_bit_of_any_file_is_found(results):
    random = np.random.default_rng(0)
    files = [path for path in (results / GENERATION).rglob("*") if path.is_file() and path.name[0] != "."]
    assert len(files) == 8
    for file in files:
        whole = file.read_bytes()
        for place in random.integers(len(whole), size=20):
            flip(file, place)
            assert folder_damages(results / GENERATION), (file, place)
            file.write_bytes(whole)
    assert folder_damages(results / GENERATION) == []


def test_whatever_bit_of_a_checkpoint_flips_it_is_found_or_changes_nothing(results, capsys):
    whole, content = (results / MODEL).read_bytes(), load(MODEL)
    found = 0
    for place in np.random.default_rng(0).integers(len(whole), size=300):
        flip(results / MODEL, place)
        try:
            changed = load(MODEL)
        except StoreError:
            found += 1
        else:
            assert changed["epoch"] == content["epoch"]
            assert torch.equal(changed["state"]["weight"], content["state"]["weight"])
        (results / MODEL).write_bytes(whole)
    assert found > 50
    start = whole.index(torch.arange(40.0).numpy().tobytes())
    flip(results / MODEL, start + 7)
    said = check(capsys, "results", fails=True)
    assert said.out.startswith(f"{MODEL}: ")
    assert "has other bytes than when it was made" in said.out
    assert f"--force {MODEL}\n" in said.err


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_truncated_checkpoint_is_found(results, capsys, kept):
    os.truncate(MODEL, kept % (results / MODEL).stat().st_size)
    assert "truncated or damaged" in check(capsys, MODEL, fails=True).out


def test_targets_are_quoted_for_the_shell_and_from_results_on(results, capsys):
    odd = results / "results" / "a 'b'.pt"
    odd.write_bytes(b"")
    assert """--force 'results/a '"'"'b'"'"'.pt'\n""" in check(capsys, odd, fails=True).err
    elsewhere = results / "weights.pt"
    elsewhere.write_bytes(b"")
    assert "1 of 1 are damaged; make them again\n" in check(capsys, elsewhere, fails=True).err


def test_nothing_to_check_is_said(results, capsys):
    assert "no such file or folder" in check(capsys, "nowhere", fails=True).err
    (results / "empty").mkdir()
    assert "neither a store (.zarr) nor a checkpoint (.pt) is there" in check(capsys, "empty", fails=True).err


@pytest.mark.parametrize("damage", ["flipped bit", "missing chunk", "truncated chunk"])
def test_a_stage_stops_at_damaged_chunks_and_says_how_to_find_them(results, damage):
    DAMAGES[damage][0](results / GENERATION)

    def read():
        labels = boxsup.open_labels(GENERATION)
        return [labels[image] for image in labels]

    with pytest.raises(StoreError, match="`boxsup check`"):
        read()
