"""The layout of what is made of data sets below `results/data/`, once for all experiments; names may be wildcards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxsup.experiments.tree import REPORT, RESULTS

TABLES = ("images.csv", "boxes.csv", "classes.csv")  # of a catalogue: the first names files that are read, too
INVENTORY = "inventory.json"  # beside them


@dataclass(frozen=True)
class Candidates:
    """The candidates that one method proposes in a split.

    Attributes:
        folder: `results/data/DATASET/SPLIT/proposals/NAME`.
    """

    folder: Path

    def pools(self, i: int | str, n: int | str) -> Path:
        """The candidates of shard `i` of `n`."""
        return self.folder / f"{i}-of-{n}.zarr"

    def timings(self, i: int | str, n: int | str) -> Path:
        """What each image of a shard took."""
        return self.folder / f"{i}-of-{n}.csv"

    @property
    def objects(self) -> Path:
        """The best candidate of each object."""
        return self.folder / "evaluation" / "objects.csv"

    @property
    def summary(self) -> Path:
        """Recall and best overlap by number of candidates."""
        return self.folder / "evaluation" / "summary.csv"


@dataclass(frozen=True)
class Split:
    """A split of a data set, with what is made of it once for all experiments.

    Attributes:
        dataset: The data set's name.
        split: The split's name.
        results: The folder of all results.
    """

    dataset: str
    split: str
    results: Path = RESULTS

    @property
    def folder(self) -> Path:
        """`results/data/DATASET/SPLIT`, the folder of its tables."""
        return self.results / "data" / self.dataset / self.split

    @property
    def inventory(self) -> Path:
        """Which files it is made of."""
        return self.folder / INVENTORY

    def tables(self) -> list[Path]:
        """Its catalogue: tables of images, boxes and classes."""
        return [self.folder / name for name in TABLES]

    def candidates(self, proposals: str) -> Candidates:
        """What the proposals of a name leave."""
        return Candidates(self.folder / "proposals" / proposals)

    def proposals(self, name: str, i: int | str, n: int | str) -> Path:
        """The candidates of shard `i` of `n`; see `candidates` for the other files."""
        return self.candidates(name).pools(i, n)

    @property
    def proposals_report(self) -> Path:
        """The page that sets its proposals side by side."""
        return self.folder / "proposals" / REPORT

    def overlaps(self, proposals: str, i: int | str, n: int | str) -> Path:
        """IoU of the boxes and the candidates of a shard."""
        return self.folder / "overlaps" / proposals / f"{i}-of-{n}.zarr"

    def masks(self, kind: str) -> Path:
        """Masks that never change: `truth`, `rectangles`, `grabcut`, `bbox_seg`."""
        return self.folder / "masks" / f"{kind}.zarr"


@dataclass(frozen=True)
class DataSetFolder:
    """What a data set has beside its splits.

    Attributes:
        name: Of the data set.
        results: The folder of all results.
    """

    name: str
    results: Path = RESULTS

    @property
    def tree(self) -> Path:
        """Generated images and annotations."""
        return self.results / "data" / self.name / "tree"

    @property
    def source(self) -> Path:
        """What says that files which are fetched are in place."""
        return self.results / "data" / self.name / "source.json"
