"""An experiment, and the whole configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt

from boxsup.config.datasets import AnyDataSet
from boxsup.config.fields import DistinctValues, Epoch, Name, Settings, SomeDistinct, setting
from boxsup.config.inference import Inference
from boxsup.config.proposals import AnyProposals
from boxsup.config.training import InitFrom, NetworkSettings, ScheduleSettings, Training
from boxsup.config.update import Update


class Supervision(Settings):
    """What the network is trained on."""

    masks: str = setting(
        "none", "whose true masks may be used in training: none | all | the name of a split of the data set"
    )
    boxes: Literal["boxsup", "rectangles", "grabcut", "bbox_seg"] = setting(
        "boxsup", "what the other images are trained on; bbox_seg is WSSL's"
    )


class Validation(Settings):
    """What is measured during training, and what is left out of the scores."""

    every: NonNegativeInt = setting(
        0, "epochs between points of the learning curve on val, without CRF; 0: only the end is measured"
    )
    held_out: NonNegativeInt = setting(
        0, "number of images of val to search settings on; all scores are then over the others", paper="100"
    )
    held_out_seed: NonNegativeInt = setting(0, "seed of their draw, the same for all runs of an experiment")


class Experiment(Settings):
    """One experiment: what is trained, on what, and how it is measured."""

    seeds: DistinctValues[NonNegativeInt] = setting((0,), "one run per seed", min_length=1)
    proposals: str = setting("mcg", "candidate segments: a name of `proposals`", paper="MCG")
    supervision: Supervision = setting(meaning="what the network is trained on")
    epochs: Epoch = setting(45, "number of epochs", paper="45")
    network: NetworkSettings = setting(meaning="which network, and which weights it starts from")
    init_from: InitFrom | None = setting(
        None,
        "{experiment: NAME, epoch: N, drop: [LAYER]}: start from that checkpoint instead of `weights`; the layers of "
        "`drop` start anew",
    )
    checkpoints_of: str | None = setting(
        None,
        "an experiment that differs only in `inference`, `validation` and `val`: use its networks and train none",
    )
    schedule: ScheduleSettings = setting(meaning="the learning rate over the iterations")
    training: Training = setting(meaning="one epoch of SGD")
    update: Update = setting(
        meaning="how each box picks its candidate; docs/update.md has the measurements behind our values"
    )
    inference: Inference = setting(meaning="how scores become labels")
    validation: Validation = setting(meaning="what is measured, and what is left out of the scores")
    dataset: str = setting(meaning="a name of `datasets`")
    train: str = setting(meaning="the split to train on")
    val: str = setting(meaning="the split to evaluate on")


class Search(Settings):
    """Settings that held-out images of val choose: `results/SEARCH/search.csv` runs every combination of the values."""

    experiment: str = setting(meaning="the experiment to vary; each point is an experiment too: SEARCH_1, SEARCH_2, …")
    held_out: PositiveInt = setting(meaning="number of images of val that the points are scored on", paper="100")
    held_out_seed: NonNegativeInt = setting(meaning="seed of their draw")
    values: dict[str, SomeDistinct[Any]] = setting(
        meaning="settings of an experiment, keys joined by dots, and the values to try", min_length=1
    )


class Page(Settings):
    """Experiments set beside the paper's tables and figures: `results/PAGE/report.html`."""

    full: Literal["", "voc"] = setting(meaning='experiments at full size, by their published names; "": none')
    small: str = setting(
        meaning="family of the experiments at small scale: `demo` shows demo_box where the paper has voc_box"
    )
    run: bool = setting(
        meaning="whether to run the experiments that are configured; otherwise the page shows those that were run"
    )


class Configuration(Settings):
    """All of `config.yaml`, after each experiment has been laid over `defaults`."""

    datasets: dict[Name, AnyDataSet] = setting(meaning="data sets by name")
    proposals: dict[Name, AnyProposals] = setting(
        meaning="named settings of a proposal method; made once for each data set, shared by experiments and seeds"
    )
    updates: dict[Name, Update] = setting(
        meaning="named settings of the update, for `update: NAME` or `update: {preset: NAME, k: 1}` in an experiment"
    )
    defaults: Experiment = setting(meaning="what every experiment starts from")
    experiments: dict[Name, Experiment] = setting(meaning="experiments by name")
    searches: dict[Name, Search] = setting(meaning="searches over settings by name")
    pages: dict[Name, Page] = setting(meaning="pages of the paper by name")
