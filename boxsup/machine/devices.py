"""Which accelerator a process computes on: of several in a machine, one that no other process of ours has taken.

Snakemake counts GPUs and does not say which one a job has. So a process takes one by a lock.
"""

from __future__ import annotations

import torch

from boxsup.errors import ConfigError
from boxsup.machine.locks import lock_folder, lock_gpus

_own: torch.device | None = None


def device() -> torch.device:
    """What this process computes on, chosen at the first call: a free GPU, or the CPU where there is none."""
    return _own or use_device(take_devices(1)[0])


def use_device(own: torch.device) -> torch.device:
    """Let this process compute on a device that it, or the process that started it, has taken."""
    global _own
    _own = own
    if own.type == "cuda":
        torch.cuda.set_device(own)
    return own


def take_devices(count: int) -> list[torch.device]:
    """Take so many GPUs for this process and those that it starts; where there is none, the CPU so many times.

    Waits until that many are free. Those that CUDA_VISIBLE_DEVICES hides are not looked at; one alone is not locked.

    Raises:
        ConfigError: The machine shows fewer GPUs.
    """
    if not torch.cuda.is_available():
        return [torch.device("cpu")] * count
    there = torch.cuda.device_count()
    if count > there:
        raise ConfigError(
            f"training.gpus: {count} are asked for and {there} can be seen; lower it, or let the job have them "
            f"(Snakemake's --resources gpu={count})"
        )
    if there == 1:
        return [torch.device("cuda", 0)]
    names = [str(torch.cuda.get_device_properties(index).uuid) for index in range(there)]
    return [torch.device("cuda", index) for index in lock_gpus(names, count, lock_folder())]
