"""Starts an epoch in several processes by torchrun, which watches them: if one fails, all end."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from boxsup.errors import BoxSupError
from boxsup.machine.devices import take_devices, use_device
from boxsup.machine.memory import keep_freed_memory
from boxsup.machine.stopping import removed_at_end, stop_at_signals, terminal_signals_blocked

PR_SET_PDEATHSIG = 1  # an argument of Linux' prctl
OURS = f"{BoxSupError.__name__}: "


def run_in_processes(function: Callable[..., None], count: int, **arguments: object) -> None:
    """Call a function in several processes of one group (`torch.distributed`).

    Each process has a GPU; if the machine has none, they all run on the CPU.

    Args:
        function: A function at the top level of its module.
        count: Number of processes.
        **arguments: Arguments of the function, which can be pickled.

    Raises:
        BoxSupError: One process raised it, or was killed; the others have been stopped.
        ConfigError: The machine has fewer GPUs.
    """
    devices = take_devices(count)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this machine, which may have no network
    quiet = logging.getLogger("torch.distributed.elastic")  # it would log tracebacks of errors that we report below
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    logs = tempfile.mkdtemp(prefix="boxsup-")  # torchrun would not remove a folder of its own
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(logs),
    )
    launch = elastic_launch(config, _member)
    try:
        # In a thread, torchrun leaves signal handlers alone, and its processes inherit the thread's blocked signals.
        with removed_at_end(Path(logs)), ThreadPoolExecutor(1) as thread:
            thread.submit(_started, launch, os.getpid(), devices, function, arguments).result()
    except ChildFailedError as error:
        raise _reason(list(error.failures.values())) from None


def _started(launch: elastic_launch, *args: object) -> None:
    with terminal_signals_blocked():
        launch(*args)


def _member(parent: int, devices: list[torch.device], function: Callable[..., None], arguments: dict[str, Any]) -> None:
    """The main function of each process of the group."""
    # This process uses a GPU that its parent has locked, so it must end if the parent is killed, now or at start-up.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGKILL)
    stop_at_signals()
    keep_freed_memory()
    device = use_device(devices[int(os.environ["LOCAL_RANK"])])
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        function(**arguments)
    except BoxSupError as error:
        raise BoxSupError(str(error)) from error  # not a subclass: `_reason` looks for this name
    distributed.destroy_process_group()


def _reason(failures: list[ProcessFailure]) -> Exception:
    """The error to raise for failed processes: the BoxSupError of one of them, if there is any.

    The others fail only because they lose the connection to it.
    """
    messages = [_message(failure) for failure in failures]
    for message in messages:
        if message.startswith(OURS):
            return BoxSupError(message.removeprefix(OURS))
    for failure in failures:
        if failure.exitcode == -signal.SIGKILL:
            return BoxSupError(
                f"one of the {len(failures)} processes of the epoch was killed (signal 9); perhaps memory ran out"
            )
    return RuntimeError("\n".join(messages))


def _message(failure: ProcessFailure) -> str:
    """The error of a process: `BoxSupError: text`, or the traceback of any other error."""
    if isinstance(failure.message, str):
        return failure.message
    text, details = str(failure.message["message"]), failure.message["extraInfo"]
    return text if text.startswith(OURS) else str(details["py_callstack"])
