"""The stages, one row each, in the order of the data flow.

Whatever other modules and rules need to know about a stage stands here and nowhere else. A stage's name is that of its
rule and part of paths; the name of its command is derived from it. This module imports nothing slow, since the command
line imports it.
"""

from __future__ import annotations

import json
import os
from typing import Literal, NamedTuple

from boxsup.errors import BoxSupError

# Which jobs of a stage an experiment's page times: those for the candidates that its boxes choose from, for the
# overlaps of these with the boxes, for its fixed masks, for the runs that trained its networks, or for its own runs.
Timed = Literal["", "candidates", "overlaps", "masks", "training", "evaluation"]


class Stage(NamedTuple):
    """A stage: a command, most often with a rule of the workflow.

    Attributes:
        name: Name of its rule; if it has no rule, name of its command, with underscores.
        help: What it does, in one line.
        words: Its command, if that is not the name with hyphens but two words.
        version: A number to raise when the results of the stage change, so that stored results are made again; 0 if it
            stores none. Editing the package makes nothing run again by itself: a new comment must not cost days on a
            cluster. The tests named `golden` fail when results change.
        logs: The path of a job's log below the stage's folder of logs, with wildcards; "" without a rule.
        memory: Memory that a job asks a scheduler for, in MB; each retry asks for as much again.
        minutes: Time that a job asks for; each retry asks for as much again.
        gpus: Number of GPUs that a job asks for, or the setting of an experiment that gives it.
        local: Whether its jobs run on the machine that runs Snakemake, since they take only seconds.
        timed: Which of its jobs an experiment's page times.
        doing: What a job makes, for people who watch a run, with its wildcards; "" for `help`.
    """

    name: str
    help: str
    words: str = ""
    version: int = 0
    logs: str = ""
    memory: int = 0
    minutes: int = 0
    gpus: int | str = 0
    local: bool = False
    timed: Timed = ""
    doing: str = ""

    @property
    def command(self) -> str:
        """What follows `boxsup` on the command line."""
        return self.words or self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """The command's module, with EXAMPLE, `add_arguments(parser)` and `run(*, …)`; see `boxsup.commands.parser`."""
        return "boxsup.commands." + self.command.replace(" ", "_").replace("-", "_")


SPLIT, SHARD = "{dataset}/{split}", "{dataset}/{split}/{proposals}/{i}-of-{n}"
RUN, EPOCH = "{experiment}/seed-{seed}", "{experiment}/seed-{seed}/{epoch}"

# fmt: off
ROWS = (
    Stage("init", "write a configuration that runs, from your images and boxes"),
    Stage("run", "run the workflow on a project of `boxsup init`, and say how far it is; goes on where it was stopped"),
    Stage("shapes", "generate the demo data, in VOC layout",
          version=1, logs="{dataset}", memory=1000, minutes=20,
          doing="demo data"),
    # Local: the nodes of a cluster may have no network.
    Stage("download", "fetch VOC 2012 and SBD, VOC 2010 or VOC 2007, or say which files to put where",
          version=1, logs="{dataset}", memory=1000, minutes=480, local=True,
          doing="download of {dataset}"),
    # Local: only the process that planned the job knows which change the inventory is for. It reads COCO's JSON for the
    # names of images, and all files the first time.
    Stage("inventory", "list the files of a split, to tell when they change",
          version=1, logs=SPLIT, memory=4000, minutes=120, local=True,
          doing="list of the files of {dataset}/{split}"),
    Stage("catalogue", "check every file of a split and write its tables",
          version=3, logs=SPLIT, memory=4000, minutes=120,
          doing="check of the files of {dataset}/{split}"),  # COCO's JSON is read whole: 1.7 GB
    Stage("join", "join the tables of several splits",
          version=1, logs=SPLIT, memory=2000, minutes=20, local=True,
          doing="tables of {dataset}/{split}"),
    Stage("contours_train", "train the contour network on BSDS500", words="contours train"),
    Stage("contours_evaluate", "evaluate a contour detector on BSDS500", words="contours evaluate"),
    Stage("proposals", "make the candidate segments of one shard of a split", words="proposals make",
          version=3, logs=SHARD, memory=4000, minutes=240, timed="candidates",
          doing="candidates of {dataset}/{split}, part {i} of {n}"),
    Stage("proposal_evaluation", "evaluate candidates against the objects of a split", words="proposals evaluate",
          version=1, logs="{dataset}/{split}/{proposals}", memory=2000, minutes=60,
          doing="evaluation of candidates of {dataset}/{split}"),
    Stage("proposal_report", "write the page that compares the proposals of a split", words="proposals report",
          version=2, logs=SPLIT, memory=2000, minutes=20, local=True,
          doing="page of candidates of {dataset}/{split}"),
    Stage("overlaps", "write the IoU of every box with every candidate, for one shard",
          version=1, logs=SHARD, memory=2000, minutes=60, timed="overlaps",
          doing="overlaps of boxes and candidates of {dataset}/{split}, part {i} of {n}"),
    Stage("fixed_masks", "write masks that do not change: true masks, or masks from boxes",
          version=2, logs="{dataset}/{split}/{kind}", memory=4000, minutes=480, timed="masks",
          doing="{kind} masks of {dataset}/{split}"),  # GrabCut: 1 s/image
    Stage("network", "write the checkpoint that the first epoch starts from",
          version=2, logs=RUN, memory=4000, minutes=20, timed="training",
          doing="network before training"),
    Stage("objects", "train a network that looks into each box, and make maps of boxes that it has not seen",
          version=3, logs="{experiment}/seed-{seed}/{turn}-{i}-of-{n}", memory=8000, minutes=240, gpus=1,
          timed="training",
          doing="looking into the boxes, part {i} of {n}"),
    Stage("labels", "make one generation of pseudo-masks",
          version=11, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="training",
          doing="labels for epoch {epoch}"),
    Stage("label_quality", "measure a generation of pseudo-masks against the true masks",
          version=6, logs=EPOCH, memory=2000, minutes=30, timed="training",
          doing="quality of the labels for epoch {epoch}"),
    Stage("epoch", "train one epoch",
          version=3, logs=EPOCH, memory=16000, minutes=120, gpus="training.gpus", timed="training",
          doing="epoch {epoch}"),
    Stage("validate", "measure the mean IoU of a checkpoint, without storing label maps",
          version=4, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="evaluation",
          doing="score of epoch {epoch}"),
    Stage("labelling", "write how a run labels images, beside its checkpoints",
          version=1, logs="{experiment}", memory=500, minutes=5, local=True,
          doing="how the network labels images"),
    Stage("predictions", "label the images of a split, with and without the dense CRF",
          version=6, logs=EPOCH, memory=8000, minutes=120, gpus=1, timed="evaluation",
          doing="predictions of epoch {epoch}"),
    Stage("predict", "label images and videos with a trained model"),
    Stage("masks", "make masks for your boxes, of any class, and rate them; goes on where it was stopped",
          version=8),
    Stage("review", "open a page on this machine on which you decide on masks, the worst first"),
    Stage("export", "export a trained model as ONNX or for torch.export", version=2),
    Stage("comp6", "pack predictions into the archive that the VOC evaluation server takes",
          version=1, logs="{experiment}/seed-{seed}/{split}/{epoch}", memory=2000, minutes=30,
          doing="archive of predictions"),
    Stage("evaluation", "evaluate predictions by the VOC protocol, and their outlines: scores per class",
          version=5, logs=EPOCH, memory=2000, minutes=30, timed="evaluation",
          doing="scores of epoch {epoch}"),
    Stage("trimap", "measure the mean IoU near true boundaries and away from them", words="trimap measure",
          version=2, logs=EPOCH, memory=2000, minutes=30, timed="evaluation",
          doing="errors near boundaries, epoch {epoch}"),
    Stage("trimap_plot", "write the page that compares the trimap analyses of experiments", words="trimap plot",
          version=3, logs="{experiments}", memory=2000, minutes=20, local=True,
          doing="page of errors near boundaries"),
    Stage("crf_search", "search the weights of the dense CRF on held-out images",
          version=5, logs=EPOCH, memory=8000, minutes=240, gpus=1, timed="evaluation",
          doing="search for the weights of the CRF"),
    Stage("search", "compare runs that differ in a few settings, on held-out images",
          version=4, logs="{search}", memory=2000, minutes=60,
          doing="table of the search {search}"),
    Stage("report", "write the page of an experiment",
          version=12, logs="{experiment}", memory=4000, minutes=30, local=True,
          doing="page of {experiment}"),
    Stage("paper", "write the page that compares experiments with the paper's results",
          version=6, logs="{page}", memory=4000, minutes=30, local=True,
          doing="page {page}"),
    Stage("advise", "say whether the next hour of labelling should go into boxes, masks or reviews"),
    Stage("check", "compare stores and checkpoints with their checksums"),
    Stage("show", "draw an image with its boxes, chosen segments and labels"),
    Stage("completion", "print a script that lets a shell complete commands and options"),
)
# fmt: on
STAGES = {stage.name: stage for stage in ROWS}
COMMANDS = {stage.command: stage for stage in ROWS}

# What people start by hand, most of all; `boxsup --help` shows these first.
EVERYDAY = ("masks", "review", "init", "run", "predict", "show", "export")

# The first word of commands with two words -> one line of help.
GROUPS = {
    "contours": "train and evaluate the contour detector that proposals use",
    "proposals": "make, evaluate and compare candidate segments",
    "trimap": "analyse errors by their distance from true boundaries",
}

# An environment variable in which a workflow tells its jobs the versions of its stages, as JSON: in a container they
# run the code of the image, which may be of another release.
ASKED = "BOXSUP_STAGES"


def asked_versions() -> str:
    """The versions of the stages that have rules, as JSON: what a workflow asks of its jobs."""
    return json.dumps({stage.name: stage.version for stage in ROWS if stage.logs}, separators=(",", ":"))


def check_asked(stage: Stage) -> None:
    """Refuse to run a stage for a workflow that asks for another version of it.

    Raises:
        BoxSupError: The workflow's version is another one, or what it says cannot be read.
    """
    said = os.environ.get(ASKED, "{}")
    try:
        asked = json.loads(said).get(stage.name, stage.version)
    except (ValueError, AttributeError) as error:
        raise BoxSupError(
            f"{ASKED}={said}: not what a workflow says of its stages' versions; unset this variable"
        ) from error
    if asked != stage.version:
        raise BoxSupError(
            f"{stage.command}: the workflow asks for version {asked} of this stage, and this boxsup has version "
            f"{stage.version}; run the jobs in an image of the workflow's own release (docs/software.md)"
        )
