"""Sensible settings for a data set of any size on the machine at hand, each with its reason."""

from __future__ import annotations

import os
from dataclasses import dataclass

EPOCHS = (6, 45)  # at least: pseudo-masks are made anew each epoch; at most: the paper's
SMALL_SIDE = 320  # px: in smaller images objects are small too
LARGE_SIDE = 1000  # px: proposals of larger images take seconds and gigabytes each
WORKING_SIDE = 520  # px: what longer images are scaled to for the network, about VOC's size
LEAST_MEMORY = 10.0  # GiB that ResNet-101 takes with ten crops of 321 px


@dataclass(frozen=True)
class Hardware:
    """The machine: processor cores that may be used, and memory of the GPU in GiB, 0 without one."""

    cores: int
    gpu_memory: float


@dataclass(frozen=True)
class Plan:
    """Settings of an experiment that depend on the data and the machine, and why.

    Attributes:
        network: Its name.
        why_network: What decided it.
        epochs: How many.
        why_epochs: What decided it.
        rate: Learning rate.
        batch: Images a step.
        crop: Pixels that are seen of an image at once.
        scale: Range of the random scale of an image.
        test_scale: Of the images when masks are predicted.
        threads: Of torch on the CPU.
        workers: Processes that read images.
        shards: Jobs of proposals a split.
    """

    network: str
    why_network: str
    epochs: int
    why_epochs: str
    rate: float
    batch: int
    crop: int
    scale: tuple[float, float]
    test_scale: float
    threads: int
    workers: int
    shards: int


def this_machine() -> Hardware:
    """What there is."""
    import torch  # seconds that only `boxsup init` pays

    memory = torch.cuda.get_device_properties(0).total_memory / 2**30 if torch.cuda.is_available() else 0.0
    return Hardware(len(os.sched_getaffinity(0)), memory)


def plan(images: int, side: float, hardware: Hardware, epochs: int | None = None) -> Plan:
    """Choose settings.

    With a large GPU they are DeepLab v2's with ResNet-101 (20,000 steps of 10 images, as in its paper); otherwise those
    of MobileNetV2 that docs/results measured on 240 photographs, or for small pictures those of the demo.

    Args:
        images: To train on.
        side: Median of the images' longer sides in pixels.
        hardware: The machine.
        epochs: How many the user wants, if they say.
    """
    ratio = min(1.0, WORKING_SIDE / side)
    threads = max(1, min(4, hardware.cores))
    shards = max(1, min(32, round(images / 50)))
    common = {"threads": threads, "workers": threads if hardware.gpu_memory else 0, "shards": shards}
    if hardware.gpu_memory >= LEAST_MEMORY:
        why = f"a GPU with {hardware.gpu_memory:.0f} GiB; mobilenet_v2 is for less than {LEAST_MEMORY:.0f}"
        batch, steps = min(10, images), 20_000
        number, why_epochs = _epochs(images, batch, steps, epochs)
        scale = (round(0.5 * ratio, 2), round(1.5 * ratio, 2))
        return Plan(
            "deeplab_v2_resnet101", why, number, why_epochs, 2.5e-4, batch, 321, scale, round(ratio, 2), **common
        )
    machine = f"a GPU with {hardware.gpu_memory:.0f} GiB" if hardware.gpu_memory else "no GPU"
    if side < SMALL_SIDE:
        why = f"{machine}; at stride 8, as images are small ({side:.0f} px)"
        batch, crop = min(4, images), max(32, round(side))
        number, why_epochs = _epochs(images, batch, 400, epochs)
        return Plan("mobilenet_v2_8s", why, number, why_epochs, 0.01, batch, crop, (0.9, 1.5), 1.0, **common)
    why = f"{machine}; deeplab_v2_resnet101 is for one with {LEAST_MEMORY:.0f} GiB or more"
    batch = min(8, images)
    number, why_epochs = _epochs(images, batch, 400, epochs)
    scale = (round(0.48 * ratio, 2), round(1.04 * ratio, 2))
    return Plan("mobilenet_v2", why, number, why_epochs, 0.004, batch, 257, scale, round(ratio, 2), **common)


def _epochs(images: int, batch: int, steps: int, wanted: int | None) -> tuple[int, str]:
    """How many epochs come to about so many steps, and a line that says so."""
    each = max(1, images // batch)
    least, most = EPOCHS
    epochs = wanted or min(most, max(least, round(steps / each)))
    asked = "as asked for" if wanted else f"{least} to {most}, for about {steps:,} steps"
    return epochs, f"{asked}; an epoch of {images:,} images in batches of {batch} has {each:,}"
