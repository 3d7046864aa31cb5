"""The settings of the update: how each box picks its candidate."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt, ValidationInfo, field_validator

from boxsup.config.fields import DistinctValues, Scale, Settings, setting

Difficult = Literal["use", "void", "ignore"]  # what boxes are that are marked difficult


class Asking(Settings):
    """The settings that say when boxes pick, and how they ask the network."""

    every: PositiveInt = setting(1, "epochs between updates", paper="1")
    warmup: NonNegativeInt = setting(
        2,
        "number of first generations that do not ask the semantic network, since a fresh one knows nothing yet",
        paper="0",
    )
    scales: DistinctValues[Scale] = setting(
        (1.0,), "scales of the image when the network is asked, whose probabilities are averaged", min_length=1
    )


class ExpectationSettings(Settings):
    """The settings that decide what a box expects of its candidates without the semantic network.

    Object networks learn from this expectation; see `boxsup.labels.object_targets`.
    """

    temperature: NonNegativeFloat = setting(
        0.08,
        "above 0: the best has the greatest expected IoU, with weights exp(-cost / temperature); 0: the least cost",
        paper="0 (by cost)",
    )
    overlap: Literal["coverage", "tight_box"] = setting(
        "coverage",
        "E_o: coverage of the box by the segment's tight box, with leak and rank | tight_box, 1 - IoU of the boxes",
        paper="tight_box (Eq. 2)",
    )
    leak: NonNegativeFloat = setting(1.5, "coverage: cost of a segment that lies wholly outside its box")
    rank: NonNegativeFloat = setting(0.01, "coverage: factor of log n in the cost of the n-th candidate of the pool")
    overlap_norm: Literal["none", "candidates"] = setting(
        "none", "tight_box: none | candidates, E_o divided by their number N", paper="candidates (Eq. 2)"
    )
    mu: NonNegativeFloat = setting(
        0.75,
        "weight of E_b, the distance from the map of a network that looks into each box; 0: no such network",
        paper="no such term",
    )
    fallback_iou: float = setting(
        0.4,
        "a box takes what its object map sees, without one its rectangle, if no candidate's tight box reaches this "
        "IoU; 0: never",
        paper="not given",
        ge=0,
        le=1,
    )
    difficult: Difficult = setting(
        "use", "boxes marked difficult, also for `supervision.boxes`: use | void, their rectangles are void | ignore"
    )


class Correction(Settings):
    """The linear self-correction of Ibrahim, Vahdat, Ranjbar, Macready (CVPR 2020): α falls over the generations."""

    start: NonNegativeFloat = setting(
        30.0, "α in the first generation: what the object map says is nearly all", late=True
    )
    end: NonNegativeFloat = setting(0.5, "α in the last generation: the semantic network has two thirds", late=True)
    generations: PositiveInt = setting(meaning="number of generations over which α falls: that of the epochs")

    def weight(self, generation: int) -> float:
        """Return α of a generation, numbered from 1; after the last one it stays.

        >>> [Correction(start=30, end=0.5, generations=3).weight(generation) for generation in (1, 2, 3, 4)]
        [30.0, 15.25, 0.5, 0.5]
        """
        done = min(1.0, (generation - 1) / max(1, self.generations - 1))
        return self.start + (self.end - self.start) * done


class UpdateSettings(ExpectationSettings):
    """The settings that decide which candidate a box picks; see `boxsup.labels.costs`."""

    k: PositiveInt = setting(1, "a box draws uniformly from its k best candidates; 1: it takes the best", paper="5")
    lambda_: NonNegativeFloat = setting(0.5, "weight of E_r; the paper gives no scaling", paper="3", alias="lambda")
    regression: Literal["agreement", "cross_entropy"] = setting(
        "agreement",
        "E_r: agreement with where the network sees the class | cross_entropy",
        paper="cross_entropy (Eq. 3)",
    )
    region: Literal["box", "image"] = setting(
        "box", "cross_entropy: the pixels in the sum: box | image", paper="image (Eq. 3)"
    )
    norm: Literal["none", "image", "box"] = setting(
        "box",
        "cross_entropy: whose number of pixels divides the sum: none | image | box",
        paper="none (Eq. 3)",
    )
    centre: bool = setting(
        True,
        "cross_entropy: subtract the mean, to rank by where the network sees the object, not by how sure it is",
    )
    clamp: NonNegativeFloat = setting(5.0, "cross_entropy: greatest absolute value of a pixel, nats; 0: no limit")
    clip: bool = setting(True, "whether the chosen segment ends at its box; a sharpened one does", paper="not given")
    overlapping: Literal["surest", "smallest"] = setting(
        "surest",
        "which box gets a pixel that the segments of several boxes hold: surest, which expects it most | smallest",
        paper="not given",
    )
    sharpen: bool = setting(
        True,
        "with object maps: they, all candidates and the semantic network say which pixels of a box are the object, "
        "the chosen candidate how many; false: it says which, too",
        paper="false: the chosen candidate itself",
    )
    correction: Correction | None = setting(
        None,
        "join both networks' masks in place of adding their costs; null for not (`regression: agreement`)",
        late=True,
    )

    @field_validator("correction")
    @classmethod
    def _of_masks(cls, value: Correction | None, info: ValidationInfo) -> Correction | None:
        if value and info.data.get("regression") == "cross_entropy":
            raise ValueError("null with `regression: cross_entropy`, which makes no mask of what the network sees")
        if value and info.data.get("mu") == 0:
            raise ValueError("null with `mu: 0`, without a network that looks into boxes")
        return value


class Update(UpdateSettings, Asking):
    """All settings of the update."""
