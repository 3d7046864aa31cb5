"""What a search over an experiment's settings needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.experiments.experiment import ExperimentPlan


@dataclass(frozen=True)
class SearchPlan:
    """What one search of a configuration needs.

    Attributes:
        name: Name of the search.
        config: The resolved configuration; see `boxsup.config.resolve`.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings `experiment` and `points`; see `boxsup.config.searches`."""
        settings: Mapping[str, Any] = self.config["searches"][self.name]
        return settings

    @property
    def experiments(self) -> list[ExperimentPlan]:
        """The experiment of each point."""
        return [ExperimentPlan(point["experiment"], self.config) for point in self.settings["points"]]

    @property
    def first(self) -> ExperimentPlan:
        """The experiment of the first point; all points have the same data and held-out images."""
        return self.experiments[0]

    def points(self) -> list[dict[str, Any]]:
        """The points, each with the `predictions` of its seeds after the last epoch, as `boxsup search` reads them."""
        return [
            {**point, "predictions": list(map(str, final_predictions(experiment)))}
            for point, experiment in zip(self.settings["points"], self.experiments, strict=True)
        ]

    def predictions(self) -> list[Path]:
        """The predictions of all points."""
        return [path for experiment in self.experiments for path in final_predictions(experiment)]


def final_predictions(experiment: ExperimentPlan) -> list[Path]:
    """The store of predictions of each seed after the last epoch."""
    return [experiment.run(seed).predictions(experiment.epochs) for seed in experiment.seeds]
