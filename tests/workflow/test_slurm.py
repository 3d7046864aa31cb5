"""The demo through a real Slurm of one node, with jobs that are killed on their way."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from helpers.paths import ROOT
from helpers.slurm_cluster import missing, slurm
from helpers.workflow_runs import RUN, TARGET, command, contents, copy_of, planned

pytestmark = pytest.mark.slow  # Snakemake runs

PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_cluster_generic")
PATIENCE = 600  # s until a job has come so far that it is killed


@pytest.fixture(scope="module")
def cluster():
    """The environment of a Slurm that runs for these tests."""
    absent = [name for name in PLUGINS if importlib.util.find_spec(name) is None]
    if missing() or absent:
        pytest.skip(missing() or f"no {', '.join(absent)}: make cluster")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, slurm(Path(folder)) as environment:
        yield environment


@pytest.fixture
def ready(demo, tmp_path):
    """A folder with the demo's data and candidates, for which nothing is trained yet."""
    directory = copy_of(demo, tmp_path / "run")
    shutil.rmtree(directory / "results/demo_semi")
    return directory


def arguments(directory, *profiles, options=()):
    chosen = [option for name in profiles for option in ("--profile", str(ROOT / "profiles" / name))]
    run = command(directory, *chosen, *options, TARGET)
    cores = run.index("--cores")  # of one machine; a cluster has its own
    return run[:cores] + run[cores + 2 :]


def start(arguments, environment):
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(moment: Path, run: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE
    while not moment.exists():
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < deadline, f"{moment} did not come"
        time.sleep(0.1)


def jobs(environment, of):
    """What Slurm says of its jobs whose description has a word in it: key -> value, in the order of submission."""
    shown = subprocess.run(["scontrol", "show", "job"], env=environment, capture_output=True, text=True, check=True)
    every = [dict(re.findall(r"(\w+)=(\S*)", job)) for job in shown.stdout.split("\n\n")]
    return sorted((job for job in every if of in str(job)), key=lambda job: int(job["JobId"]))


def test_a_killed_epoch_is_submitted_again_with_more(cluster, demo, ready):
    polling = ("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1")
    log = ready / f"results/logs/epoch/{RUN}/001.log"
    log.unlink()
    with start(arguments(ready, "slurm", options=polling), cluster) as run:
        wait_for(log, run)
        [running] = jobs(cluster, of="epoch_demo_semi_0_001")
        subprocess.run(["scancel", running["JobId"]], env=cluster, check=True)
        output, _ = run.communicate()
    assert run.returncode == 0, output
    first, second = jobs(cluster, of="epoch_demo_semi_0_001")
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    # An epoch and, beside it, the quality of its labels; then, in time, after its labels.
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("18000M", "36000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("03:00:00", "06:00:00")
    assert first["TresPerJob"] == second["TresPerJob"] == "gres:gpu:1"
    assert len(jobs(cluster, of="epoch_demo_semi_0_002")) == 1
    assert contents(ready) == contents(demo)


def test_a_chain_in_one_allocation_goes_on_where_it_was_killed(cluster, demo, ready):
    run_again = arguments(ready, "generic", "chain", options=("--seconds-between-status-checks", "1"))
    first, log = ready / f"results/{RUN}/epochs/001/model.pt", ready / f"results/logs/epoch/{RUN}/002.log"
    log.unlink()
    with start(run_again, cluster) as run:
        wait_for(log, run)
        [chain] = jobs(cluster, of="chain_demo_semi_0")
        assert chain["TresPerJob"] == "gres:gpu:1"
        subprocess.run(["scancel", chain["JobId"]], env=cluster, check=True)
        output, _ = run.communicate()
    assert run.returncode == 1, output
    made = first.stat().st_mtime_ns
    plan = subprocess.run(
        [*run_again, "--dry-run"], env=cluster, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout
    alone = re.sub(r"^    ", "", plan, flags=re.MULTILINE)  # what a group has is indented
    assert planned(alone)["epoch"] == {f"{RUN}/epochs/002/model.pt"}
    with start(run_again, cluster) as run:
        output, _ = run.communicate()
    assert run.returncode == 0, output
    # What is left of a group need not hang together, and is then more than one.
    killed, *others = (job["JobState"] for job in jobs(cluster, of="chain_demo_semi_0"))
    assert killed == "CANCELLED"
    assert set(others) == {"COMPLETED"}
    assert first.stat().st_mtime_ns == made
    assert contents(ready) == contents(demo)
