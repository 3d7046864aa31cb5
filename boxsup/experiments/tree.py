"""The layout of `results/` for experiments, searches and pages; `boxsup.experiments.splits` has that of data sets.

No other module or rule spells these paths. Names and numbers may be wildcards of Snakemake, so the output of a rule and
the file that a page reads come from the same method: `Run("{experiment}", "{seed}").model("{epoch}")` and
`Run("demo_semi", 0).model(6)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from boxsup.stages import STAGES

RESULTS = Path("results")
MODEL = "model.pt"
LABELLING = "labelling.json"
REPORT = "report.html"
PICTURES = "pictures"  # beside an experiment's page; page.js has this name too
RECORD = "commands.json"
OPTIMIZER = "optimizer.pt"  # beside an epoch's checkpoint
EPOCHS = "epochs"
OBJECTS = "objects"
LABELS = "labels"
BENCHMARK = ".benchmark.tsv"


def numbered(epoch: int | str) -> str:
    """The number of an epoch or a generation in paths: three digits. A wildcard stays as it is.

    >>> numbered(6), numbered("{epoch}")
    ('006', '{epoch}')
    """
    return f"{epoch:03d}" if isinstance(epoch, int) else epoch


@dataclass(frozen=True)
class EpochFolder:
    """The files that one epoch writes.

    Attributes:
        folder: `results/EXPERIMENT/seed-SEED/epochs/NNN`.
    """

    folder: Path

    @property
    def model(self) -> Path:
        """The checkpoint after the epoch."""
        return self.folder / MODEL

    @property
    def optimizer(self) -> Path:
        """The momentum buffers, for the next epoch."""
        return self.folder / OPTIMIZER

    @property
    def progress(self) -> Path:
        """The table of loss and learning rate by iteration."""
        return self.folder / "train.csv"

    @property
    def validation(self) -> Path:
        """The table of the checkpoint's scores without the CRF."""
        return self.folder / "val.csv"


@dataclass(frozen=True)
class Run:
    """One run of an experiment.

    Attributes:
        experiment: Name of the experiment.
        seed: Seed of the run.
        results: The folder of all results.
    """

    experiment: str
    seed: int | str
    results: Path = RESULTS

    @property
    def folder(self) -> Path:
        """The folder of the run, `results/EXPERIMENT/seed-SEED`."""
        return self.results / self.experiment / f"seed-{self.seed}"

    @property
    def events(self) -> Path:
        """The folder of TensorBoard's events."""
        return self.folder / "tensorboard"

    def epoch(self, epoch: int | str) -> EpochFolder:
        """The files of an epoch; epoch 0 is the network before training."""
        return EpochFolder(self.folder / EPOCHS / numbered(epoch))

    def model(self, epoch: int | str) -> Path:
        """The checkpoint after an epoch; `epoch` has the other files."""
        return self.epoch(epoch).model

    def object_maps(self, turn: int | str, i: int | str, n: int | str) -> Path:
        """The store of the object maps of part `i` of `n` of the training images, after a round of training."""
        return self.folder / OBJECTS / str(turn) / f"{i}-of-{n}.zarr"

    def object_network(self, turn: int | str, i: int | str, n: int | str) -> Path:
        """The object network that made these maps, which has learned from the other parts."""
        return self.folder / OBJECTS / str(turn) / f"{i}-of-{n}.pt"

    def labels(self, generation: int | str) -> Path:
        """The store of a generation of pseudo-masks; its number is that of the first epoch that trains on it."""
        return self.folder / LABELS / f"{numbered(generation)}.zarr"

    def quality(self, generation: int | str) -> Path:
        """The table of the quality of a generation."""
        return self.folder / LABELS / f"{numbered(generation)}.csv"

    def predictions(self, epoch: int | str, split: str | None = None) -> Path:
        """The store of label maps by an epoch's network.

        Args:
            epoch: Number of the epoch.
            split: Name of the split; None for the split that the experiment is evaluated on.
        """
        folder = self.folder / "predictions"
        return (folder / split if split else folder) / f"{numbered(epoch)}.zarr"

    def evaluation(self, epoch: int | str) -> Path:
        """The table of the IoU of each class in predictions."""
        return self.folder / "evaluation" / f"{numbered(epoch)}.csv"

    def scored(self, epoch: int | str) -> Path:
        """The settings with which these predictions were made, beside their evaluation."""
        return self.evaluation(epoch).with_suffix(".json")

    def trimap(self, epoch: int | str) -> Path:
        """The table of the errors of predictions by distance from true boundaries."""
        return self.folder / "trimap" / f"{numbered(epoch)}.csv"

    def crf_search(self, epoch: int | str) -> Path:
        """The table of the points of the search for the CRF's weights."""
        return self.folder / "crf_search" / f"{numbered(epoch)}.csv"

    def archive(self, epoch: int | str, split: str) -> Path:
        """The archive of a split's predictions for the VOC evaluation server."""
        return self.folder / "comp6" / split / f"{numbered(epoch)}.tar"


@dataclass(frozen=True)
class ExperimentFolder:
    """The files of an experiment that belong to no single run.

    Attributes:
        name: Name of the experiment.
        results: The folder of all results.
    """

    name: str
    results: Path = RESULTS

    @classmethod
    def at(cls, folder: Path) -> ExperimentFolder:
        """The experiment that has this folder."""
        return cls(folder.name, folder.parent)

    @property
    def folder(self) -> Path:
        """The folder of the experiment, `results/EXPERIMENT`."""
        return self.results / self.name

    @property
    def labelling(self) -> Path:
        """The file that says how its runs label images."""
        return self.folder / LABELLING

    @property
    def report(self) -> Path:
        """The page of the experiment."""
        return self.folder / REPORT

    @property
    def pictures(self) -> Path:
        """The folder of evaluated images at full size, to which the page links."""
        return self.folder / PICTURES

    def run(self, seed: int | str) -> Run:
        """The run of a seed."""
        return Run(self.name, seed, self.results)


@dataclass(frozen=True)
class PageFolder:
    """The files of a page that compares experiments with the paper.

    Attributes:
        name: Name of the page.
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
        """The folder of its tables."""
        return self.results / self.name / "tables"


def search_table(search: str) -> Path:
    """The table of the points of a search over settings.

    >>> search_table("demo_box_search").as_posix()
    'results/demo_box_search/search.csv'
    """
    return RESULTS / search / "search.csv"


def trimap_page(experiments: str) -> Path:
    """The page of the trimap analyses of several experiments, whose names are joined by `+`."""
    return RESULTS / "trimap" / f"{experiments}.html"


def log_of(stage: str) -> str:
    """The log of a stage's jobs, with wildcards.

    >>> log_of("labelling")
    'results/logs/labelling/{experiment}.log'
    """
    return f"{_job_of(stage)}.log"


def benchmark_of(stage: str) -> str:
    """The file of Snakemake's measurements of a stage's jobs, beside their logs, with wildcards.

    >>> benchmark_of("network").format(experiment="demo_semi", seed=0)
    'results/logs/network/demo_semi/seed-0.benchmark.tsv'
    """
    return f"{_job_of(stage)}{BENCHMARK}"


def where_losses_are(experiment: str) -> str:
    """Say where the losses of an experiment's runs are, in one line.

    >>> where_losses_are("demo_semi")[:61]
    'losses of demo_semi: results/demo_semi/seed-*/epochs/*/train.'
    """
    folder, run = ExperimentFolder(experiment), Run(experiment, "*")
    logs = log_of("epoch").format(experiment=experiment, seed="*", epoch="*")
    return (
        f"losses of {experiment}: {run.epoch('*').progress} (while an epoch trains, also in {logs}); curves: "
        f"{folder.report}, or `tensorboard --logdir {folder.folder}` if it is installed"
    )


def _job_of(stage: str) -> Path:
    return RESULTS / "logs" / stage / STAGES[stage].logs
