"""The settings of the network and its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, StringConstraints, field_validator

from boxsup.config.fields import DistinctValues, Epoch, Scale, Settings, Several, Text, setting

# Decoders of smp that let one choose the stride of their encoder -> the strides.
STRIDES = {"deeplabv3": (8, 16), "deeplabv3plus": (8, 16), "pan": (16, 32)}
# Decoders of smp that normalise the mean over the image: of a batch of one image, that is one value per channel.
POOLING = ("deeplabv3", "deeplabv3plus", "pan", "upernet")


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
        "smp",
    ] = setting(
        "deeplab_4x4",
        "the network; for small machines mobilenet_v2 (stride 16) or mobilenet_v2_8s (stride 8, as DeepLab has); smp: "
        "`decoder` and `encoder` of segmentation-models-pytorch, docs/networks.md",
        paper="VGG-16, DeepLab-CRF",
    )
    weights: Text = setting("imagenet", "initial weights: imagenet | none | a file", paper="ImageNet")
    sha256: str = setting(
        "", "hash of the file in `weights`, if torchvision does not publish it", pattern="^[0-9A-Fa-f]*$"
    )
    decoder: Literal[
        "unet",
        "unetplusplus",
        "manet",
        "linknet",
        "fpn",
        "pspnet",
        "deeplabv3",
        "deeplabv3plus",
        "pan",
        "upernet",
        "segformer",
        "dpt",
    ] = setting("deeplabv3plus", "smp: the decoder", late=True)
    encoder: str = setting(
        "resnet50", "smp: the encoder; tu-NAME is timm's NAME", late=True, pattern="^[A-Za-z0-9_.-]+$"
    )
    stride: Literal[8, 16, 32] = setting(
        16, "smp: stride of the encoder with the decoders deeplabv3, deeplabv3plus (8, 16) and pan (16, 32)", late=True
    )


def network_name(settings: Mapping[str, Any]) -> str:
    """The name that a checkpoint has for a network, which says all that its layers depend on but the classes.

    Args:
        settings: The settings of the network; keys with a default may be missing.

    >>> network_name({"name": "fcn8s", "weights": "none", "sha256": ""})
    'fcn8s'
    >>> network_name({"name": "smp", "decoder": "fpn", "encoder": "resnet18"})
    'smp:fpn:resnet18:16'
    """
    if settings["name"] != "smp":
        return str(settings["name"])
    known = NetworkSettings.model_fields
    parts = [settings.get(key, known[key].default) for key in ("decoder", "encoder", "stride")]
    return ":".join(["smp", *map(str, parts)])


class InitFrom(Settings):
    """A checkpoint of another experiment."""

    experiment: str = setting(meaning="the other experiment")
    epoch: Epoch = setting(meaning="the epoch after which the checkpoint was written")
    drop: DistinctValues[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.]+$")]] = setting(
        meaning="layers that start with random weights"
    )


class ScheduleSettings(Settings):
    """The learning rate over the iterations."""

    epochs: PositiveInt = setting(
        45, "number of epochs that the rate is planned for; not `epochs` above, so that more epochs rerun nothing"
    )
    policy: Literal["step", "poly"] = setting("step", "how the rate falls", paper="step")
    step: PositiveInt = setting(15, "step: epochs between divisions", paper="15")
    gamma: PositiveFloat = setting(0.1, "step: factor of the rate at each division", paper="0.1")
    power: NonNegativeFloat = setting(0.9, "poly: rate × (1 - iteration / iterations) ^ power")


class TrainingSettings(Settings):
    """The settings of an epoch of SGD that results depend on."""

    rate: PositiveFloat = setting(0.001, "learning rate", paper="0.001")
    head_rate: PositiveFloat = setting(10, "factor of the rate in the new last layers, DeepLab's", paper="not given")
    momentum: float = setting(0.9, "momentum of SGD, DeepLab's", paper="not given", ge=0, lt=1)
    weight_decay: NonNegativeFloat = setting(0.0005, "weight decay of SGD, DeepLab's", paper="not given")
    batch: PositiveInt = setting(20, "images in a batch", paper="20")
    crop: int = setting(321, "side of the random crop, px, DeepLab's", paper="not given", ge=16)
    scale: Several[Scale] = setting(
        (1.0, 1.0),
        "range of the random scale, the least first; DeepLab does not scale",
        paper="not given",
        min_length=2,
        max_length=2,
    )
    mirror: bool = setting(True, "whether half of the images are mirrored, as DeepLab does")
    mixed_precision: bool = setting(True, "whether a GPU computes in 16 bits: bfloat16 where it can, or float16")
    threads: PositiveInt = setting(
        4,
        "threads of torch on the CPU; the last bits of results depend on their number, so --cores does not set it",
    )
    gpus: PositiveInt = setting(
        1,
        "GPUs that train an epoch together; the last bits depend on their number: docs/cluster.md",
        late=True,
    )
    shuffle_within: NonNegativeInt = setting(
        0,
        "images that an epoch shuffles at a time: random runs of 256 that follow one another in the split, which suits "
        "files far away; 0: all: docs/scaling.md",
        paper="not given",
        late=True,
    )

    @field_validator("scale")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("the least scale first")
        return value


class Training(TrainingSettings):
    """All settings of the training."""

    workers: NonNegativeInt = setting(
        4, "processes per GPU that read images for an epoch, or in which boxes choose; results do not depend on it"
    )
