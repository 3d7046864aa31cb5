"""What a page needs that shows experiments beside the paper's tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.config.published import name_in_family, published_experiments
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.page import last_changes, page_inputs

SCALES = ("full", "small")


@dataclass(frozen=True)
class PaperPage:
    """What one page of a configuration needs.

    Attributes:
        name: Name of the page.
        config: The resolved configuration; see `boxsup.config.resolve`.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def runs_experiments(self) -> bool:
        """Whether the page makes its experiments run; if not, it shows those that were run."""
        return bool(self.config["pages"][self.name]["run"])

    def at_scale(self, scale: str) -> dict[str, str]:
        """Name of each published experiment that is configured at a scale, "full" or "small" -> name of ours."""
        family = self.config["pages"][self.name][scale]
        named = {name: name_in_family(name, family) for name in published_experiments()} if family else {}
        return {name: ours for name, ours in named.items() if ours in self.config["experiments"]}

    @property
    def experiments(self) -> list[ExperimentPlan]:
        """The experiments at all scales, each once."""
        names = dict.fromkeys(name for scale in SCALES for name in self.at_scale(scale).values())
        return [ExperimentPlan(name, self.config) for name in names]

    def inputs(self) -> list[Path]:
        """The results that are made for the page; empty if it shows what was run."""
        experiments = self.experiments if self.runs_experiments else []
        return [path for experiment in experiments for path in page_inputs(experiment)]

    def evaluations(self) -> list[tuple[str, int]]:
        """The evaluations that exist, with the time of their last change in ns; empty if the page runs experiments."""
        if self.runs_experiments:
            return []
        runs = [(experiment, seed) for experiment in self.experiments for seed in experiment.seeds]
        return last_changes(experiment.run(seed).evaluation(experiment.epochs) for experiment, seed in runs)

    def settings(self) -> dict[str, Any]:
        """The settings of `boxsup paper`: experiments at each scale, what they refer to, and values for comparison."""
        experiments = {scale: self._settings_at(scale) for scale in SCALES}
        shown = [entry for entries in experiments.values() for entry in entries.values()]
        boxes = [entries["voc_box"] for entries in experiments.values() if "voc_box" in entries]
        small = {entry["settings"]["dataset"] for entry in experiments["small"].values()}
        demo = any(self.config["datasets"][dataset]["format"] == "shapes" for dataset in small)
        known = {key: self.config[key] for key in ("datasets", "proposals")}
        starts = {name: self.config["experiments"][name] for name in self._starts()}
        return {
            **experiments,
            **known,
            "starts": starts,
            "settings": (boxes or shown)[0]["settings"],
            "demo": demo,
        }

    def _starts(self) -> Iterator[str]:
        """The experiments from which others of the page start; see `init_from`."""
        for experiment in self.experiments:
            start = experiment.settings["init_from"]
            while start is not None:
                yield start["experiment"]
                start = self.config["experiments"][start["experiment"]]["init_from"]

    def _settings_at(self, scale: str) -> dict[str, Any]:
        experiments = self.config["experiments"]
        return {name: {"name": ours, "settings": experiments[ours]} for name, ours in self.at_scale(scale).items()}
