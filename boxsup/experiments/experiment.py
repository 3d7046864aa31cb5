"""What an experiment of the configuration needs: its data, its generations of pseudo-masks, its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from boxsup.config.experiment import fixed_kind
from boxsup.config.inference import why_no_crf_search
from boxsup.experiments.datasets import DataSets
from boxsup.experiments.splits import Split
from boxsup.experiments.tree import ExperimentFolder, Run


@dataclass(frozen=True)
class ExperimentPlan:
    """What one experiment of a configuration needs.

    Attributes:
        name: Name of the experiment.
        config: The resolved configuration; see `boxsup.config.resolve`.
    """

    name: str
    config: Mapping[str, Any]

    @classmethod
    def alone(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """What an experiment of these settings needs that follows from no other part of the configuration.

        Args:
            name: Name of the experiment.
            settings: Its effective settings.
        """
        return cls(name, {"experiments": {name: settings}})

    @property
    def settings(self) -> Mapping[str, Any]:
        """All settings of the experiment, those of `defaults` included."""
        settings: Mapping[str, Any] = self.config["experiments"][self.name]
        return settings

    def setting(self, *keys: str) -> Any:  # noqa: ANN401 - any setting
        """The value of a setting.

        Args:
            *keys: The keys that lead to it, from the outermost block to the innermost.
        """
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
        """The layout of its results."""
        return ExperimentFolder(self.name)

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs."""
        return list(self.settings["seeds"])

    @property
    def epochs(self) -> int:
        """The number of epochs, which is also the number of the last one."""
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
        """The experiment that trains its networks: itself, unless it has the setting `checkpoints_of`."""
        return str(self.settings["checkpoints_of"] or self.name)

    def run(self, seed: int | str) -> Run:
        """The run of a seed, with what is evaluated of it."""
        return Run(self.name, seed)

    def trained(self, seed: int | str) -> Run:
        """The run that holds the networks and generations of a seed; it may be a run of another experiment."""
        return Run(self.trained_by, seed)

    def initial_model(self, seed: int | str) -> Path | None:
        """The checkpoint of another experiment that a run starts from, by the same seed; None without `init_from`."""
        start = self.settings["init_from"]
        if start is None:
            return None
        return ExperimentPlan(start["experiment"], self.config).trained(seed).model(start["epoch"])

    @property
    def refined(self) -> bool:
        """Whether a dense CRF refines its predictions."""
        return bool(self.setting("inference", "crf", "iterations") > 0)

    @property
    def why_no_crf_search(self) -> str:
        """Why no search for the CRF's weights can be made, and what to do; "" if one can."""
        why = why_no_crf_search(self.setting("validation", "held_out"), self.refined)
        return why and f"config: experiments.{self.name}.{why}"

    # --- supervision --------------------------------------------------------------------------------------------------

    @property
    def chooses(self) -> bool:
        """Whether boxes choose among candidates; if not, there is one generation, which never changes."""
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
        """The parts of the split whose true masks may be used; empty if none may."""
        return self.datasets.parts(self.masked) if self.masked else []

    @property
    def boxed_parts(self) -> list[Split]:
        """The parts of the training split that boxes supervise: those that are not among `masked_parts`."""
        return [part for part in self.datasets.parts(self.train) if part not in self.masked_parts]

    @property
    def choosing_parts(self) -> list[Split]:
        """The parts of the training split in which boxes choose candidates."""
        return self.boxed_parts if self.chooses else []

    def pools(self) -> list[Path]:
        """The stores of candidates that boxes choose from."""
        return [path for part in self.choosing_parts for path in self.datasets.pools(part, self.settings["proposals"])]

    def overlaps(self) -> list[Path]:
        """The stores of the overlaps of these candidates with the boxes."""
        proposals = self.settings["proposals"]
        return [path for part in self.choosing_parts for path in self.datasets.overlaps(part, proposals)]

    @property
    def fixed_kind(self) -> str:
        """The kind of the masks that are made from boxes once; "" if boxes choose."""
        boxes = self.settings["supervision"]["boxes"]
        return "" if boxes == "boxsup" else fixed_kind(boxes, self.settings["update"]["difficult"])

    def fixed_masks(self) -> list[Path]:
        """The stores of masks that were made from boxes once; empty if boxes choose candidates."""
        return [part.masks(self.fixed_kind) for part in self.boxed_parts] if self.fixed_kind else []

    def reviewed(self) -> Path | None:
        """The file of decisions of `boxsup review` whose masks are pinned; None without, or if no box chooses."""
        name = self.settings["supervision"]["reviewed"]
        return Path(name) if name and self.chooses else None

    def true_masks(self) -> list[Path]:
        """The stores of the true masks that may be used."""
        return [part.masks("truth") for part in self.masked_parts]

    # --- object networks ----------------------------------------------------------------------------------------------

    @property
    def looks(self) -> bool:
        """Whether object networks look into the boxes that choose."""
        return self.chooses and self.settings["update"]["mu"] > 0

    def object_parts(self) -> list[tuple[int, int]]:
        """The number `i`, from 0, and the count `n` of each part of the images that one network judges."""
        n = int(self.setting("objects", "folds"))
        return [(i, n) for i in range(n)]

    def object_maps(self, seed: int | str, turn: int | None = None) -> list[Path]:
        """The stores of object maps after a round, the last one by default; empty if no network looks into boxes."""
        turn = int(self.setting("objects", "rounds")) if turn is None else turn
        run = self.trained(seed)
        return [run.object_maps(turn, i, n) for i, n in self.object_parts()] if self.looks and turn else []

    # --- generations --------------------------------------------------------------------------------------------------

    def generation(self, epoch: int) -> int:
        """The number of the generation that an epoch trains on: the number of the first epoch that does."""
        every = int(self.settings["update"]["every"])
        return (epoch - 1) // every * every + 1 if self.chooses else 1

    def generations(self) -> list[int]:
        """The numbers of all generations, rising."""
        return sorted({self.generation(epoch) for epoch in range(1, self.epochs + 1)})

    def asks(self, generation: int) -> bool:
        """Whether boxes ask the network of the epoch before; in the first generations they do not.

        The number of a generation is that of an epoch, and `update.warmup` counts generations: with `every: 4`, those
        of the epochs 1, 5 and 9 are the first three.
        """
        update = self.settings["update"]
        earlier = (generation - 1) // int(update["every"])
        return self.chooses and earlier >= update["warmup"]

    def asked_model(self, seed: int | str, generation: int) -> Path | None:
        """The checkpoint of the network that a generation asks; None if it asks none."""
        return self.trained(seed).model(generation - 1) if self.asks(generation) else None

    def asked_scales(self, generation: int) -> list[float]:
        """The scales of the image at which a generation asks the network; empty if it asks none."""
        return list(self.settings["update"]["scales"]) if self.asks(generation) else []

    def generation_before(self, seed: int | str, generation: int) -> Path | None:
        """The store of the generation before, to tell what changed; None for the first generation."""
        return self.trained(seed).labels(self.generation(generation - 1)) if generation > 1 else None

    def first_quality(self, seed: int | str, generation: int) -> Path | None:
        """The quality table of the first generation, to compare with; None for the first generation itself."""
        return self.run(seed).quality(1) if generation > 1 else None


def is_point(config: Mapping[str, Any], experiment: str) -> bool:
    """Whether an experiment is a point of a search."""
    return experiment in {point["experiment"] for search in config["searches"].values() for point in search["points"]}
