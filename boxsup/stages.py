"""The stages, one row each, in the order of the data flow: the one place for all that is said of a stage outside of it.

A name is a rule's, has underscores and is part of paths; the command is derived from it. What imports this is the
command line too, so that it imports nothing slow.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# Whose jobs an experiment's page times: those of the candidates that its boxes choose from, of their overlaps with the
# boxes, of its fixed masks, of the run that trained its networks, of its own run.
Timed = Literal["", "candidates", "overlaps", "masks", "training", "evaluation"]


class Stage(NamedTuple):
    """A stage: a command, mostly with a rule.

    Attributes:
        name: The rule's; without a rule the command's.
        help: What it does, in a line.
        words: The command of two words, where it is not the name with hyphens.
        version: Raised when the stage's results change, so that they are made again; 0 for what keeps nothing. Editing
            the package triggers nothing by itself: a comment must not cost a cluster days. The tests named `golden`
            fail when results change.
        logs: How the logs of its jobs are named by wildcards; "" without a rule.
        memory: What a job asks a scheduler for [MB]; each retry asks for as much again.
        minutes: The same of time.
        gpus: How many it asks for: a number or the setting of an experiment that says it.
        local: Whether it runs where Snakemake itself does, as pages, which take seconds.
        timed: With what an experiment's page shows how long its jobs took.
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

    @property
    def command(self) -> str:
        """What follows `boxsup` on the command line."""
        return self.words or self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """The command's module, with `add_arguments(parser)`, `run(args)` and EXAMPLE."""
        return "boxsup.commands." + self.command.replace(" ", "_").replace("-", "_")


SPLIT, SHARD = "{dataset}/{split}", "{dataset}/{split}/{proposals}/{i}-of-{n}"
RUN, EPOCH = "{experiment}/seed-{seed}", "{experiment}/seed-{seed}/{epoch}"

# fmt: off
ROWS = (
    Stage("init", "your images and boxes, checked and split, as a configuration that runs"),
    Stage("shapes", "generate the demo data, a tree in VOC layout",
          version=1, logs="{dataset}", memory=1000, minutes=20),
    # Local: the nodes of a cluster may have no network.
    Stage("download", "fetch VOC 2012 and SBD, VOC 2010 or VOC 2007, or say which files to put where",
          version=1, logs="{dataset}", memory=1000, minutes=480, local=True),
    # Local: what it is taken for is known to the process that planned it. COCO's JSON is read for the names of images;
    # all files are read the first time.
    Stage("inventory", "which files a split is made of, to tell when they change",
          version=1, logs=SPLIT, memory=4000, minutes=120, local=True),
    Stage("catalogue", "check every file of a split and write its tables",
          version=3, logs=SPLIT, memory=4000, minutes=120),  # COCO's JSON is read whole: 1.7 GB
    Stage("join", "the tables of a union of splits",
          version=1, logs=SPLIT, memory=2000, minutes=20, local=True),
    Stage("contours_train", "the contour network, from BSDS500", words="contours train"),
    Stage("contours_evaluate", "a contour detector against people's boundaries", words="contours evaluate"),
    Stage("proposals", "candidate segments of one shard of a split", words="proposals make",
          version=3, logs=SHARD, memory=4000, minutes=240, timed="candidates"),
    Stage("proposal_evaluation", "candidate segments against the objects of a split", words="proposals evaluate",
          version=1, logs="{dataset}/{split}/{proposals}", memory=2000, minutes=60),
    Stage("proposal_report", "the page that sets the proposals of a split side by side", words="proposals report",
          version=2, logs=SPLIT, memory=2000, minutes=20, local=True),
    Stage("overlaps", "box x candidate IoU tables of one shard",
          version=1, logs=SHARD, memory=2000, minutes=60, timed="overlaps"),
    Stage("fixed_masks", "masks that never change: true ones, or boxes'",
          version=2, logs="{dataset}/{split}/{kind}", memory=4000, minutes=480, timed="masks"),  # GrabCut: 1 s an image
    Stage("network", "the checkpoint before the first epoch",
          version=2, logs=RUN, memory=4000, minutes=20, timed="training"),
    Stage("labels", "one generation of pseudo-masks",
          version=5, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="training"),
    Stage("label_quality", "a generation against the true masks",
          version=4, logs=EPOCH, memory=2000, minutes=30, timed="training"),
    Stage("epoch", "train one epoch",
          version=2, logs=EPOCH, memory=16000, minutes=120, gpus="training.gpus", timed="training"),
    Stage("validate", "mean IoU of one checkpoint, without storing masks",
          version=2, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="evaluation"),
    Stage("labelling", "how a run labels images, kept beside its checkpoints",
          version=1, logs="{experiment}", memory=500, minutes=5, local=True),
    Stage("predictions", "label maps of a split, before and after the dense CRF",
          version=4, logs=EPOCH, memory=8000, minutes=120, gpus=1, timed="evaluation"),
    Stage("predict", "label maps and overlays of images and videos by a trained model"),
    Stage("masks", "masks for your boxes by a trained model, with their quality; goes on where it was stopped",
          version=1),
    Stage("export", "a trained model as ONNX or for torch.export, with its classes", version=1),
    Stage("comp6", "predictions as the archive that the VOC evaluation server takes",
          version=1, logs="{experiment}/seed-{seed}/{split}/{epoch}", memory=2000, minutes=30),
    Stage("evaluation", "VOC protocol: confusion and IoU per class",
          version=3, logs=EPOCH, memory=2000, minutes=30, timed="evaluation"),
    Stage("trimap", "mean IoU near true boundaries and away from them", words="trimap measure",
          version=2, logs=EPOCH, memory=2000, minutes=30, timed="evaluation"),
    Stage("trimap_plot", "the page that draws several experiments' in one figure", words="trimap plot",
          version=3, logs="{experiments}", memory=2000, minutes=20, local=True),
    Stage("crf_search", "weights of the dense CRF, searched on held-out images",
          version=2, logs=EPOCH, memory=8000, minutes=240, gpus=1, timed="evaluation"),
    Stage("search", "runs that differ in a few settings, on held-out images",
          version=2, logs="{search}", memory=2000, minutes=60),
    Stage("report", "the page of an experiment",
          version=6, logs="{experiment}", memory=4000, minutes=30, local=True),
    Stage("paper", "the page that sets experiments beside the paper's tables and figures",
          version=4, logs="{page}", memory=4000, minutes=30, local=True),
    Stage("check", "stores and checkpoints against the checksums that they were written with"),
    Stage("show", "an image with the boxes, the chosen segments and the labels of a generation"),
    Stage("completion", "a script that lets a shell complete boxsup's commands and options"),
)
# fmt: on
STAGES = {stage.name: stage for stage in ROWS}
COMMANDS = {stage.command: stage for stage in ROWS}

# First words that several commands share, and one line of help.
GROUPS = {
    "contours": "the contour detector that proposals look at",
    "proposals": "candidate segments",
    "trimap": "error analysis by the distance from true boundaries",
}
