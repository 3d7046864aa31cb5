"""The environments of jobs: made from the lock, named by every rule, and really used with `--sdm conda`."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest
import yaml

from boxsup.stages import ASKED, STAGES, asked_versions
from helpers import conda
from helpers.commands import run_boxsup
from helpers.paths import ROOT
from helpers.workflow_runs import RUN, TARGET, command, copy_of

RULES = re.findall(
    r'^rule (\w+):\n(?:(?!^rule ).*\n)*?    conda:\n        "../../envs/(\w+)\.yaml"',
    "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk"))),
    re.MULTILINE,
)
SMALL = [name for name, environment in RULES if environment == "small"]
# Made again in their environments; nothing behind them but the page runs again with them.
MADE = (
    f"results/{RUN}/predictions/002.zarr",
    f"results/{RUN}/labels/002.csv",
    f"results/{RUN}/evaluation/002.csv",
    "results/demo_semi/labelling.json",
)


def lock():
    """The module that writes the lock."""
    spec = importlib.util.spec_from_file_location("lock", ROOT / "envs/lock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def locked():
    lines = (ROOT / "envs/requirements.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def pinned(name):
    return yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())["dependencies"][-1]["pip"]


def test_every_part_of_the_lock_is_what_make_lock_would_write():
    texts = lock().texts(locked())
    assert {"small.yaml", "torch.yaml", "torch.post-deploy.sh", "image.txt", "requirements.txt"} == set(texts)
    assert [name for name, text in texts.items() if (ROOT / "envs" / name).read_text() != text] == []


def test_the_small_environment_is_a_part_of_that_with_torch_and_has_no_network():
    small, torch = pinned("small"), pinned("torch")
    assert set(small) < set(torch) < set(locked())
    names = {line.partition("==")[0] for line in small}
    assert len(names) < len(torch) / 2 + 5
    assert {"torch", "triton", "snakemake", "pydensecrf2"} & names == set()
    assert [name for name in names if name.startswith("nvidia")] == []


def test_every_rule_names_an_environment_that_is_there():
    assert {name for name, _ in RULES} == {stage.name for stage in STAGES.values() if stage.logs}
    assert {environment for _, environment in RULES} == {"small", "torch"}


@pytest.mark.slow
def test_no_command_of_the_small_environment_imports_torch():
    modules = [STAGES[name].module for name in SMALL]
    code = "import sys, importlib\nsys.modules['torch'] = sys.modules['snakemake'] = None\n"
    code += f"for module in {modules}:\n    importlib.import_module(module)\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_a_stage_of_another_version_than_the_workflow_asks_for_is_refused(monkeypatch):
    monkeypatch.setenv(ASKED, asked_versions())
    assert run_boxsup("labelling", "--help").returncode == 0
    monkeypatch.setenv(ASKED, f'{{"labelling":{STAGES["labelling"].version + 1}}}')
    refused = run_boxsup("labelling", "--help")
    assert refused.returncode == 1
    assert refused.stderr.startswith("boxsup: error: labelling: the workflow asks for version 2 of this stage")
    assert refused.stderr.count("\n") == 1
    assert run_boxsup("comp6", "--help").returncode == 0  # the workflow says nothing of it
    for damaged in ("{", "[1]"):
        monkeypatch.setenv(ASKED, damaged)
        refused = run_boxsup("labelling", "--help")
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert refused.stderr.startswith(f"boxsup: error: {ASKED}={damaged}: not what a workflow says")


def bytes_of(folder, names):
    """The bytes of files and of what is in folders, without the dates that Snakemake keeps there."""
    places = [folder / name for name in names]
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    kept = [path for path in files if path.is_file() and path.name != ".snakemake_timestamp"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.mark.slow
def test_jobs_run_in_the_environment_that_their_rule_names_and_make_the_same_bytes(demo, tmp_path):
    home = copy_of(demo, tmp_path / "home")
    path = os.pathsep.join([str(conda.install(tmp_path / "conda")), os.environ["PATH"]])
    options = ["--sdm", "conda", "--rerun-triggers", "mtime", "--force", "--", *MADE, TARGET]
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(tmp_path / "nowhere")}
    done = subprocess.run(
        command(home, *options), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    used = {}
    for file in home.glob(".snakemake/conda/*.yaml"):
        name = "torch" if "torch==" in file.read_text() else "small"
        used[name] = (file.with_suffix("") / "used.txt").read_text()
    starts = {name: re.findall(r"launcher/alone\.py (\S+)", text) for name, text in used.items()}
    assert set(starts["torch"]) == {"predictions"}
    assert {"label-quality", "evaluation", "labelling", "report"} <= set(starts["small"])
    assert bytes_of(home, MADE) == bytes_of(demo, MADE)
    page = (home / TARGET).read_text()
    assert ".snakemake/conda" not in page
