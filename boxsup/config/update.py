"""The update of the labels: how each box picks its candidate."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from boxsup.config.fields import DistinctValues, Settings, setting


class Asking(Settings):
    """When boxes pick, and how they ask the network."""

    every: PositiveInt = setting(1, "epochs between updates", paper="1")
    warmup: NonNegativeInt = setting(
        2, "so many first generations by overlap alone: a fresh network has no opinion worth asking", paper="0"
    )
    scales: DistinctValues[PositiveFloat] = setting(
        (1.0,), "of the image when the network is asked; their probabilities are averaged", min_length=1
    )


class UpdateSettings(Settings):
    """How a box picks its candidate; see `boxsup.labels.costs`."""

    k: PositiveInt = setting(1, "a box draws uniformly from its k best candidates; 1: the best one", paper="5")
    temperature: NonNegativeFloat = setting(
        0.05,
        "above 0: the best is by expected IoU, candidates weighing exp(-cost / temperature); 0: by cost",
        paper="0 (by cost)",
    )
    overlap: Literal["coverage", "tight_box"] = setting(
        "coverage",
        "E_o: coverage, of the box by the segment, and leak | tight_box, 1 - IoU of the boxes",
        paper="tight_box (Eq. 2)",
    )
    leak: NonNegativeFloat = setting(1.5, "coverage: what a segment costs that lies outside its box")
    rank: NonNegativeFloat = setting(0.01, "coverage: times log n, what the n-th candidate of the pool costs")
    lambda_: NonNegativeFloat = setting(0.5, "weight of E_r; the paper gives no scaling", paper="3", alias="lambda")
    regression: Literal["agreement", "cross_entropy"] = setting(
        "agreement",
        "E_r: agreement with where the network sees the label | cross_entropy",
        paper="cross_entropy (Eq. 3)",
    )
    overlap_norm: Literal["none", "candidates"] = setting(
        "none", "tight_box: none | candidates, E_o divided by their number N", paper="candidates (Eq. 2)"
    )
    region: Literal["box", "image"] = setting(
        "box", "cross_entropy: the pixels that it sums over: box | image", paper="image (Eq. 3)"
    )
    norm: Literal["none", "image", "box"] = setting(
        "box",
        "cross_entropy: what the sum is divided by: none | image | box, their number of pixels",
        paper="none (Eq. 3)",
    )
    centre: bool = setting(
        True,
        "cross_entropy: subtract the mean, so as to rank by where the network sees the object and not by how much",
    )
    clamp: NonNegativeFloat = setting(
        5.0, "cross_entropy: greatest absolute value that a pixel counts, nats; 0: no limit"
    )
    clip: bool = setting(True, "whether the chosen segment ends at its box", paper="not given")
    fallback_iou: float = setting(
        0.4,
        "a box takes its rectangle where no candidate's tight box reaches this IoU; 0: never",
        paper="not given",
        ge=0,
        le=1,
    )
    difficult: Literal["use", "void", "ignore"] = setting(
        "use", "boxes marked difficult: use | void, their rectangle is void | ignore"
    )


class Update(UpdateSettings, Asking):
    """All that a configuration says of the update."""
