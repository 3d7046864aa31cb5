"""Writes a project's files: the configuration with its reasons, and the lists of images."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from boxsup.again import program
from boxsup.catalogue.readers.folder import DRAWN, NONE
from boxsup.catalogue.sources import Source
from boxsup.evaluation.measured import Basis
from boxsup.experiments.tree import ExperimentFolder
from boxsup.inference.crf import has_crf
from boxsup.project.plan import Plan
from boxsup.project.splits import Splits

CONFIG, PROBLEMS = "config.yaml", "problems.csv"
WRITTEN = "# Written by `boxsup init`"  # what the configuration begins with
EXPERIMENTS = ("_box", "_semi")  # an experiment's name is its data set's plus one of these; the second is with masks
LISTS, MASKED = ("train.txt", "val.txt"), "masks.txt"
POINTS, NO_CURVE = 5, "no learning curve where nothing is measured"


@dataclass(frozen=True)
class Project:
    """What a project's configuration is made from.

    Attributes:
        folder: The folder to write to.
        name: Name of the data set; the experiment is NAME_box or NAME_semi.
        source: The annotations, with the classes to use.
        splits: The images for training and evaluation.
        basis: What scores on the evaluation images will be computed over.
        plan: Settings that depend on the data and the machine.
        side: Median of the images' longer sides in pixels.
        cores: Processor cores of the machine.
        reviewed: File of a person's decisions on masks, which boxes have; "" for none.
    """

    folder: Path
    name: str
    source: Source
    splits: Splits
    basis: Basis
    plan: Plan
    side: float
    cores: int
    reviewed: str = ""

    @property
    def truth(self) -> bool:
        """Whether anything can be measured on the evaluation images."""
        return not self.basis.why_not

    @property
    def experiment(self) -> str:
        """The name of the experiment."""
        return self.name + EXPERIMENTS[bool(self.splits.masks)]

    def command(self) -> str:
        """The command to run next, for a shell in the user's working directory."""
        return shlex.join([program("boxsup"), "run", str(self.folder)])

    def page(self) -> str:
        """Where the page of the experiment will be."""
        return str(ExperimentFolder(self.experiment).report)


def config_text(project: Project) -> str:
    """The configuration as YAML, laid over `config.yaml`; see `boxsup/project/config.yaml.j2`.

    Values from the data (paths, class names) are written as JSON, which YAML reads, and never in comments.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("boxsup.project", "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # YAML
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    files = project.source.split_settings()
    every = max(1, project.plan.epochs // POINTS) if project.truth else 0
    return environment.get_template("config.yaml.j2").render(
        written=WRITTEN,
        project=project,
        root=str(project.folder.absolute()),
        files=files,
        notes={key: _note(key, value, bool(project.splits.masks)) for key, value in files.items()},
        classes=list(project.source.classes[1:]),
        side=round(project.side),
        has_crf=has_crf(),
        val_note="" if project.truth else ", to be looked at: nothing is measured on them",
        every=every,
        every_note=f"epochs between points of the learning curve, {POINTS} or so" if every else NO_CURVE,
    )


def _note(key: str, value: str | bool, semi: bool) -> str:
    """The comment beside a key of the splits."""
    if key == "corners":
        return " # pixels from 1, the last one included" if value == "voc" else " # borders from 0: a box begins there"
    if key == "ids":
        return " # images in several folders share names: their ids include the folders"
    if key == "links":
        return " # as you said: links out of these folders are followed"
    if key == "other_classes":
        return " # of classes that --classes left out; without this key each is a problem"
    if key != "masks":
        return ""
    if value == NONE:
        return " # there are none"
    what = "drawn of images whose every object has a segmentation" if value == DRAWN else "ID.png, of some images"
    used = "`supervision.masks` says whose are trained on" if semi else "to measure with: none is trained on"
    return f" # {what}; {used}"


def list_files(splits: Splits, names: dict[str, str]) -> dict[str, str]:
    r"""File name -> its content: the names of the images of a split, one per line.

    >>> list_files(Splits(["a"], ["b"], []), {"a": "a.jpg", "b": "b.jpg"})
    {'train.txt': 'a.jpg\n', 'val.txt': 'b.jpg\n'}

    Args:
        splits: Image ids.
        names: Image id -> the image's name below the folder of images.
    """
    parts: dict[str, Sequence[str]] = dict(zip(LISTS, (splits.train, splits.val), strict=True))
    if splits.masks:
        parts[MASKED] = splits.masks
    return {file: "".join(f"{names[image]}\n" for image in images) for file, images in parts.items()}
