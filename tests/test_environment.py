"""Whatever a command is started with: what the environment says of threads, no home, nothing to write to."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest
from paths import ROOT
from small_split import write_split
from test_training_commands import TRAINING, epoch_arguments, network_arguments

from boxsup.cli import main
from boxsup.environment import scratch

PATIENCE = 300  # s after which a command counts as one that hangs
STRANGER = 12345  # a user id that nobody has
OTHERS = {
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
    [{"OMP_THREAD_LIMIT": "1"}, {"OMP_DYNAMIC": "true"}, {"OMP_MAX_ACTIVE_LEVELS": "0"}, OTHERS],
    ids=["limit", "dynamic", "levels", "others"],
)
def test_an_epoch_gives_the_same_bytes_whatever_is_said_of_threads(epoch, environment, request):
    assert epoch(request.node.callspec.id, **environment) == epoch.plain


def test_an_epoch_in_two_processes_ends_with_one_thread_allowed(epoch):
    assert epoch("two", gpus=2, OMP_THREAD_LIMIT="1", OMP_DYNAMIC="true").keys() == epoch.plain.keys()


@pytest.mark.skipif(not shutil.which("taskset"), reason="no taskset")
def test_an_epoch_gives_the_same_bytes_on_one_core(epoch):
    core = min(os.sched_getaffinity(0))
    assert epoch("core", before=["taskset", "-c", str(core)]) == epoch.plain


COMPILING = """
import boxsup.cli
import matplotlib.figure
import numpy as np
from boxsup.proposals.pool import areas

print(areas(np.ones((2, 3), bool), np.arange(3)).tolist())
"""


@pytest.fixture
def installed(tmp_path):
    """An installation that nobody writes to, and what runs code with it as a user who owns two folders alone."""
    shutil.copytree(ROOT / "boxsup", tmp_path / "site/boxsup", ignore=shutil.ignore_patterns("__pycache__"))
    as_stranger = []
    if os.geteuid() == 0:  # who writes to everything, whatever its permissions
        may_read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        as_stranger = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *may_read]
        if not shutil.which("setpriv") or subprocess.run([*as_stranger, "true"], capture_output=True).returncode:
            pytest.skip("cannot become another user")
    for name in ("work", "tmp"):
        (tmp_path / name).mkdir()
        if as_stranger:
            os.chown(tmp_path / name, STRANGER, STRANGER)
    folders = [tmp_path / "site", *(path for path in (tmp_path / "site").rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)

    def run(**environment):
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "site"), "TMPDIR": str(tmp_path / "tmp")}
        command = [*as_stranger, sys.executable, "-c", COMPILING]
        done = subprocess.run(
            command, cwd=tmp_path / "work", env=own | environment, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "[3, 3]\n", "")
        assert list((tmp_path / "work").iterdir()) == []  # nothing called `~` for want of a home

    run.cache = tmp_path / "tmp" / f"boxsup-{STRANGER if as_stranger else os.getuid()}"
    yield run
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize("environment", [{}, {"HOME": "/"}, {"HOME": "/nowhere"}], ids=["none", "root", "missing"])
def test_without_a_home_loops_are_cached_in_a_folder_for_temporary_files(installed, environment):
    installed(**environment)
    assert list(installed.cache.glob("numba/*/*.nbi"))
    assert installed.cache.stat().st_mode & 0o777 == 0o700


def test_where_nothing_can_be_kept_loops_are_compiled_anew(installed):
    installed.cache.mkdir(mode=0o777)  # anybody's: what lies there is not trusted
    installed.cache.chmod(0o777)
    installed(HOME="/", MPLCONFIGDIR=str(installed.cache))
    assert not list(installed.cache.glob("numba/*"))


def test_a_folder_of_others_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = tmp_path / f"boxsup-{os.getuid()}"
    assert scratch() == own
    own.chmod(0o770)
    assert scratch() is None
    own.rmdir()
    (tmp_path / "theirs").mkdir()
    own.symlink_to(tmp_path / "theirs")
    assert scratch() is None
