"""An experiment, and the whole configuration."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import NonNegativeInt, PositiveInt

from boxsup.config.datasets import AnyDataSet
from boxsup.config.fields import DistinctValues, Epoch, Name, Settings, SomeDistinct, Text, optional, setting
from boxsup.config.inference import Inference
from boxsup.config.objects import ObjectSettings
from boxsup.config.proposals import AnyProposals
from boxsup.config.training import InitFrom, NetworkSettings, ScheduleSettings, Training
from boxsup.config.update import Difficult, Update

FixedMasks = Literal["rectangles", "grabcut", "bbox_seg"]  # masks that are made from boxes once; bbox_seg is WSSL's


def fixed_kind(masks: str, difficult: str) -> str:
    """The name of masks that are made from boxes once; boxes marked difficult are what they are where boxes choose.

    Args:
        masks: One of FixedMasks.
        difficult: The setting `update.difficult`.

    >>> fixed_kind("grabcut", "use"), fixed_kind("grabcut", "void")
    ('grabcut', 'grabcut-void')
    """
    return masks if difficult == "use" else f"{masks}-{difficult}"


FIXED_KINDS = tuple(fixed_kind(masks, difficult) for masks in get_args(FixedMasks) for difficult in get_args(Difficult))


def kind_needs_crf(kind: str) -> bool:
    """Whether masks of one of FIXED_KINDS need the library of the dense CRF, which not everybody can install."""
    return kind.startswith("bbox_seg")


class Supervision(Settings):
    """What the network is trained on."""

    masks: str = setting(
        "none", "whose true masks may be used in training: none | all | the name of a split of the data set"
    )
    boxes: Literal["boxsup", FixedMasks] = setting(
        "boxsup", "what the other images are trained on; bbox_seg is that of WSSL"
    )
    reviewed: str = setting(
        "",
        "a file of decisions, `reviewed.jsonl` of `boxsup review`: those boxes have the masks that a person chose",
        late=True,
    )


class Validation(Settings):
    """What is measured during training, and which images are left out of the scores."""

    every: NonNegativeInt = setting(
        0, "epochs between points of the learning curve on val, without CRF; 0: only the end is measured"
    )
    held_out: NonNegativeInt = setting(
        0, "number of images of val to search settings on; scores are computed on the others", paper="100"
    )
    held_out_seed: NonNegativeInt = setting(0, "seed of their draw, which is the same for all runs")


class Experiment(Settings):
    """One experiment: what is trained, on what, and how it is measured."""

    seeds: DistinctValues[NonNegativeInt] = setting((0,), "one run per seed", min_length=1)
    proposals: str = setting("mcg", "candidate segments: a name of `proposals`", paper="MCG")
    supervision: Supervision = setting(meaning="what the network is trained on")
    epochs: Epoch = setting(45, "number of epochs to run", paper="45")
    network: NetworkSettings = setting(meaning="which network, and which weights it starts from")
    init_from: InitFrom | None = setting(
        None,
        "{experiment: NAME, epoch: N, drop: [LAYER]}: start from that checkpoint in place of `weights`; the layers of "
        "`drop` start anew",
    )
    checkpoints_of: str | None = setting(
        None,
        "an experiment whose networks to use instead of training; only `inference`, `validation` and `val` may differ",
    )
    schedule: ScheduleSettings = setting(meaning="the learning rate over the iterations")
    training: Training = setting(meaning="SGD over one epoch")
    update: Update = setting(
        meaning="how each box picks its candidate; docs/update.md has the measurements behind the defaults"
    )
    objects: ObjectSettings = setting(meaning="the network that looks into each box, for `update.mu`")
    inference: Inference = setting(meaning="how scores become labels")
    validation: Validation = setting(meaning="what is measured, and which images are left out of the scores")
    dataset: str = setting(meaning="a name of `datasets`")
    train: str = setting(meaning="the split to train on")
    val: str = setting(meaning="the split to evaluate on")


class Search(Settings):
    """A search over settings: `results/SEARCH/search.csv` runs every combination, scored on held-out images of val."""

    experiment: str = setting(meaning="the experiment to vary; its variants are the experiments SEARCH_1, SEARCH_2, …")
    held_out: PositiveInt = setting(meaning="number of images of val that the variants are scored on", paper="100")
    held_out_seed: NonNegativeInt = setting(meaning="seed of their draw")
    values: dict[str, SomeDistinct[Any]] = setting(
        meaning="settings of an experiment, their keys joined by dots -> the values to try", min_length=1
    )


class Page(Settings):
    """A page that shows experiments beside the paper's tables and figures: `results/PAGE/report.html`."""

    full: Literal["", "voc"] = setting(meaning='experiments at full size: voc, for voc_box and so on | "", for none')
    small: str = setting(meaning="experiments at small scale: `demo` shows demo_box in place of voc_box")
    run: bool = setting(meaning="whether to run the experiments; if not, the page shows those that were run")


class Configuration(Settings):
    """All of `config.yaml`, after each experiment has been laid over `defaults`."""

    datasets: dict[Name, AnyDataSet] = setting(meaning="data sets by name")
    proposals: dict[Name, AnyProposals] = setting(
        meaning="proposals by name; they are made once for each data set, for all experiments and seeds"
    )
    updates: dict[Name, Update] = setting(
        meaning="updates by name, for `update: NAME` or `update: {preset: NAME, k: 1}` in an experiment"
    )
    defaults: Experiment = setting(meaning="what every experiment starts from")
    experiments: dict[Name, Experiment] = setting(meaning="experiments by name")
    searches: dict[Name, Search] = setting(meaning="searches over settings by name")
    pages: dict[Name, Page] = setting(meaning="pages of the paper by name")
    container: Text | None = optional(
        None, "image that jobs run in with `--sdm apptainer`: a file or an address, docker://… (docs/software.md)"
    )
