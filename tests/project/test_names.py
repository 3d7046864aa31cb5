"""Projects in one folder have names of their own, and no run replaces the results of another project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from boxsup.again import Start, record
from boxsup.project.names import name_for, taken_by
from boxsup.project.write import WRITTEN
from helpers import own_data
from helpers.commands import run_boxsup


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_project(folder: str, name: str = "own", ending: str = "_box", **more: object) -> Path:
    """A configuration as `boxsup init` writes it."""
    config = Path(folder) / "config.yaml"
    config.parent.mkdir(exist_ok=True)
    split = {"list": "train.txt", "images": "images", "annotations": "labels", "masks": "none"}
    data = {"format": "yolo", "root": str(config.parent.absolute()), "splits": {"train": split, "val": split}}
    experiment = {"dataset": name, "train": "train", "val": "val", "epochs": 1, **more}
    experiment |= {"supervision": {"masks": "none", "boxes": "boxsup"}}
    content = {
        "datasets": {name: data | {"classes": ["ring"], "on_problem": "stop", "shards": 1}},
        "experiments": {name + ending: experiment},
    }
    config.write_text(f"{WRITTEN}\n{yaml.safe_dump(content)}")
    return config


def write_results(config: Path, *owners: str) -> None:
    """Results of a configuration, as far as the record of them goes."""
    for owner in owners:
        (Path("results") / owner).mkdir(parents=True, exist_ok=True)
        (Path("results") / owner / "precious.txt").write_text(str(config))
    record(Path("results"), owners, Start(configfiles=(str(config.absolute()),)))


def test_a_project_is_called_own_and_the_next_ones_as_their_folders(here):
    assert name_for(Path("cats"), here) == "own"
    cats = write_project("cats")
    assert name_for(Path("cats"), here) == "own"  # its own name is not taken
    assert name_for(Path("dogs"), here) == "dogs"
    assert name_for(Path("my dogs (2)"), here) == "my_dogs_2"
    assert name_for(Path("2024"), here) == "my_2024"  # YAML takes 2024 for a number
    assert name_for(Path("voc"), here) == "my_voc"  # the project's own configuration has a voc
    assert name_for(Path("--"), here) == "own_2"
    write_project("dogs", "dogs")
    assert name_for(Path("dogs"), here) == "dogs"  # it keeps its name
    assert name_for(Path("elsewhere/dogs"), here) == "my_dogs"
    assert taken_by("own", Path("dogs/config.yaml"), here) == here / cats
    (here / "cats/config.yaml").write_text("datasets: {own: {}}\n")  # not one of init's, without results
    assert taken_by("own", Path("dogs/config.yaml"), here) is None
    write_results(cats, "data/own")
    assert taken_by("own", Path("dogs/config.yaml"), here) == here / cats
    shutil.rmtree("cats")
    assert taken_by("own", Path("dogs/config.yaml"), here) is None


@pytest.mark.slow  # init imports torch
def test_init_gives_projects_on_the_same_data_names_of_their_own_and_says_so(here):
    made = own_data.pictures(3, side=64)
    own_data.write_images(here / "photos", made)
    own_data.write_yolo(here, made)
    own_data.write_masks(here / "masks", made, list(made)[:2])
    given = ["--images", "photos", "--boxes", "labels", "--workers", 1]
    plain, masks = run_boxsup("init", "plain", *given), run_boxsup("init", "semi", *given, "--masks", "masks")
    assert "called" not in plain.stderr
    assert "note         this data set is called semi, since plain/config.yaml has one called own\n" in masks.stderr
    assert "What makes results/semi_semi/report.html:" in masks.stderr
    again = run_boxsup("init", "semi", *given, "--masks", "masks")
    assert "What makes results/semi_semi/report.html:" in again.stderr
    asked = run_boxsup("init", "semi", *given, "--masks", "masks", "--name", "own")
    assert (
        "note         plain/config.yaml has a data set own, too: `boxsup run` would replace the results of one by "
        "those of the other, and will refuse to; `--name semi` gives this project a name of its own\n"
    ) in asked.stderr


@pytest.mark.parametrize("dry", [[], ["--dry-run"], ["--", "-n"], ["--", "results/own_box/seed-0/labels/001.zarr"]])
def test_a_run_that_would_replace_the_results_of_another_project_stops(here, dry):
    write_results(write_project("cats"), "own_box", "data/own")
    write_project("dogs")
    done = run_boxsup("run", "dogs", *dry)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "boxsup: error: results/own_box and results/data/own are of cats/config.yaml, another project, and would be "
        "replaced; give this one another name, by `boxsup init dogs …` again with `--name`, or in dogs/config.yaml, "
        "run in another folder, or add --overwrite, which keeps what is there under a dated name such as results/own_"
    )
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in (here / "results").iterdir()) == ["commands.json", "data", "own_box"]


def test_projects_that_share_a_data_set_by_name_alone_do_not_replace_it(here):
    write_results(write_project("plain"), "own_box", "data/own")
    write_project("semi", ending="_semi")
    done = run_boxsup("run", "semi", "--dry-run")
    assert "error: results/data/own is of plain/config.yaml, another project, and would be replaced;" in done.stderr


@pytest.mark.slow  # Snakemake runs
def test_configurations_may_share_what_they_say_alike_and_what_nobody_has_any_more(here):
    cats = write_project("cats")
    write_results(cats, "own_box", "data/own")
    more = here / "more.yaml"
    more.write_text(cats.read_text().replace("own_box", "own_long"))
    assert "would be replaced" not in run_boxsup("run", more, "--dry-run").stderr
    more.write_text(cats.read_text().replace("epochs: 1", "epochs: 2"))
    assert "results/own_box is of cats/config.yaml" in run_boxsup("run", more, "--dry-run").stderr
    cats.unlink()
    assert "would be replaced" not in run_boxsup("run", more, "--dry-run").stderr


@pytest.mark.slow  # Snakemake runs
def test_results_of_another_project_are_kept_where_somebody_means_it(here):
    write_results(cats := write_project("cats"), "own_box", "data/own")
    write_project("dogs")
    plan = run_boxsup("run", "dogs", "--overwrite", "--dry-run")
    assert "run: would keep results/own_box and results/data/own of cats/config.yaml under a dated name" in plan.stderr
    assert (here / "results/own_box/precious.txt").exists()
    (here / ".snakemake/locks").mkdir(parents=True, exist_ok=True)
    (here / ".snakemake/locks/0.input.lock").touch()  # another run works here
    run_boxsup("run", "dogs", "--overwrite", "--", "-n", "results/own_box/report.html")
    assert (here / "results/own_box/precious.txt").exists()
    (here / ".snakemake/locks/0.input.lock").unlink()
    done = run_boxsup("run", "dogs", "--overwrite", "--until", "inventory", "--cores", 1)
    assert "run: kept results/own_box of cats/config.yaml: results/own_box.2" in done.stderr
    [kept] = (here / "results").glob("own_box.2*/precious.txt")
    assert kept.read_text() == str(cats)
    assert len(list((here / "results/data").glob("own.2*/precious.txt"))) == 1
