"""`boxsup run --reviewed` names the file of decisions in the configuration that `boxsup init` wrote, and no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from boxsup.catalogue.reviewed import BoxKey, Decision
from boxsup.errors import ConfigError, DataError
from boxsup.project.pinned import check_decisions, classes_not_trained, left_behind, pin_decisions
from helpers import own_data
from helpers.commands import run_boxsup


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The configuration of a project, with decisions in `masks/` and a copy of them in `other/`."""
    monkeypatch.chdir(tmp_path)
    made = own_data.pictures(3, side=64)
    own_data.write_images(tmp_path / "photos", made)
    own_data.write_yolo(tmp_path, made)
    done = init()
    assert done.returncode == 0, done.stderr
    for name in ("masks", "other's {masks}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reviewed.jsonl").touch()
    return tmp_path / "mine/config.yaml"


def test_decisions_that_would_be_used_no_more_are_counted(config):
    pin_decisions(config, Path("masks/reviewed.jsonl"))
    other = Path("other's {masks}/reviewed.jsonl")
    assert left_behind(config, other) == []
    first, second = (
        Decision(name, BoxKey("a", "cat", (0, 0, 4, place)), "void", "cat", (0, 0, 4, place), None, None, 0.5, False)
        for place, name in enumerate("xy", start=3)
    )
    Path("masks/reviewed.jsonl").write_text("".join(json.dumps(each.entry()) + "\n" for each in (first, second)))
    other.write_text(json.dumps(first.entry()) + "\n")
    assert left_behind(config, other) == ["masks/reviewed.jsonl has decisions on 1 box more, which are used no more"]
    assert left_behind(config, Path("masks/reviewed.jsonl")) == []


@pytest.mark.slow
def test_a_class_that_only_decisions_have_is_told_and_trained_after_another_init(config):
    """YOLO's names have classes without a box, which `boxsup init` leaves out."""
    data = yaml.safe_load(Path("data.yaml").read_text())
    data["names"][len(data["names"])] = "truck"
    Path("data.yaml").write_text(yaml.safe_dump(data))
    assert init().returncode == 0
    corners, runs = (0, 0, 4, 4), {"size": [4, 4], "counts": ""}
    said = Decision("x", BoxKey("a", "cat", corners), "mask", "truck", corners, runs, 0.5, 0.5, False)
    Path("masks/reviewed.jsonl").write_text(json.dumps(said.entry()) + "\n")
    assert classes_not_trained(config) == []
    pin_decisions(config, Path("masks/reviewed.jsonl"))
    [line] = classes_not_trained(config)
    assert line.startswith("masks/reviewed.jsonl says of boxes that they are truck (1), no class of ")
    assert f"run: note: {line}\n" in run_boxsup("run", "mine", "--dry-run").stderr
    again = init()
    assert again.returncode == 0, again.stderr
    assert yaml.safe_load(config.read_text())["datasets"]["own"]["classes"][-1] == "truck"
    assert classes_not_trained(config) == []


def init(boxes: str = "labels") -> CompletedProcess[str]:
    return run_boxsup("init", "mine", "--images", "photos", "--boxes", boxes, "--workers", 1)


def supervision(config: Path) -> dict:
    return yaml.safe_load(config.read_text())["experiments"]["own_box"]["supervision"]


@pytest.mark.slow  # init imports torch
def test_decisions_are_named_once_and_exchanged_and_the_project_stays_ours(config):
    before = config.read_text()
    for folder in (Path("masks"), Path("other's {masks}")):
        reviewed = folder / "reviewed.jsonl"
        assert pin_decisions(config, reviewed)
        assert supervision(config) == {"masks": "none", "boxes": "boxsup", "reviewed": str(reviewed.absolute())}
        assert not pin_decisions(config, reviewed)
    changed = [line for line in config.read_text().splitlines() if line not in before.splitlines()]
    assert len(changed) == 1
    pinned = config.read_text()
    again = init()
    assert again.returncode == 0, again.stderr  # it knows its own file
    assert (
        "note         decisions on masks are used as before, those in other's {masks}/reviewed.jsonl\n" in again.stderr
    )
    assert config.read_text() == pinned
    shutil.copytree("labels", "labels2")
    other = init("labels2")
    assert "named decisions on masks of other images or boxes, other's {masks}/reviewed.jsonl: it names" in other.stderr
    assert config.read_text() == before.replace('/labels"', '/labels2"')
    assert pin_decisions(config, reviewed)
    reviewed.unlink()
    assert "reviewed.jsonl, which are not there: it names them no more\n" in init("labels2").stderr
    assert "decisions on masks" not in init().stderr
    assert config.read_text() == before


@pytest.mark.slow
def test_a_configuration_that_a_person_changed_stays_as_it_is(config):
    reviewed = Path("masks/reviewed.jsonl")
    with pytest.raises(DataError, match=r"none\.jsonl: no such file"):
        pin_decisions(config, Path("none.jsonl"))
    config.write_text(text := config.read_text().replace("rate: ", "rate: 0.5 # was "))
    advice = f"put `reviewed: {json.dumps(str(reviewed.absolute()))}` into `supervision` of own_box"
    with pytest.raises(ConfigError) as error:
        pin_decisions(config, reviewed)
    assert str(error.value) == f"{config}: you wrote or changed it, so it stays as it is; {advice}"
    assert config.read_text() == text
    config.write_text(text := text.replace("boxes: boxsup}", "boxes: boxsup }"))
    with pytest.raises(ConfigError, match="not that of `boxsup init`"):
        pin_decisions(config, reviewed)
    assert config.read_text() == text
    done = run_boxsup("run", "mine", "--reviewed", reviewed, "--dry-run")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.slow
def test_a_plan_writes_nothing_and_decisions_that_vanish_are_said(config):
    reviewed, text = Path("masks/reviewed.jsonl"), config.read_text()
    plan = run_boxsup("run", "mine", "--reviewed", reviewed, "--", "-n", "no-such-target")
    assert plan.stderr.startswith(
        f"run: {config.relative_to(Path.cwd())} does not name {reviewed} yet, and the plan is"
    )
    assert config.read_text() == text
    assert pin_decisions(config, reviewed)
    check_decisions(config)
    reviewed.unlink()
    gone = run_boxsup("run", "mine", "--dry-run")
    assert (gone.returncode, gone.stderr.count("\n")) == (1, 1)
    assert f"experiment own_box: {reviewed.absolute()}: no such file of decisions; put it back" in gone.stderr
    config.write_text("experiments: 3\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: experiments: expected keys and values, got 3"):
        pin_decisions(config, config)
