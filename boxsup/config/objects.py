"""The settings of the object network, which looks into one box at a time."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from boxsup.config.fields import Settings, setting

LEAST_SIDE = 25  # px: crops of smaller boxes have one pixel left at stride 32, which no batch of one crop can normalise


class ObjectNetSettings(Settings):
    """The settings of one network that looks into boxes, and of its training; see `boxsup.objects`."""

    weights: Literal["imagenet", "shipped", "none"] = setting(
        "imagenet",
        "what it starts from: imagenet | shipped, this package's network, which has learned from boxes of VOC | none, "
        "random weights",
    )
    size: int = setting(
        112, "side of a box in its crop, px; the margin on each side is a fifth of it", ge=LEAST_SIDE, le=200
    )
    epochs: PositiveInt = setting(12, "epochs over the boxes that it learns from")
    steps: NonNegativeInt = setting(
        550, "least number of steps: a network that learns from few boxes trains more epochs, up to four times as many"
    )
    batch: PositiveInt = setting(16, "crops in a batch")
    rate: PositiveFloat = setting(0.003, "learning rate of AdamW; it falls to 0 as half a cosine")
    encoder_rate: NonNegativeFloat = setting(0.2, "learning rate of the pretrained encoder, as a share of `rate`")
    paste: float = setting(
        0.0, "share of the crops that the object of another crop covers in part, so that occlusion is seen", ge=0, le=1
    )
    shipped: float = setting(
        0.0,
        "weight in the maps of this package's network, which has learned from boxes of VOC; the run's own has the rest",
        ge=0,
        le=1,
        late=True,
    )
    max_boxes: PositiveInt = setting(20000, "a network learns from at most so many boxes, drawn at random")
    threads: PositiveInt = setting(1, "threads of torch on the CPU; the last bits of results depend on their number")


class ObjectSettings(ObjectNetSettings):
    """The settings of the networks of a run that look into its boxes: of each, and how many there are."""

    folds: int = setting(
        2, "the images are split into so many parts; a part is judged by a network that learned from the others", ge=2
    )
    rounds: PositiveInt = setting(1, "trainings in turn; from the second on, targets use the maps of the one before")
