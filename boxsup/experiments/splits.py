"""The layout of `results/data/`: what is made from data sets, once for all experiments. Names may be wildcards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxsup.experiments.tree import REPORT, RESULTS

TABLES = ("images.csv", "boxes.csv", "classes.csv")  # a catalogue; the first one names files that stages read too
INVENTORY = "inventory.json"  # beside the tables
DATA, PROPOSALS = "data", "proposals"


@dataclass(frozen=True)
class CandidateFiles:
    """The files of the candidates that one method proposes in a split.

    Attributes:
        folder: `results/data/DATASET/SPLIT/proposals/NAME`.
    """

    folder: Path

    def pools(self, i: int | str, n: int | str) -> Path:
        """The store of the candidates of shard `i` of `n`."""
        return self.folder / f"{i}-of-{n}.zarr"

    def timings(self, i: int | str, n: int | str) -> Path:
        """The table of the time that each image of a shard took."""
        return self.folder / f"{i}-of-{n}.csv"

    @property
    def objects(self) -> Path:
        """The table of the best candidate of each object."""
        return self.folder / "evaluation" / "objects.csv"

    @property
    def summary(self) -> Path:
        """The table of recall and best overlap by number of candidates."""
        return self.folder / "evaluation" / "summary.csv"


@dataclass(frozen=True)
class Split:
    """A split of a data set, and the files that are made from it once for all experiments.

    Attributes:
        dataset: Name of the data set.
        split: Name of the split.
        results: The folder of all results.
    """

    dataset: str
    split: str
    results: Path = RESULTS

    @property
    def folder(self) -> Path:
        """The folder of its tables, `results/data/DATASET/SPLIT`."""
        return self.results / DATA / self.dataset / self.split

    @property
    def inventory(self) -> Path:
        """The list of the files that the split is read from, with their hashes."""
        return self.folder / INVENTORY

    def tables(self) -> list[Path]:
        """The tables of images, boxes and classes: its catalogue."""
        return [self.folder / name for name in TABLES]

    def candidates(self, proposals: str) -> CandidateFiles:
        """The files of the proposals of a name."""
        return CandidateFiles(self.folder / PROPOSALS / proposals)

    def proposals(self, name: str, i: int | str, n: int | str) -> Path:
        """The store of the candidates of shard `i` of `n`; `candidates` has the other files."""
        return self.candidates(name).pools(i, n)

    @property
    def proposals_report(self) -> Path:
        """The page that compares its proposals."""
        return self.folder / PROPOSALS / REPORT

    def overlaps(self, proposals: str, i: int | str, n: int | str) -> Path:
        """The store of the IoU of each box with each candidate of a shard."""
        return self.folder / "overlaps" / proposals / f"{i}-of-{n}.zarr"

    def masks(self, kind: str) -> Path:
        """The store of masks that never change; `kind` is `truth` or one of `boxsup.config.experiment.FIXED_KINDS`."""
        return self.folder / "masks" / f"{kind}.zarr"


@dataclass(frozen=True)
class DataSetFolder:
    """The files of a data set that belong to no split.

    Attributes:
        name: Name of the data set.
        results: The folder of all results.
    """

    name: str
    results: Path = RESULTS

    @property
    def tree(self) -> Path:
        """The folder of generated images and annotations."""
        return self.results / DATA / self.name / "tree"

    @property
    def source(self) -> Path:
        """The file that exists once the data set was fetched."""
        return self.results / DATA / self.name / "source.json"
