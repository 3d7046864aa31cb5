"""Sensible settings for a data set of any size on the machine at hand, each with its reason."""

from __future__ import annotations

import os
from dataclasses import dataclass

EPOCHS = (6, 45)  # at least: pseudo-masks are made anew each epoch; at most: the paper's
SMALL_SIDE = 320  # px: in smaller images objects are small too
LARGE_SIDE = 1000  # px: proposals of larger images take seconds and gigabytes each
WORKING_SIDE = 520  # px: what longer images are scaled to for the network, about VOC's size
MIN_MEMORY = 10.0  # GiB of a GPU that ten crops of 321 px are meant for with ResNet-101
IMAGES_A_JOB = 50  # of proposals
MAX_JOBS, MAX_THREADS = 32, 4


@dataclass(frozen=True)
class NetworkPlan:
    """Settings that go together.

    Attributes:
        network: Its name.
        rate: Learning rate.
        batch: Images a step.
        crop: Pixels that are seen of an image at once.
        scale: Range of the random scale of an image that is WORKING_SIDE long or less.
        steps: Of a whole run, about.
    """

    network: str
    rate: float
    batch: int
    crop: int
    scale: tuple[float, float]
    steps: int


LARGE = NetworkPlan("deeplab_v2_resnet101", 2.5e-4, 10, 321, (0.5, 1.5), 20_000)  # DeepLab v2's
SMALL = NetworkPlan("mobilenet_v2", 0.004, 8, 257, (0.48, 1.04), 400)  # benchmarks/voc240.yaml, 240 photographs
PICTURES = NetworkPlan("mobilenet_v2_8s", 0.01, 4, SMALL_SIDE, (0.9, 1.5), 400)  # the demo's


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
        test_scale: Of the images when boxes ask the network, and when masks are predicted.
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


def make_plan(images: int, side: float, hardware: Hardware, epochs: int | None = None) -> Plan:
    """Choose settings.

    Args:
        images: To train on.
        side: Median of the images' longer sides in pixels.
        hardware: The machine.
        epochs: How many the user wants, if they say.
    """
    recipe, why = _recipe(side, hardware)
    ratio = min(1.0, WORKING_SIDE / side)
    batch = min(recipe.batch, images)
    number, why_epochs = _epochs(images, batch, recipe.steps, epochs)
    threads = max(1, min(MAX_THREADS, hardware.cores))
    return Plan(
        recipe.network,
        why,
        number,
        why_epochs,
        recipe.rate,
        batch,
        crop=max(32, round(side)) if recipe is PICTURES else recipe.crop,
        scale=(round(recipe.scale[0] * ratio, 3), round(recipe.scale[1] * ratio, 3)),
        test_scale=round(ratio, 3),
        threads=threads,
        workers=threads if hardware.gpu_memory else 0,
        shards=max(1, min(MAX_JOBS, round(images / IMAGES_A_JOB))),
    )


def _recipe(side: float, hardware: Hardware) -> tuple[NetworkPlan, str]:
    """The settings for a machine and a size of images, and what decided it."""
    memory = hardware.gpu_memory
    machine = f"a GPU with {memory:.0f} GiB" if memory else "no GPU"
    if memory >= MIN_MEMORY:
        return LARGE, f"{machine}; mobilenet_v2 would do with less than {MIN_MEMORY:.0f}"
    if side < SMALL_SIDE:
        return PICTURES, f"{machine}; at stride 8, as images are small ({side:.0f} px)"
    return SMALL, f"{machine}; deeplab_v2_resnet101 is for one with {MIN_MEMORY:.0f} GiB or more"


def _epochs(images: int, batch: int, steps: int, wanted: int | None) -> tuple[int, str]:
    """How many epochs come to about so many steps, and a line that says so."""
    each = max(1, images // batch)
    least, most = EPOCHS
    epochs = wanted or min(most, max(least, round(steps / each)))
    asked = "as asked for" if wanted else f"{least} to {most}, for about {steps:,} steps"
    return epochs, f"{asked}; an epoch of {images:,} images in batches of {batch} has {each:,}"
