"""A real Slurm on this machine: one node, three daemons of its own folder and ports, beside any that runs already."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("setpriv", "sbatch", "squeue", "scancel", "scontrol", "srun")
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
PATIENCE = 60  # s that a daemon may take to answer
CONF = """
ClusterName=boxsup
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
AccountingStorageType=accounting_storage/none
KillWait=2
MinJobAge=86400
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# Two devices that are none: Slurm hands them out, one job each, and says so in CUDA_VISIBLE_DEVICES.
GRES = "NodeName={host} Name=gpu File=/dev/null\nNodeName={host} Name=gpu File=/dev/zero\n"


def missing() -> str:
    """Why no Slurm can be started here, or ""."""
    absent = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name, path=PATH) is None]
    packages = "Debian's packages slurmctld, slurmd, slurm-client and munge"
    return f"no {', '.join(absent)}; in {packages}" if absent else ""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Run a one-node Slurm with two GPUs that are none, and 8 processors and 64 GB whatever the machine has.

    Args:
        folder: For its files; a short path, since it holds a socket.

    Yields:
        The environment in which `sbatch` and the others find it.
    """
    values = {"folder": folder, "host": socket.gethostname().partition(".")[0], "user": getpass.getuser()}
    values |= {"control": _free_port(), "node": _free_port(), "memory": 64000}
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "slurm.conf").write_text(CONF.format(**values))
    (folder / "gres.conf").write_text(GRES.format(**values))
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    environment = {**os.environ, "PATH": f"{folder}/bin{os.pathsep}{PATH}", "SLURM_CONF": f"{folder}/slurm.conf"}
    _tell_srun(folder)
    munge = ["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}-file={folder}/munge.{name}" for name in ("log", "pid", "seed")]
    with ExitStack() as stack:
        stack.enter_context(_daemon(munge, environment, folder))
        _wait_for(lambda: (folder / "munge.socket").exists(), "munged", folder)
        stack.enter_context(_daemon(["slurmctld", "-D"], environment, folder))
        stack.enter_context(_daemon(["slurmd", "-D", "-N", str(values["host"])], environment, folder))
        _wait_for(lambda: "idle" in _run(["sinfo", "--noheader", "--format=%t"], environment), "slurmd", folder)
        try:
            yield environment
        finally:
            _run(["scancel", "--user", getpass.getuser()], environment)
            _wait_for(lambda: not _run(["squeue", "--noheader"], environment).strip(), "scancel", folder)


def _tell_srun(folder: Path) -> None:
    """A `srun` that knows the configuration: Snakemake's plugin takes SLURM_CONF from its environment."""
    srun = folder / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun", path=PATH)} "$@"\n')
    srun.chmod(0o755)


@contextmanager
def _daemon(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / f"{command[0]}.out").open("wb") as log:
        # In a session of its own, so that Ctrl-C does not reach it; but it ends with this process, however that ends.
        bound = ["setpriv", "--pdeathsig", "TERM", *command]
        process = subprocess.Popen(bound, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _run(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def _wait_for(condition, what: str, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(folder.glob("*.out")))
            raise RuntimeError(f"{what} does not answer\n{logs}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
