"""An epoch in several processes, which torchrun starts and watches: if one fails, all end."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import tempfile
import uuid
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from boxsup.errors import BoxSupError
from boxsup.machine.devices import take_devices, use_device
from boxsup.machine.memory import keep_freed_memory
from boxsup.machine.stopping import removed_at_end, stop_at_signals, terminal_signals_blocked

PR_SET_PDEATHSIG = 1  # of Linux' prctl
OURS = f"{BoxSupError.__name__}: "


def run_in_processes(function: Callable[[Namespace], None], args: Namespace, count: int) -> None:
    """Call a command's function in `count` processes of one group (`torch.distributed`), a GPU each.

    Where there is no GPU they are processes on the CPU.

    Args:
        function: At the top level of its module.
        args: Its argument.
        count: How many processes.

    Raises:
        BoxSupError: One of them raised it, or was killed; the others have been stopped.
        ConfigError: The machine has fewer GPUs.
    """
    devices = take_devices(count)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they are on one machine, which need not have a network
    quiet = logging.getLogger("torch.distributed.elastic")  # it logs tracebacks of what is reported below
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    logs = tempfile.mkdtemp(prefix="boxsup-")  # torchrun leaves its own behind
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
        # In a thread of its own, where torchrun leaves the handlers of signals alone, and processes inherit what waits.
        with removed_at_end(Path(logs)), ThreadPoolExecutor(1) as thread:
            thread.submit(_started, launch, os.getpid(), devices, function, args).result()
    except ChildFailedError as error:
        raise _reason(list(error.failures.values())) from None


def _started(launch: elastic_launch, *args: object) -> None:
    with terminal_signals_blocked():
        launch(*args)


def _member(parent: int, devices: list[torch.device], function: Callable[[Namespace], None], args: Namespace) -> None:
    """One of the processes that `parent` has started."""
    # Its GPU is its parent's, who may be killed without a chance to stop it, now or while this process was starting.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(128 + signal.SIGKILL)
    stop_at_signals()
    keep_freed_memory()
    own = use_device(devices[int(os.environ["LOCAL_RANK"])])
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        function(args)
    except BoxSupError as error:
        raise BoxSupError(str(error)) from error  # under the one name that `_reason` looks for
    distributed.destroy_process_group()


def _reason(failures: list[ProcessFailure]) -> Exception:
    """Why an epoch failed: what one of the processes said for people, before the others lost touch with it."""
    said = [_message(failure) for failure in failures]
    for message in said:
        if message.startswith(OURS):
            return BoxSupError(message.removeprefix(OURS))
    for failure in failures:
        if failure.exitcode == -signal.SIGKILL:
            return BoxSupError(
                f"one of the {len(failures)} processes of the epoch was killed (signal 9), for want of memory perhaps"
            )
    return RuntimeError("\n".join(said))


def _message(failure: ProcessFailure) -> str:
    """What a process said last: `CLASS: text`, with its traceback unless it is for people."""
    if isinstance(failure.message, str):
        return failure.message
    text, details = str(failure.message["message"]), failure.message["extraInfo"]
    return text if text.startswith(OURS) else str(details["py_callstack"])
