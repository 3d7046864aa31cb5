"""The accelerator that a process computes on: a GPU that no other process of ours has.

Snakemake counts GPUs, but does not tell a job which one is its own. So each process locks the GPU that it takes.
"""

from __future__ import annotations

import torch

from boxsup.errors import ConfigError
from boxsup.machine.locks import lock_folder, lock_gpus

_device: torch.device | None = None


def device() -> torch.device:
    """The device that this process computes on; the first call takes a free GPU, or the CPU if there is no GPU."""
    return _device or use_device(take_devices(1)[0])


def use_device(taken: torch.device) -> torch.device:
    """Compute on a device that this process, or the process that started it, has taken."""
    global _device
    _device = taken
    if taken.type == "cuda":
        torch.cuda.set_device(taken)
    return taken


def take_devices(count: int) -> list[torch.device]:
    """Take GPUs for this process and its child processes, and wait until enough of them are free.

    GPUs that CUDA_VISIBLE_DEVICES hides do not count. If there is only one GPU, it is not locked.

    Args:
        count: How many devices to take.

    Returns:
        `count` different GPUs; if the machine has no GPU, `count` times the CPU.

    Raises:
        ConfigError: The machine has fewer GPUs.
    """
    if not torch.cuda.is_available():
        return [torch.device("cpu")] * count
    visible = torch.cuda.device_count()
    if count > visible:
        raise ConfigError(
            f"training.gpus: {count} are asked for and {visible} can be seen; lower it, or let the job have them "
            f"(Snakemake's --resources gpu={count})"
        )
    if visible == 1:
        return [torch.device("cuda", 0)]
    names = [str(torch.cuda.get_device_properties(index).uuid) for index in range(visible)]
    return [torch.device("cuda", index) for index in lock_gpus(names, count, lock_folder())]
