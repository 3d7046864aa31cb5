"""Snakemake's conventions: found by its catalogue, a module of other workflows, deployed into an empty folder."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from helpers.paths import ROOT
from helpers.workflow_runs import TINY

pytestmark = pytest.mark.slow  # Snakemake runs

# What of our packages Snakemake does not bring along; its plugin for Slurm brings pandas.
OURS = ("scipy", "cv2", "PIL", "defusedxml", "torch", "zarr", "tqdm", "numba", "higra")
ABSENT = f"""
import importlib.util
import sys

for name in {OURS}:
    sys.modules[name] = None
if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
    sys.modules["pandas"] = sys.modules["numpy"] = None
"""
OTHER = """
configfile: "config/config.yaml"


rule first:
    output:
        "first.txt",
    shell:
        "touch {{output}}"


module boxsup:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from boxsup as seg_*


rule summary:
    input:
        "results/demo_semi/report.html",
        "first.txt",
    output:
        "summary.txt",
    shell:
        "touch {{output}}"
"""
# As `snakedeploy deploy-workflow` writes it, but for the address.
DEPLOYED = """
from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


module boxsup:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from boxsup
"""


def write(folder, text, config=None):
    """A workflow that has ours as a module."""
    (folder / "workflow").mkdir()
    (folder / "workflow/Snakefile").write_text(text.format(snakefile=ROOT / "workflow/Snakefile"))
    if config is not None:
        (folder / "config").mkdir()
        shutil.copy(config, folder / "config/config.yaml")


def plan(planner, folder, *targets):
    done = planner.run([sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", *targets], folder)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_catalogue_finds_what_it_looks_for():
    assert (ROOT / "workflow/Snakefile").is_file()
    assert (ROOT / "config/config.yaml").read_text() == (ROOT / "config.yaml").read_text()
    assert (ROOT / "config/README.md").read_text().startswith("# Configuration\n")
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}


def test_another_workflow_has_it_as_a_module_with_its_own_targets_and_a_part_of_the_configuration(planner, tmp_path):
    write(tmp_path, OTHER, config=TINY)
    told = plan(planner, tmp_path, "summary.txt")
    for rule in ("first", "summary", "seg_report", "seg_predictions"):
        assert f"\nrule {rule}:\n" in told or f"\nlocalrule {rule}:\n" in told, rule
    assert told.count("rule seg_epoch:\n") == 2  # as the tiny configuration says
    assert "localrules directive specifies rules" not in told


def test_the_workflow_alone_and_the_one_at_the_top_plan_the_same_jobs(planner, tmp_path):
    told = [
        plan(planner, tmp_path, "--snakefile", str(ROOT / name)).partition("Job stats:")[2].partition("total")[0]
        for name in ("Snakefile", "workflow/Snakefile")
    ]
    assert "epoch " in told[0]
    assert told[0] == told[1]


def test_it_is_deployed_into_an_empty_folder_and_runs_there(tmp_path):
    write(tmp_path, DEPLOYED)
    shutil.copytree(ROOT / "config", tmp_path / "config")  # as snakedeploy does: links become files
    assert not (tmp_path / "config/config.yaml").is_symlink()
    config = yaml.safe_load((tmp_path / "config/config.yaml").read_text())
    config["datasets"]["demo"]["shapes"] = {"seed": 0, "side": 64, "train": 3, "val": 2, "masks": 1}
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(config))
    target = "results/data/demo/val/images.csv"
    words = [sys.executable, "-m", "snakemake", "--cores", "1", "--", target]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / target).read_text().splitlines()) == 3


def test_it_is_linted_where_nothing_but_snakemake_is_installed(tmp_path):
    for name in ("boxsup", "workflow", "config", "profiles", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/sitecustomize.py").write_text(ABSENT)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, "-m", "snakemake", "--lint"]
    environment |= {"PYTHONPATH": str(tmp_path / "bare")}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Congratulations, your workflow is in a good condition" in done.stderr + done.stdout
