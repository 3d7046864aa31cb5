"""Commands that are printed: they run from where the user is."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from boxsup.again import VARIABLE, Start, commands_for, owner_of, program, record, started
from boxsup.config.files import project_config
from boxsup.config.resolve import resolve
from boxsup.errors import ConfigError
from boxsup.near import first_few, near_paths, nearest, shorter
from boxsup.targets import explain
from helpers.paths import ROOT


@pytest.fixture(autouse=True)
def no_run(monkeypatch):
    for ending in ("", "_PATH", "_BIN"):
        monkeypatch.delenv(f"{VARIABLE}{ending}", raising=False)


@pytest.mark.parametrize("said", ["{", "[]", '{"snakefile": 1}'])
def test_a_start_that_cannot_be_read_is_said(monkeypatch, said):
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(ConfigError, match=f"^{VARIABLE}: expected how Snakemake was started, got "):
        started()


def options(command):
    """The words of a command after the program."""
    program, *words = shlex.split(command)
    assert Path(program).name == "snakemake"
    return words


def test_files_of_a_run_come_back_relative_to_where_the_user_is(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    start = Start(str(tmp_path / "Snakefile"), (str(tmp_path / "my own" / "c.yaml"),), ("a=1",))
    assert options(start.command(["results/x/report.html"], "--force")) == [
        "--cores", "all", "--configfile=my own/c.yaml", "--config", "a=1", "--force", "--", "results/x/report.html",
    ]  # fmt: skip
    several = Start("", (str(tmp_path / "a.yaml"), "/elsewhere/b.yaml"))
    assert options(several.command(["t"])) == [
        "--cores",
        "all",
        "--configfile",
        "a.yaml",
        "/elsewhere/b.yaml",
        "--",
        "t",
    ]


def test_a_workflow_that_is_not_found_by_itself_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow").mkdir()
    start = Start(str(tmp_path / "flow" / "Snakefile"))
    assert options(start.command(["t"]))[2:4] == ["-s", "flow/Snakefile"]


def test_what_was_recorded_is_in_the_command_that_makes_a_result_again(tmp_path, monkeypatch):
    home = tmp_path / "a 'b'"
    (home / "results").mkdir(parents=True)
    own = Start(str(home / "Snakefile"), (str(home / "own.yaml"),), directory="elsewhere")
    record(home / "results", ["mine", "data/photos"], own)
    record(home / "results", ["other"], Start(str(home / "Snakefile")))
    paths = [home / "results" / name for name in ("mine/seed-0/x.zarr", "data/photos/train/y.zarr", "other/z.pt")]
    (home / "Snakefile").touch()
    monkeypatch.chdir(home)
    one, two = commands_for(paths, "--force")
    assert options(one)[2] == "--configfile=own.yaml"
    assert options(one)[-2:] == ["results/mine/seed-0/x.zarr", "results/data/photos/train/y.zarr"]
    assert options(two) == ["--cores", "all", "--force", "results/other/z.pt"]
    monkeypatch.chdir(tmp_path)
    [command] = commands_for(paths[:1])
    assert command.startswith(f"(cd {shlex.quote(home.name)} && ")
    assert commands_for([tmp_path / "no results here"]) == []


@pytest.mark.parametrize("content", ["", "[]", "{", '{"mine": {"configfiles": 3}}', '{"mine": 1}'])
def test_a_record_that_cannot_be_read_stops_nothing(tmp_path, monkeypatch, content):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/commands.json").write_text(content)
    monkeypatch.chdir(tmp_path)
    [command] = commands_for([tmp_path / "results/mine/x.pt"])
    assert options(command) == ["--cores", "all", "results/mine/x.pt"]
    record(tmp_path / "results", ["mine"], Start())


def test_a_program_is_named_as_the_users_shell_finds_it(tmp_path, monkeypatch):
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(own))
    assert program("snakemake") == "snakemake"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Path(os.path.abspath(program("snakemake"))) == own / "snakemake"
    assert shorter("/a/b", Path("/a")) == "b"


def test_of_many_names_the_first_are_said_and_how_many_more_there_are():
    assert first_few(["a", "b"]) == "a, b"
    assert first_few(range(1_234), 2) == "0, 1 and 1,232 more"


def test_owners_are_experiments_and_data_sets():
    assert owner_of("results/own_box/seed-0/labels/001.zarr") == "own_box"
    assert owner_of("results/data/own/train/images.csv") == "data/own"


def test_the_command_of_a_folder_and_where_it_ran():
    assert Start(directory="").there("x") == "x"
    assert Start(directory="a b").there("x") == "cd 'a b' && x"


@pytest.fixture(scope="module")
def known():

    return resolve(project_config())


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("results/voc_smei/report.html", "results/voc_semi/report.html"),
        ("results/voc_smei/seed-0/labels/003.zarr", "results/voc_semi/seed-0/labels/003.zarr"),
        ("results/data/dmeo/train/images.csv", "results/data/demo/train/images.csv"),
        ("results/data/demo/traiin/images.csv", "results/data/demo/train/images.csv"),
        ("results/data/demo/val/proposals/mgc/0-of-2.zarr", "results/data/demo/val/proposals/mcg/0-of-2.zarr"),
        ("results/papre/report.html", "results/paper/report.html"),
        ("results/voc_box_serach/search.csv", "results/voc_box_search/search.csv"),
        ("results/trimap/voc_mask+voc_bxo.html", "results/trimap/voc_mask+voc_box.html"),
        ("demo_semi", "results/demo_semi/report.html"),
        ("results/demo_semi/repoort.html", "results/demo_semi/report.html"),
    ],
)
def test_a_mistyped_target_names_what_was_meant_first(known, target, meant):
    line = explain(target, known)
    assert line.startswith(f"{target}: ")
    assert f"; did you mean {meant}" in line
    assert "\n" not in line


def test_a_name_like_none_lists_those_that_there_are(known):
    line = explain("results/xyzzy/report.html", known)
    assert "did you mean" not in line
    assert "demo_semi, " in line
    assert "--configfile" in line


def test_near_names_and_paths(tmp_path):
    assert nearest("voc_smei", ["voc_semi", "coco"]) == ["voc_semi"]
    (tmp_path / "own_box").mkdir()
    assert near_paths(tmp_path / "own_bx" / "seed-0") == [tmp_path / "own_box"]
    assert near_paths(tmp_path / "own_box") == []
    assert near_paths(tmp_path / "nothing" / "like") == []


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("options", [["-n"], [], ["--forcerun", "labels", "--"]])
def test_snakemake_says_it_in_a_line_and_plans_nothing(tmp_path, options):
    done = snakemake(tmp_path, *options, "results/demo_semi/labelling.json", "results/demo_smei/report.html")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if "smei" in line]
    assert line.startswith("boxsup: error: results/demo_smei/report.html: 'demo_smei' is none of the experiments")
    assert "did you mean results/demo_semi/report.html" in line
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_damaged_result_is_made_again_by_the_command_that_check_prints(tmp_path):
    """In a folder of its own, by a configuration of its own, by a user who is elsewhere."""
    home, user = tmp_path / "the run's", tmp_path / "user"
    user.mkdir()
    (user / "own.yaml").write_text("datasets: {mine: {format: shapes, shapes: {seed: 0, side: 64, train: 3, val: 2, "
                                   "masks: 1}, splits: {train: {list: train, masks: SegmentationClass}}, "
                                   "classes: [ring], on_problem: stop, shards: 1}}")  # fmt: skip
    target = "results/data/mine/train/masks/rectangles.zarr"
    made = snakemake(
        user, "--directory", str(home), "--configfile", str(ROOT / "config.yaml"), "own.yaml", "--", target
    )
    assert made.returncode == 0, made.stderr
    chunk = next(path for path in (home / target / "labels").rglob("*") if path.is_file() and path.name != "zarr.json")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-1])
    boxsup = [sys.executable, "-m", "boxsup", "check", str(home / "results")]
    said = subprocess.run(boxsup, cwd=user, capture_output=True, text=True)
    assert said.returncode == 1
    command = said.stderr.strip().splitlines()[-1].split("make them again: ")[1]
    subprocess.run(command, cwd=user, shell=True, check=True, capture_output=True)
    assert chunk.read_bytes() == whole
    assert subprocess.run(boxsup, cwd=user, capture_output=True).returncode == 0
