"""The data sets of a configuration: their files, their splits and the shards of their candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boxsup.config.proposals import MEGAPIXELS
from boxsup.experiments.splits import DataSetFolder, Split

UNION = "union"


@dataclass(frozen=True)
class DataSets:
    """The data sets of a configuration.

    Attributes:
        settings: Name -> settings: the block `datasets` of a resolved configuration; see `boxsup.config.resolve`.
    """

    settings: Mapping[str, Mapping[str, Any]]

    def of_format(self, *formats: str) -> list[str]:
        """The names of the data sets that have one of these formats."""
        return [name for name, dataset in self.settings.items() if dataset["format"] in formats]

    def with_files(self) -> list[str]:
        """The names of the data sets that have files of their own: all but unions."""
        return [name for name, dataset in self.settings.items() if dataset["format"] != UNION]

    def with_proposals(self) -> list[str]:
        """The names of the data sets with proposals of their own: all but unions and those with `proposals_of`."""
        return [name for name in self.with_files() if self.owner(name) == name]

    def owner(self, dataset: str) -> str:
        """The data set whose proposals a data set uses: itself, unless it has the setting `proposals_of`."""
        return str(self.settings[dataset].get("proposals_of", dataset))

    def reader(self, dataset: str) -> str:
        """The name of the reader of a data set; generated data are in VOC layout."""
        form = str(self.settings[dataset]["format"])
        return "voc" if form == "shapes" else form

    def root(self, dataset: str) -> str:
        """The folder of a data set's files."""
        return str(self.settings[dataset].get("root", DataSetFolder(dataset).tree))

    def megapixels(self, dataset: str) -> float:
        """The megapixels above which the images of a data set are reduced; of a union, the most of its parts."""
        settings = self.settings[dataset]
        if settings["format"] != UNION:
            return float(settings.get("megapixels", MEGAPIXELS))
        parts = {part.split("/")[0] for split in settings["splits"].values() for part in split}
        return max(self.megapixels(part) for part in parts)

    def source(self, dataset: str) -> Path | None:
        """The path that exists once a data set's files are there; None if no stage fetches or generates them."""
        folder = DataSetFolder(dataset)
        sources = {"shapes": folder.tree, "voc": folder.source, "context": folder.source}
        return sources.get(self.settings[dataset]["format"])

    def parts(self, split: Split) -> list[Split]:
        """The splits that a union joins; any other split is its only part."""
        dataset = self.settings[split.dataset]
        if dataset["format"] != UNION:
            return [split]
        return [Split(*part.split("/")) for part in dataset["splits"][split.split]]

    def shards(self, dataset: str) -> list[tuple[int, int]]:
        """The number `i`, from 0, and the count `n` of each shard."""
        n = self.settings[dataset]["shards"]
        return [(i, n) for i in range(n)]

    def proposed_split(self, split: Split) -> Split:
        """The split whose candidates a split uses: itself, or that of the data set in `proposals_of`."""
        return Split(self.owner(split.dataset), split.split)

    def pools(self, split: Split, proposals: str) -> list[Path]:
        """The stores of candidates of a split that is no union, one per shard."""
        owner = self.proposed_split(split)
        return [owner.proposals(proposals, i, n) for i, n in self.shards(split.dataset)]

    def timings(self, split: Split, proposals: str) -> list[Path]:
        """The tables of how long making the candidates of a split took, one per shard."""
        candidates = self.proposed_split(split).candidates(proposals)
        return [candidates.timings(i, n) for i, n in self.shards(split.dataset)]

    def overlaps(self, split: Split, proposals: str) -> list[Path]:
        """The stores of overlaps of a split that is no union, one per shard."""
        return [split.overlaps(proposals, i, n) for i, n in self.shards(split.dataset)]
