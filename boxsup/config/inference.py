"""The settings of inference: scores, the dense CRF, and the search for its weights."""

from __future__ import annotations

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from boxsup.config.fields import DistinctValues, Scale, Settings, setting


class CrfSettings(Settings):
    """The dense CRF of Krähenbühl & Koltun, with the values of DeepLab's released model."""

    iterations: NonNegativeInt = setting(10, "iterations of mean field; 0: no CRF, and its library is not needed")
    spatial_xy: PositiveFloat = setting(3.0, "px, standard deviation of the smoothness kernel")
    spatial_weight: NonNegativeFloat = setting(3.0, "weight of the smoothness kernel")
    bilateral_xy: PositiveFloat = setting(121.0, "px, standard deviation of the appearance kernel")
    bilateral_rgb: PositiveFloat = setting(5.0, "grey levels, standard deviation of the appearance kernel")
    bilateral_weight: NonNegativeFloat = setting(4.0, "weight of the appearance kernel")
    least_probability: float = setting(
        0.3, "labels that reach it at no pixel are left out; 0: none is, as in DeepLab", ge=0, le=1
    )

    @property
    def refines(self) -> bool:
        """Whether there is a CRF: without an iteration there is none."""
        return self.iterations > 0


def why_no_crf_search(held_out: int, refined: bool) -> str:
    """Why no search for the CRF's weights can be made, and what to do; "" if one can.

    Args:
        held_out: Number of images to search on, `validation.held_out`.
        refined: Whether there is a CRF.
    """
    if not held_out:
        return "validation.held_out: no image is held out to search on; set it, for instance to 100"
    if not refined:
        return "inference.crf.iterations: 0 is no CRF, so there is nothing to search; set it to 10, say"
    return ""


class CrfSearchSettings(Settings):
    """The search for the CRF's weights on held-out images: `results/EXPERIMENT/seed-0/crf_search/EPOCH.csv`."""

    rounds: PositiveInt = setting(
        3,
        "rounds: the first tries all 96 combinations of the values below, later ones at most 26 around the best",
    )
    bilateral_weight: DistinctValues[PositiveFloat] = setting((5.0, 10.0), "values to try, DeepLab's", min_length=2)
    bilateral_xy: DistinctValues[PositiveFloat] = setting(
        (50.0, 60.0, 70.0, 80.0, 90.0, 100.0), "values to try, DeepLab's", min_length=2
    )
    bilateral_rgb: DistinctValues[PositiveFloat] = setting(
        (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0), "values to try, DeepLab's", min_length=2
    )


class Inference(Settings):
    """How a split is predicted and evaluated, and how the CRF's weights are searched."""

    workers: PositiveInt = setting(4, "number of processes of the dense CRF; results do not depend on it")
    scales: DistinctValues[Scale] = setting(
        (1.0,), "scales of the image, whose probabilities are averaged", paper="1; BoxSup+: 0.8, 1, 1.2", min_length=1
    )
    background_bias: float = setting(
        0.0,
        "nats to add to the background's score; -0.5 suits networks of few images, and the CRF: see docs/paper.md",
        paper="none: the likeliest label",
    )
    crf: CrfSettings = setting(
        meaning="the dense CRF of Krähenbühl & Koltun, with the values of DeepLab's released model",
        paper="as DeepLab's, searched on 100 held-out images",
    )
    crf_search: CrfSearchSettings = setting(
        meaning="the search for the CRF's weights on held-out images: `results/EXPERIMENT/seed-0/crf_search/EPOCH.csv`"
    )
