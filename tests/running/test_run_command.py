"""`boxsup run` outside of a clone: real runs of Snakemake, stopped, resumed, failed and locked."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

from boxsup.machine.processors import processors
from helpers import own_data

pytestmark = pytest.mark.slow  # Snakemake runs

SMALL = "    objects: {weights: none, size: 25, epochs: 1, steps: 0}\n"


def words(*arguments):
    return [sys.executable, "-m", "boxsup", "run", "mine", *map(str, arguments)]


@pytest.fixture
def project(tmp_path):
    """A folder with five small photographs, their boxes and the project that `boxsup init` writes."""
    made = own_data.pictures(5, side=64)
    own_data.write_images(tmp_path / "photos", made)
    own_data.write_yolo(tmp_path, made)
    init = ["init", "mine", "--images", "photos", "--boxes", "labels", "--epochs", "1"]
    subprocess.run([sys.executable, "-m", "boxsup", *init], cwd=tmp_path, check=True, capture_output=True)
    config = tmp_path / "mine/config.yaml"
    config.write_text(config.read_text().replace("    validation:", f"{SMALL}    validation:"))
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(words(*arguments), cwd=folder, capture_output=True, text=True)


def started(folder, *arguments):
    """A run in a process group of its own, once it says that a job is done."""
    process = subprocess.Popen(words(*arguments), cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in process.stderr:
        if re.match(r"\d\d:\d\d:\d\d  \d+ of \d+  ", line):
            return process
    raise AssertionError("it ended before a job was done")


def test_a_run_is_stopped_goes_on_fails_and_is_put_right(project):
    (project / "config.yaml").write_text("owner: somebody else's program\n")  # is not taken for ours
    plan = run(project, "--dry-run", "--until", "labels")
    assert plan.returncode == 0, plan.stderr
    assert "jobs for everything up to labels" in plan.stdout
    assert re.search(r"\n +1  labels +not made yet\n", plan.stdout)
    assert "epoch" not in plan.stdout
    assert plan.stdout.splitlines()[-1] == "time: not known before a first run"
    assert not (project / "results").exists()

    process = started(project, "--cores", "1", "--until", "overlaps")
    process.send_signal(signal.SIGINT)  # as a scheduler or `kill` does: to this process alone
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + signal.SIGINT
    assert "stopped; what is finished stays, and `" in rest
    assert "Traceback" not in rest
    assert list(project.rglob("*.partial")) == []

    image = next((project / "photos").iterdir())
    content = image.read_bytes()
    image.write_bytes(b"damaged")
    failed = run(project, "--until", "overlaps", "--cores", "1")
    assert failed.returncode == 1
    *_, error = failed.stderr.strip().splitlines()
    log = "results/logs/catalogue/own/train.log"
    assert f"; its log, {log}, ends:" in failed.stderr
    assert f"  | boxsup: error: {image}" in failed.stderr
    assert error.startswith(f"boxsup: error: a job failed; all that it said is in {log}; once that is put right, `")

    image.write_bytes(content)
    done = run(project, "--until", "overlaps")
    assert done.returncode == 0, done.stderr
    assert "candidates of own/train, part 1 of 1: 4 images, " in done.stderr
    if not torch.cuda.is_available():
        log = max((project / ".snakemake/log").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        said = rf"Provided resources: .*gpu\D+{processors()}\b"
        assert re.search(said, log.read_text())  # jobs of torch do not take turns
    assert done.stderr.strip().splitlines()[-1].startswith("done in ")
    again = run(project, "--until", "overlaps", "--dry-run", "--", "--forcerun", "catalogue")
    assert re.search(r"\ntime: about \d+ s, as far as earlier runs tell\n$", again.stdout)
    inner = [*words()[:-1], ".", "--until", "overlaps", "--dry-run"]
    within = subprocess.run(inner, cwd=project / "mine", capture_output=True, text=True)
    assert within.stderr.startswith(f"note: results go to {project}/mine/results, which has none of this project; ")
    assert within.stderr.count("\n") == 1
    nothing = "nothing to do: everything up to overlaps is made already\n"
    assert run(project, "--until", "overlaps").stderr == nothing
    assert run(project, "--until", "overlaps", "--", "-n").stdout == nothing


def test_what_follows_two_hyphens_goes_to_snakemake(project):
    listed = run(project, "--", "--list-rules")
    assert listed.returncode == 0, listed.stderr
    assert "proposals" in listed.stdout.split()
    other = run(project, "--dry-run", "--", "results/data/own/val/images.csv")
    assert "would run 2 jobs for results/data/own/val/images.csv" in other.stdout
    stage = run(project, "--until", "nix")
    assert stage.returncode == 1
    assert stage.stderr.startswith(
        "boxsup: error: --until: there is no stage 'nix' in the workflow; stages: inventory, "
    )
    assert {"catalogue", "epoch", "report"} <= set(re.split(", |: |\n", stage.stderr))
    assert not {"shapes", "download", "crf_search", "paper", "comp6"} & set(re.split(", |: |\n", stage.stderr))
    wrong = run(project, "--", "--no-such-option")
    assert (wrong.returncode, wrong.stderr) == (2, "snakemake: error: unrecognized arguments: --no-such-option\n")
    unknown = run(project, "--", "results/own_bx/report.html")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("boxsup: error: results/own_bx/report.html: 'own_bx' is none of the experiments")
    assert unknown.stderr.count("\n") == 1


def test_a_run_that_was_killed_leaves_a_lock_that_is_explained(project):
    process = started(project, "--until", "proposals")
    group = next(child for child in children_of(process.pid) if os.getpgid(child) == child)
    os.killpg(group, signal.SIGKILL)
    process.communicate(timeout=60)
    locked = run(project, "--until", "proposals")
    assert locked.returncode == 1
    assert "another run works in this folder, or one was killed" in locked.stderr
    assert locked.stderr.count("\n") == 1
    unlocked = run(project, "--", "--unlock")
    assert (unlocked.returncode, unlocked.stdout) == (0, "")
    assert re.fullmatch(r"unlocked; `\S+ run mine` goes on\n", unlocked.stderr)
    assert run(project, "--until", "catalogue").returncode == 0


def children_of(parent):
    """The ids of a process's children."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            if found := list(map(int, file.read().split())):
                return found
    return []
