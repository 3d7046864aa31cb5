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
        """The command's module, with EXAMPLE, `add_arguments(parser)` and `run(*, …)`; see `boxsup.commands.parser`."""
        return "boxsup.commands." + self.command.replace(" ", "_").replace("-", "_")


SPLIT, SHARD = "{dataset}/{split}", "{dataset}/{split}/{proposals}/{i}-of-{n}"
RUN, EPOCH = "{experiment}/seed-{seed}", "{experiment}/seed-{seed}/{epoch}"

# fmt: off
ROWS = (
    Stage("init", "write a configuration that runs, from your images and boxes"),
    Stage("shapes", "generate the demo data, in VOC layout",
          version=1, logs="{dataset}", memory=1000, minutes=20),
    # Local: the nodes of a cluster may have no network.
    Stage("download", "fetch VOC 2012 and SBD, VOC 2010 or VOC 2007, or say which files to put where",
          version=1, logs="{dataset}", memory=1000, minutes=480, local=True),
    # Local: what it is taken for is known to the process that planned it. COCO's JSON is read for the names of images;
    # all files are read the first time.
    Stage("inventory", "list the files of a split, to tell when they change",
          version=1, logs=SPLIT, memory=4000, minutes=120, local=True),
    Stage("catalogue", "check every file of a split and write its tables",
          version=3, logs=SPLIT, memory=4000, minutes=120),  # COCO's JSON is read whole: 1.7 GB
    Stage("join", "join the tables of several splits",
          version=1, logs=SPLIT, memory=2000, minutes=20, local=True),
    Stage("contours_train", "train the contour network on BSDS500", words="contours train"),
    Stage("contours_evaluate", "evaluate a contour detector on BSDS500", words="contours evaluate"),
    Stage("proposals", "make the candidate segments of one shard of a split", words="proposals make",
          version=3, logs=SHARD, memory=4000, minutes=240, timed="candidates"),
    Stage("proposal_evaluation", "evaluate candidates against the objects of a split", words="proposals evaluate",
          version=1, logs="{dataset}/{split}/{proposals}", memory=2000, minutes=60),
    Stage("proposal_report", "write the page that compares the proposals of a split", words="proposals report",
          version=2, logs=SPLIT, memory=2000, minutes=20, local=True),
    Stage("overlaps", "write the IoU of every box with every candidate, for one shard",
          version=1, logs=SHARD, memory=2000, minutes=60, timed="overlaps"),
    Stage("fixed_masks", "write masks that do not change: true masks, or masks from boxes",
          version=2, logs="{dataset}/{split}/{kind}", memory=4000, minutes=480, timed="masks"),  # GrabCut: 1 s an image
    Stage("network", "write the checkpoint that the first epoch starts from",
          version=2, logs=RUN, memory=4000, minutes=20, timed="training"),
    Stage("labels", "make one generation of pseudo-masks",
          version=5, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="training"),
    Stage("label_quality", "measure a generation of pseudo-masks against the true masks",
          version=4, logs=EPOCH, memory=2000, minutes=30, timed="training"),
    Stage("epoch", "train one epoch",
          version=2, logs=EPOCH, memory=16000, minutes=120, gpus="training.gpus", timed="training"),
    Stage("validate", "measure the mean IoU of a checkpoint, without storing label maps",
          version=2, logs=EPOCH, memory=8000, minutes=60, gpus=1, timed="evaluation"),
    Stage("labelling", "write how a run labels images, beside its checkpoints",
          version=1, logs="{experiment}", memory=500, minutes=5, local=True),
    Stage("predictions", "label the images of a split, with and without the dense CRF",
          version=4, logs=EPOCH, memory=8000, minutes=120, gpus=1, timed="evaluation"),
    Stage("predict", "label images and videos by a trained model"),
    Stage("masks", "make masks for your boxes by a trained model, and rate them; goes on where it was stopped",
          version=1),
    Stage("export", "export a trained model as ONNX or for torch.export", version=1),
    Stage("comp6", "pack predictions into the archive that the VOC evaluation server takes",
          version=1, logs="{experiment}/seed-{seed}/{split}/{epoch}", memory=2000, minutes=30),
    Stage("evaluation", "evaluate predictions by the VOC protocol: IoU per class",
          version=3, logs=EPOCH, memory=2000, minutes=30, timed="evaluation"),
    Stage("trimap", "measure the mean IoU near true boundaries and away from them", words="trimap measure",
          version=2, logs=EPOCH, memory=2000, minutes=30, timed="evaluation"),
    Stage("trimap_plot", "write the page that compares the trimap analyses of experiments", words="trimap plot",
          version=3, logs="{experiments}", memory=2000, minutes=20, local=True),
    Stage("crf_search", "search the weights of the dense CRF on held-out images",
          version=2, logs=EPOCH, memory=8000, minutes=240, gpus=1, timed="evaluation"),
    Stage("search", "compare runs that differ in a few settings, on held-out images",
          version=2, logs="{search}", memory=2000, minutes=60),
    Stage("report", "write the page of an experiment",
          version=6, logs="{experiment}", memory=4000, minutes=30, local=True),
    Stage("paper", "write the page that compares experiments with the paper's results",
          version=4, logs="{page}", memory=4000, minutes=30, local=True),
    Stage("check", "compare stores and checkpoints with their checksums"),
    Stage("show", "draw an image with its boxes, chosen segments and labels"),
    Stage("completion", "print a script that lets a shell complete commands and options"),
)
# fmt: on
STAGES = {stage.name: stage for stage in ROWS}
COMMANDS = {stage.command: stage for stage in ROWS}

# First words that several commands share, and one line of help.
GROUPS = {
    "contours": "train and evaluate the contour detector that proposals use",
    "proposals": "make, evaluate and compare candidate segments",
    "trimap": "analyse errors by their distance from true boundaries",
}
