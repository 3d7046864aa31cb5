"""Chooses sensible settings for a data set's size and the machine, each with its reason."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from boxsup.machine.processors import processors
from boxsup.near import counted

MIN_EPOCHS, MAX_EPOCHS = 6, 45  # pseudo-masks improve with each epoch; the paper's number
SMALL_SIDE = 320  # px: in smaller images, objects are small too
WORKING_SIDE = 520  # px: longer images are scaled to this for the network; about VOC's size
MIN_MEMORY = 10.0  # GiB of GPU memory that ResNet-101 needs for ten crops of 321 px
SMP_MEMORY = 20.0  # GiB for 16 crops of 512 px at stride 16, where others report 8 GiB for 8; not measured
SMP_IMAGES = 2  # DeepLab v3+ normalises means over images, of which it needs several
FEW_BOXES, MORE_PARTS = 1_000, 4  # below so many boxes object networks want more than half of them: docs/update.md
IMAGES_PER_JOB = 50  # images per job of proposals
MAX_JOBS, MAX_THREADS = 32, 4


@dataclass(frozen=True)
class NetworkPlan:
    """Settings that go together with a network.

    Attributes:
        network: Name of the network.
        parts: Its other settings, as YAML that follows the name.
        rate: Learning rate.
        batch: Images per step.
        crop: Side of a training crop in pixels.
        scale: Range of the random scale, for images no longer than WORKING_SIDE.
        steps: Approximate number of steps in a whole run.
    """

    network: str
    rate: float
    batch: int
    crop: int
    scale: tuple[float, float]
    steps: int
    parts: str = ""


LARGE = NetworkPlan("deeplab_v2_resnet101", 2.5e-4, 10, 321, (0.5, 1.5), 20_000)  # DeepLab v2's
# DeepLab v3+ on the schedule of DeepLab v3 (Chen et al., 2017, section 4.1): docs/networks.md has the ground.
SMP = NetworkPlan("smp", 1e-3, 16, 512, (0.5, 2.0), 30_000, ", decoder: deeplabv3plus, encoder: resnet101, stride: 16")
SMALL = NetworkPlan("mobilenet_v2", 0.004, 8, 257, (0.48, 1.04), 400)  # benchmarks/voc240.yaml, 240 photographs
PICTURES = NetworkPlan("mobilenet_v2_8s", 0.01, 4, SMALL_SIDE, (0.9, 1.5), 400)  # small pictures


@dataclass(frozen=True)
class Hardware:
    """The machine: usable processor cores, and GPU memory in GiB (0 without a GPU)."""

    cores: int
    gpu_memory: float


@dataclass(frozen=True)
class Plan:
    """Settings of an experiment that depend on the data and the machine.

    Attributes:
        network: Name of the network.
        network_parts: Its other settings, as YAML that follows the name.
        why_network: Reason for the network.
        epochs: Number of epochs.
        why_epochs: Reason for the number of epochs.
        rate: Learning rate.
        batch: Images per step.
        crop: Side of a training crop in pixels.
        scale: Range of the random scale of training images.
        test_scale: Scale of images in the update and in inference.
        threads: Number of torch's CPU threads.
        workers: Number of processes that read images.
        shards: Number of jobs of proposals per split.
        parts: Number of parts of the object networks; 0 for the default.
    """

    network: str
    network_parts: str
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
    parts: int


def this_machine() -> Hardware:
    """The hardware of this machine."""
    import torch  # takes seconds, so only where it is needed

    memory = torch.cuda.get_device_properties(0).total_memory / 2**30 if torch.cuda.is_available() else 0.0
    return Hardware(processors(), memory)


def make_plan(images: int, boxes: int, side: float, hardware: Hardware, epochs: int | None = None) -> Plan:
    """Choose settings.

    >>> plan = make_plan(images=240, boxes=801, side=500, hardware=Hardware(cores=2, gpu_memory=0))
    >>> plan.network, plan.epochs, plan.shards, plan.parts
    ('mobilenet_v2', 13, 5, 4)

    Args:
        images: Number of training images.
        boxes: Number of their boxes.
        side: Median of the images' longer sides in pixels, as they are worked on.
        hardware: The machine.
        epochs: The number of epochs that the user asked for, or None.
    """
    network, why_network = _network(images, side, hardware)
    ratio = min(1.0, WORKING_SIDE / side)
    batch = min(network.batch, images)
    number, why_epochs = _epochs(images, batch, network.steps, epochs)
    threads = max(1, min(MAX_THREADS, hardware.cores))
    return Plan(
        network.network,
        network.parts,
        why_network,
        number,
        why_epochs,
        network.rate,
        batch,
        crop=max(32, round(side)) if network is PICTURES else network.crop,
        scale=(round(network.scale[0] * ratio, 3), round(network.scale[1] * ratio, 3)),
        test_scale=round(ratio, 3),
        threads=threads,
        workers=threads if hardware.gpu_memory else 0,
        shards=max(1, min(MAX_JOBS, round(images / IMAGES_PER_JOB))),
        parts=MORE_PARTS if boxes < FEW_BOXES and images >= MORE_PARTS else 0,
    )


def _network(images: int, side: float, hardware: Hardware) -> tuple[NetworkPlan, str]:
    """The network for a machine and for images of a number and a size, and the reason for it."""
    memory = hardware.gpu_memory
    machine = f"a GPU with {memory:.0f} GiB" if memory else "no GPU"
    if memory >= SMP_MEMORY and importlib.util.find_spec("segmentation_models_pytorch"):
        if images < SMP_IMAGES:
            return LARGE, f"{machine}; deeplabv3plus of segmentation-models-pytorch cannot learn from one image alone"
        return SMP, f"{machine}; deeplab_v2_resnet101 needs less and no segmentation-models-pytorch: docs/networks.md"
    if memory >= MIN_MEMORY:
        return LARGE, f"{machine}; mobilenet_v2 would do with less than {MIN_MEMORY:.0f}"
    if side < SMALL_SIDE:
        return PICTURES, f"{machine}; at stride 8, as images are small ({side:.0f} px)"
    return SMALL, f"{machine}; deeplab_v2_resnet101 is for one with {MIN_MEMORY:.0f} GiB or more"


def _epochs(images: int, batch: int, steps: int, wanted: int | None) -> tuple[int, str]:
    """The number of epochs that gives about `steps` steps, unless one is `wanted`; and the reason for it."""
    per_epoch = max(1, images // batch)
    epochs = wanted or min(MAX_EPOCHS, max(MIN_EPOCHS, round(steps / per_epoch)))
    reason = "as asked for" if wanted else f"{MIN_EPOCHS} to {MAX_EPOCHS}, for about {steps:,} steps"
    return epochs, f"{reason}; an epoch of {counted(images, 'image')} in batches of {batch} has {per_epoch:,}"
