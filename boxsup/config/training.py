"""The network and its training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, StringConstraints

from boxsup.config.fields import DistinctValues, Epoch, Settings, Several, Text, setting


class NetworkSettings(Settings):
    """Which network, and which weights it starts from."""

    name: Literal[
        "fcn32s",
        "fcn16s",
        "fcn8s",
        "deeplab_4x4",
        "deeplab_largefov",
        "deeplab_v2_resnet101",
        "mobilenet_v2",
        "mobilenet_v2_8s",
    ] = setting(
        "deeplab_4x4",
        "architecture; small machines can train mobilenet_v2, stride 16, or mobilenet_v2_8s, stride 8 as DeepLab",
        paper="VGG-16, DeepLab-CRF",
    )
    weights: Text = setting("imagenet", "imagenet | none | a file", paper="ImageNet")
    sha256: str = setting(
        "", "hash of the file, if `weights` is one that torchvision does not publish", pattern="^[0-9A-Fa-f]*$"
    )


class InitFrom(Settings):
    """A checkpoint of another experiment."""

    experiment: str = setting(meaning="the other experiment")
    epoch: Epoch = setting(meaning="the epoch whose checkpoint is taken")
    drop: DistinctValues[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.]+$")]] = setting(
        meaning="layers that start anew"
    )


class ScheduleSettings(Settings):
    """The learning rate over the iterations."""

    epochs: PositiveInt = setting(
        45, "epochs that the learning rate is planned for; apart from `epochs` above, so that more epochs rerun nothing"
    )
    policy: Literal["step", "poly"] = setting("step", "how the rate falls", paper="step")
    step: PositiveInt = setting(15, "step: epochs between divisions of the rate", paper="15")
    gamma: PositiveFloat = setting(0.1, "step: what each division multiplies the rate by", paper="0.1")
    power: NonNegativeFloat = setting(0.9, "poly: rate × (1 - iteration / iterations) ^ power")


class TrainingSettings(Settings):
    """One epoch of SGD, as far as results depend on it."""

    rate: PositiveFloat = setting(0.001, "learning rate", paper="0.001")
    head_rate: PositiveFloat = setting(10, "factor of the rate for the new last layers, DeepLab's", paper="not given")
    momentum: float = setting(0.9, "DeepLab's", paper="not given", ge=0, lt=1)
    weight_decay: NonNegativeFloat = setting(0.0005, "DeepLab's", paper="not given")
    batch: PositiveInt = setting(20, "images in a batch", paper="20")
    crop: int = setting(321, "side of the crops, px; DeepLab's", paper="not given", ge=16)
    scale: Several[PositiveFloat] = setting(
        (1.0, 1.0), "range of the random scale; DeepLab has none", paper="not given", min_length=2, max_length=2
    )
    mirror: bool = setting(True, "whether half of the images are mirrored, as DeepLab does")
    mixed_precision: bool = setting(True, "whether a GPU computes in 16 bits where it can")
    threads: PositiveInt = setting(
        4,
        "threads of torch on the CPU: a setting, since the last bits depend on it; --cores does not change it",
    )
    gpus: PositiveInt = setting(
        1, "GPUs that train an epoch together: a setting, since the last bits depend on it; docs/cluster.md", late=True
    )


class Training(TrainingSettings):
    """All that a configuration says of the training."""

    workers: NonNegativeInt = setting(4, "processes per GPU that read and augment images; results do not depend on it")
