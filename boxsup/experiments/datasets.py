"""What the workflow asks of the configuration's data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.experiments.splits import DataSetFolder, Split

UNION = "union"


@dataclass(frozen=True)
class DataSets:
    """The data sets by name.

    Attributes:
        settings: `datasets` of what `boxsup.config.resolve` gives.
    """

    settings: Mapping[str, Mapping[str, Any]]

    def of(self, *formats: str) -> list[str]:
        """Those of some formats."""
        return [name for name, dataset in self.settings.items() if dataset["format"] in formats]

    def read(self) -> list[str]:
        """Those that have files of their own: all but unions."""
        return [name for name, dataset in self.settings.items() if dataset["format"] != UNION]

    def proposed(self) -> list[str]:
        """Those whose images proposals are made for: all but unions, and data sets of another's images."""
        return [name for name in self.read() if self.owner(name) == name]

    def owner(self, dataset: str) -> str:
        """The data set whose images, and so candidates, this one has: mostly its own."""
        return str(self.settings[dataset].get("proposals_of", dataset))

    def reader(self, dataset: str) -> str:
        """What its reader is called; generated data are in VOC layout."""
        form = str(self.settings[dataset]["format"])
        return "voc" if form == "shapes" else form

    def root(self, dataset: str) -> str:
        """The folder of its files."""
        return str(self.settings[dataset].get("root", DataSetFolder(dataset).tree))

    def source(self, dataset: str) -> Path | None:
        """What says that its files are in place; None where nothing is fetched or generated."""
        folder = DataSetFolder(dataset)
        sources = {"shapes": folder.tree, "voc": folder.source, "context": folder.source}
        return sources.get(self.settings[dataset]["format"])

    def parts(self, split: Split) -> list[Split]:
        """What a split consists of: itself, or the splits that a union joins."""
        dataset = self.settings[split.dataset]
        if dataset["format"] != UNION:
            return [split]
        return [Split(*part.split("/")) for part in dataset["splits"][split.split]]

    def shards(self, dataset: str) -> list[tuple[int, int]]:
        """`i` and `n` of each shard."""
        n = self.settings[dataset]["shards"]
        return [(i, n) for i in range(n)]

    def proposed_split(self, split: Split) -> Split:
        """The split, of the data set itself or of another, that the candidates of a split are made for."""
        return Split(self.owner(split.dataset), split.split)

    def pools(self, split: Split, proposals: str) -> list[Path]:
        """The candidates of all shards of a split that is no union."""
        owner = self.proposed_split(split)
        return [owner.proposals(proposals, i, n) for i, n in self.shards(split.dataset)]

    def timings(self, split: Split, proposals: str) -> list[Path]:
        """What the candidates took, of all shards."""
        candidates = self.proposed_split(split).candidates(proposals)
        return [candidates.timings(i, n) for i, n in self.shards(split.dataset)]

    def overlaps(self, split: Split, proposals: str) -> list[Path]:
        """The overlaps of all shards of a split that is no union."""
        return [split.overlaps(proposals, i, n) for i, n in self.shards(split.dataset)]
