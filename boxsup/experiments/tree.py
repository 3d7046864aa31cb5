"""The layout of what experiments leave below `results/`: every path there is spelled here; `splits` has data sets'.

Names and numbers may be wildcards of Snakemake, so that a rule's output and the file that a page reads are one
expression: `Run("{experiment}", "{seed}").model("{epoch}")` and `Run("demo_semi", 0).model(6)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxsup.stages import STAGES

RESULTS = Path("results")
MODEL = "model.pt"
LABELLING = "labelling.json"
REPORT = "report.html"
PICTURES = "pictures"  # beside an experiment's page; page.js has the name too
RECORD = "commands.json"
OPTIMIZER = "optimizer.pt"  # beside an epoch's checkpoint
EPOCHS = "epochs"
BENCHMARK = ".benchmark.tsv"


def numbered(epoch: int | str) -> str:
    """How an epoch or a generation is written in paths: three digits; a wildcard stays as it is.

    >>> numbered(6), numbered("{epoch}")
    ('006', '{epoch}')
    """
    return f"{epoch:03d}" if isinstance(epoch, int) else epoch


@dataclass(frozen=True)
class EpochFolder:
    """What one epoch leaves."""

    folder: Path

    @property
    def model(self) -> Path:
        """The checkpoint after it."""
        return self.folder / MODEL

    @property
    def optimizer(self) -> Path:
        """Momentum buffers, for the next epoch."""
        return self.folder / OPTIMIZER

    @property
    def progress(self) -> Path:
        """Loss and learning rate by iteration."""
        return self.folder / "train.csv"

    @property
    def validation(self) -> Path:
        """Scores of the checkpoint without the CRF."""
        return self.folder / "val.csv"


@dataclass(frozen=True)
class Run:
    """One run of an experiment.

    Attributes:
        experiment: Its name.
        seed: Of the run.
        results: The folder of all results.
    """

    experiment: str
    seed: int | str
    results: Path = RESULTS

    @property
    def folder(self) -> Path:
        """`results/EXPERIMENT/seed-SEED`."""
        return self.results / self.experiment / f"seed-{self.seed}"

    @property
    def events(self) -> Path:
        """Folder of TensorBoard's events."""
        return self.folder / "tensorboard"

    def epoch(self, epoch: int | str) -> EpochFolder:
        """What an epoch leaves; 0 is the network before the first."""
        return EpochFolder(self.folder / EPOCHS / numbered(epoch))

    def model(self, epoch: int | str) -> Path:
        """The checkpoint after an epoch; see `epoch` for the other files."""
        return self.epoch(epoch).model

    def labels(self, generation: int | str) -> Path:
        """A generation of pseudo-masks, named after the first epoch that trains on it."""
        return self.folder / "labels" / f"{numbered(generation)}.zarr"

    def quality(self, generation: int | str) -> Path:
        """What was measured of a generation."""
        return self.folder / "labels" / f"{numbered(generation)}.csv"

    def predictions(self, epoch: int | str, split: str | None = None) -> Path:
        """Label maps by an epoch's network, of the split that scores are over or of another one by its name."""
        folder = self.folder / "predictions"
        return (folder / split if split else folder) / f"{numbered(epoch)}.zarr"

    def evaluation(self, epoch: int | str) -> Path:
        """IoU per class of predictions."""
        return self.folder / "evaluation" / f"{numbered(epoch)}.csv"

    def trimap(self, epoch: int | str) -> Path:
        """Errors of predictions by their distance from true boundaries."""
        return self.folder / "trimap" / f"{numbered(epoch)}.csv"

    def crf_search(self, epoch: int | str) -> Path:
        """Points of the search for the CRF's weights."""
        return self.folder / "crf_search" / f"{numbered(epoch)}.csv"

    def archive(self, epoch: int | str, split: str) -> Path:
        """Predictions of a split as the VOC evaluation server takes them."""
        return self.folder / "comp6" / split / f"{numbered(epoch)}.tar"


@dataclass(frozen=True)
class ExperimentFolder:
    """What all runs of an experiment have in common.

    Attributes:
        name: Of the experiment.
        results: The folder of all results.
    """

    name: str
    results: Path = RESULTS

    @classmethod
    def at(cls, folder: Path) -> ExperimentFolder:
        """The experiment whose folder this is."""
        return cls(folder.name, folder.parent)

    @property
    def folder(self) -> Path:
        """`results/EXPERIMENT`."""
        return self.results / self.name

    @property
    def labelling(self) -> Path:
        """How its runs label images."""
        return self.folder / LABELLING

    @property
    def report(self) -> Path:
        """Its page."""
        return self.folder / REPORT

    @property
    def pictures(self) -> Path:
        """Folder of evaluated images at full size, to which the page links."""
        return self.folder / PICTURES

    def run(self, seed: int | str) -> Run:
        """Its run of a seed."""
        return Run(self.name, seed, self.results)


@dataclass(frozen=True)
class PageFolder:
    """A page that sets experiments beside the paper's.

    Attributes:
        name: Of the page.
        results: The folder of all results.
    """

    name: str
    results: Path = RESULTS

    @property
    def report(self) -> Path:
        """The page."""
        return self.results / self.name / REPORT

    @property
    def tables(self) -> Path:
        """Folder of its tables."""
        return self.results / self.name / "tables"


def search_table(search: str, results: Path = RESULTS) -> Path:
    """The points of a search over settings.

    >>> search_table("demo_box_search").as_posix()
    'results/demo_box_search/search.csv'
    """
    return results / search / "search.csv"


def trimap_page(experiments: str, results: Path = RESULTS) -> Path:
    """The figure of the errors of several experiments, named `A+B`."""
    return results / "trimap" / f"{experiments}.html"


def log_of(stage: str) -> str:
    """The log of a stage's job, with wildcards.

    >>> log_of("labelling")
    'results/logs/labelling/{experiment}.log'
    """
    return f"{_job_of(stage)}.log"


def benchmark_of(stage: str) -> str:
    """What Snakemake measures of a job, beside its log."""
    return f"{_job_of(stage)}{BENCHMARK}"


def benchmarks_of(stage: str, **names: object) -> str:
    """What was measured of the jobs of some names: a file or, where the file's own name is left open, its folder.

    >>> benchmarks_of("network", experiment="demo_semi", seed=0)
    'results/logs/network/demo_semi/seed-0.benchmark.tsv'
    >>> benchmarks_of("epoch", experiment="demo_semi", seed=0)
    'results/logs/epoch/demo_semi/seed-0'
    """
    try:
        return benchmark_of(stage).format(**names)
    except KeyError:
        return benchmark_of(stage).rpartition("/")[0].format(**names)


def _job_of(stage: str) -> Path:
    return RESULTS / "logs" / stage / STAGES[stage].logs


# --- reading the tree back --------------------------------------------------------------------------------------------


def is_run(folder: Path) -> bool:
    """Whether a folder has the name of a run, `seed-S`."""
    return folder.name.startswith("seed-")


def seed_of(run: Path) -> str:
    """The seed in the name of a run's folder."""
    return run.name.removeprefix("seed-")


def runs_in(folder: Path) -> list[Path]:
    """The folders of runs in that of an experiment, by rising seed."""
    return sorted(folder.glob("seed-*"), key=lambda run: (len(run.name), run.name))


def checkpoints_in(run: Path) -> list[Path]:
    """The checkpoints in a run's folder, by rising epoch."""
    return sorted(run.glob(f"{EPOCHS}/*/{MODEL}"))


def experiment_around(checkpoint: Path) -> Path | None:
    """The folder of the experiment that a checkpoint lies in; None for one that lies elsewhere, as a copy.

    >>> experiment_around(Run("demo_semi", 0).model(6)).as_posix()
    'results/demo_semi'
    """
    epochs = checkpoint.parent.parent
    return epochs.parent.parent if epochs.name == EPOCHS else None


def owner_of(target: str) -> str:
    """Whose a result is: an experiment, search or page by name, or `data/DATASET`.

    >>> owner_of("results/demo_semi/report.html"), owner_of("results/data/demo/train/images.csv")
    ('demo_semi', 'data/demo')
    """
    parts = Path(target).parts[1:]
    return "/".join(parts[:2] if parts[:1] == ("data",) else parts[:1])
