"""An epoch, whatever its environment says of threads."""

import os
import shutil
import subprocess
import sys

import pytest

from boxsup.cli import main
from helpers.small_split import write_split
from helpers.training_runs import TRAINING, epoch_arguments, network_arguments

pytestmark = pytest.mark.slow  # processes train with other numbers of threads

PATIENCE = 300  # s after which a command counts as one that hangs
OTHERS = {
    "OMP_DYNAMIC": "true",
    "OMP_NUM_THREADS": "4,2",
    "OMP_NESTED": "true",
    "OMP_PROC_BIND": "true",
    "OMP_PLACES": "{0}",
    "OMP_SCHEDULE": "dynamic,1",
    "OMP_STACKSIZE": "8",
    "GOMP_CPU_AFFINITY": "0",
    "GOMP_SPINCOUNT": "infinite",
    "KMP_AFFINITY": "compact",
    "MKL_NUM_THREADS": "3",
    "MKL_DYNAMIC": "TRUE",
    "MKL_DOMAIN_NUM_THREADS": "MKL_BLAS=3",
    "OPENBLAS_NUM_THREADS": "3",
}


@pytest.fixture(scope="module")
def epoch(tmp_path_factory):
    """Seven pictures, and what runs an epoch on four threads in an environment: the files that it wrote."""
    folder = tmp_path_factory.mktemp("environment") / "run"
    write_split(folder, 7)
    main(network_arguments(folder))

    def run(name, before=(), gpus=1, **environment):
        words = epoch_arguments(folder, 1, out=name, training=TRAINING | {"threads": 4, "gpus": gpus})
        own = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "MKL_"))}
        command = [*before, sys.executable, "-m", "boxsup", *words]
        done = subprocess.run(command, env=own | environment, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return {path.name: path.read_bytes() for path in (folder / name / "001").iterdir()}

    run.plain = run("plain")
    return run


@pytest.mark.parametrize(
    "environment",
    [{"OMP_THREAD_LIMIT": "1"}, {"OMP_MAX_ACTIVE_LEVELS": "0"}, OTHERS],
    ids=["limit", "levels", "others"],
)
def test_an_epoch_gives_the_same_bytes_whatever_is_said_of_threads(epoch, environment, request):
    assert epoch(request.node.callspec.id, **environment) == epoch.plain


def test_an_epoch_in_two_processes_ends_with_one_thread_allowed(epoch):
    assert epoch("two", gpus=2, OMP_THREAD_LIMIT="1", OMP_DYNAMIC="true").keys() == epoch.plain.keys()


@pytest.mark.skipif(not shutil.which("taskset"), reason="no taskset")
def test_an_epoch_gives_the_same_bytes_on_one_core(epoch):
    core = min(os.sched_getaffinity(0))
    assert epoch("core", before=["taskset", "-c", str(core)]) == epoch.plain
