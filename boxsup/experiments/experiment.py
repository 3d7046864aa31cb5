"""What an experiment of the configuration needs: its data, its generations of pseudo-masks, its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.experiments.datasets import DataSets
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import ExperimentFolder, Run


@dataclass(frozen=True)
class ExperimentPlan:
    """An experiment by name.

    Attributes:
        name: Its name.
        config: What `boxsup.config.resolve` gives.
    """

    name: str
    config: Mapping[str, Any]

    @property
    def settings(self) -> Mapping[str, Any]:
        """All its settings, as in `config.yaml` below `experiments` and `defaults`."""
        settings: Mapping[str, Any] = self.config["experiments"][self.name]
        return settings

    def setting(self, *keys: str) -> Any:  # noqa: ANN401 - any setting
        """What stands under some keys of the settings, one below the other."""
        value: Any = self.settings
        for key in keys:
            value = value[key]
        return value

    @property
    def datasets(self) -> DataSets:
        """All data sets of the configuration."""
        return DataSets(self.config["datasets"])

    @property
    def folder(self) -> ExperimentFolder:
        """Where its results lie."""
        return ExperimentFolder(self.name)

    @property
    def seeds(self) -> list[int]:
        """Of its runs."""
        return list(self.settings["seeds"])

    @property
    def epochs(self) -> int:
        """The number of epochs, and the last one."""
        return int(self.settings["epochs"])

    @property
    def train(self) -> Split:
        """The split that it trains on."""
        return Split(self.settings["dataset"], self.settings["train"])

    @property
    def val(self) -> Split:
        """The split that it is evaluated on."""
        return Split(self.settings["dataset"], self.settings["val"])

    # --- runs ---------------------------------------------------------------------------------------------------------

    @property
    def trained_by(self) -> str:
        """The experiment whose networks and generations it has: its own, or those that it takes."""
        return str(self.settings["checkpoints_of"] or self.name)

    def run(self, seed: int | str) -> Run:
        """Where what is evaluated of a run lies."""
        return Run(self.name, seed)

    def trained(self, seed: int | str) -> Run:
        """Where the networks and generations of a run lie."""
        return Run(self.trained_by, seed)

    def initial_model(self, seed: int | str) -> Path | None:
        """The checkpoint of another experiment, of the same seed, that a run starts from."""
        start = self.settings["init_from"]
        if start is None:
            return None
        return ExperimentPlan(start["experiment"], self.config).trained(seed).model(start["epoch"])

    # --- supervision --------------------------------------------------------------------------------------------------

    @property
    def chooses(self) -> bool:
        """Whether boxes choose among candidates; otherwise the one generation never changes."""
        supervision = self.settings["supervision"]
        return bool(supervision["boxes"] == "boxsup" and supervision["masks"] != "all")

    @property
    def masked(self) -> Split | None:
        """The split whose true masks may be used."""
        masks = self.settings["supervision"]["masks"]
        if masks == "none":
            return None
        return self.train if masks == "all" else Split(self.settings["dataset"], masks)

    @property
    def masked_parts(self) -> list[Split]:
        """What that split consists of."""
        return self.datasets.parts(self.masked) if self.masked else []

    @property
    def boxed_parts(self) -> list[Split]:
        """What the training split consists of, less what has its true masks in whole."""
        return [part for part in self.datasets.parts(self.train) if part not in self.masked_parts]

    @property
    def choosing_parts(self) -> list[Split]:
        """The parts of the training split in which boxes choose."""
        return self.boxed_parts if self.chooses else []

    def pools(self) -> list[Path]:
        """The candidates that generations choose from."""
        return [path for part in self.choosing_parts for path in self.datasets.pools(part, self.settings["proposals"])]

    def overlaps(self) -> list[Path]:
        """Their overlaps with the boxes."""
        proposals = self.settings["proposals"]
        return [path for part in self.choosing_parts for path in self.datasets.overlaps(part, proposals)]

    def fixed_masks(self) -> list[Path]:
        """The masks made of boxes once, where no box chooses."""
        kind = self.settings["supervision"]["boxes"]
        return [part.masks(kind) for part in self.boxed_parts] if kind != "boxsup" else []

    def true_masks(self) -> list[Path]:
        """The true masks that may be used."""
        return [part.masks("truth") for part in self.masked_parts]

    # --- generations --------------------------------------------------------------------------------------------------

    def generation(self, epoch: int) -> int:
        """The generation that an epoch trains on, named after the first epoch that does."""
        every = int(self.settings["update"]["every"])
        return (epoch - 1) // every * every + 1 if self.chooses else 1

    def generations(self) -> list[int]:
        """All generations, in order."""
        return sorted({self.generation(epoch) for epoch in range(1, self.epochs + 1)})

    def asks(self, generation: int) -> bool:
        """Whether a generation asks the network after the epoch before; the first ones go by overlap alone."""
        return self.chooses and generation > self.settings["update"]["warmup"]

    def asked_model(self, seed: int | str, generation: int) -> Path | None:
        """The checkpoint that a generation asks."""
        return self.trained(seed).model(generation - 1) if self.asks(generation) else None

    def asked_scales(self, generation: int) -> list[float]:
        """At which scales of the image it asks; none where it asks nothing."""
        return list(self.settings["update"]["scales"]) if self.asks(generation) else []

    def generation_before(self, seed: int | str, generation: int) -> Path | None:
        """The generation before another, to say what changed; None before the first."""
        return self.trained(seed).labels(self.generation(generation - 1)) if generation > 1 else None

    def first_quality(self, seed: int | str, generation: int) -> Path | None:
        """What was measured of the first generation, which later ones are held against."""
        return self.run(seed).quality(1) if generation > 1 else None


def is_point(config: Mapping[str, Any], experiment: str) -> bool:
    """Whether an experiment is one of a search's combinations of settings."""
    return experiment in {point["experiment"] for search in config["searches"].values() for point in search["points"]}
