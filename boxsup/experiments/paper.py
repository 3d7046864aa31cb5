"""What a page needs that sets experiments beside the paper's tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.config.published import own_name, published_experiments
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.experiments.page import page_inputs

SCALES = ("full", "small")


@dataclass(frozen=True)
class PaperPage:
    """A page by name.

    Attributes:
        name: Its name.
        config: What `boxsup.config.resolve` gives.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def runs_experiments(self) -> bool:
        """Whether the page makes its experiments run; otherwise it takes what there is."""
        return bool(self.config["pages"][self.name]["run"])

    def at_scale(self, scale: str) -> dict[str, str]:
        """Published name -> ours, of the experiments at "full" or "small" scale that are configured."""
        family = self.config["pages"][self.name][scale]
        named = {name: own_name(name, family) for name in published_experiments()} if family else {}
        return {name: own for name, own in named.items() if own in self.config["experiments"]}

    @property
    def experiments(self) -> list[ExperimentPlan]:
        """Those at any scale, each once."""
        names = dict.fromkeys(own for scale in SCALES for own in self.at_scale(scale).values())
        return [ExperimentPlan(name, self.config) for name in names]

    def inputs(self) -> list[Path]:
        """What is made for the page."""
        return [path for own in self.experiments for path in page_inputs(own)] if self.runs_experiments else []

    def evaluations(self) -> list[tuple[str, int]]:
        """The evaluations that are there and when they were written [ns], where the page takes what there is."""
        if self.runs_experiments:
            return []
        paths = [own.run(seed).evaluation(own.epochs) for own in self.experiments for seed in own.seeds]
        return [(str(path), path.stat().st_mtime_ns) for path in paths if path.exists()]

    def settings(self) -> dict[str, Any]:
        """What `boxsup paper` is told: experiments at each scale, and whose values stand beside the paper's."""
        experiments = {scale: self._settings_at(scale) for scale in SCALES}
        shown = [entry for entries in experiments.values() for entry in entries.values()]
        boxes = [entries["voc_box"] for entries in experiments.values() if "voc_box" in entries]
        small = {entry["settings"]["dataset"] for entry in experiments["small"].values()}
        demo = any(self.config["datasets"][dataset]["format"] == "shapes" for dataset in small)
        return {**experiments, "settings": (boxes or shown)[0]["settings"], "demo": demo}

    def _settings_at(self, scale: str) -> dict[str, Any]:
        experiments = self.config["experiments"]
        return {name: {"name": own, "settings": experiments[own]} for name, own in self.at_scale(scale).items()}
