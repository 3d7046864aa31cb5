"""The card of an exported model: what it learned from, what was measured, and what was not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.errors import StoreError
from boxsup.evaluation.tables import read_table
from boxsup.experiments.found import run_around, seed_of
from boxsup.experiments.tree import ExperimentFolder, Run
from boxsup.inference.labelling import read_labelling
from boxsup.near import counted
from boxsup.store.labels import Labels

HEAD = """---
pipeline_tag: image-segmentation
library_name: boxsup
tags:
- semantic-segmentation
- weakly-supervised
# license: it is yours to choose; think of the images and of the weights that training started from
---
"""
USE = """## Use

```python
import boxsup

model = boxsup.load("FOLDER")  # this folder
prediction = model.predict("photo.jpg")
prediction.save("labels.png")
```
"""


@dataclass(frozen=True)
class Measured:
    """What the results around a checkpoint say about it; each is None or empty if they do not.

    Attributes:
        experiment: Name of the experiment.
        seed: Seed of the run.
        seeds: Seeds of all runs of the experiment.
        trained_on: The attributes of the masks that it learned from last.
        quality: The row of their quality.
        evaluation: IoU by class, and the mean.
    """

    experiment: str = ""
    seed: str = ""
    seeds: tuple[int, ...] = ()
    trained_on: Mapping[str, Any] | None = None
    quality: Mapping[str, Any] | None = None
    evaluation: pd.DataFrame | None = None


def measured_around(checkpoint: Path, epoch: int) -> Measured:
    """Read what lies in the results that a checkpoint is in; nothing for a copy elsewhere."""
    folder = run_around(checkpoint.absolute())
    if folder is None:
        return Measured()
    experiment = ExperimentFolder.at(folder.parent)
    run = Run(experiment.name, seed_of(folder), experiment.results)
    trained_on: Mapping[str, Any] | None = None
    seeds: tuple[int, ...] = ()
    generation = epoch
    try:
        if experiment.labelling.is_file():
            known = read_labelling(experiment.labelling)
            own = (int(path.stem) for path in known.generations_in(folder))
            seeds, generation = known.seeds, max((number for number in own if number <= epoch), default=epoch)
        trained_on = dict(Labels(run.labels(generation)).attributes) if run.labels(generation).is_dir() else None
    except StoreError:  # the card leaves out what cannot be read
        pass
    quality = _table(run.quality(generation))
    row = None if quality is None else dict(quality.iloc[-1])
    return Measured(experiment.name, seed_of(folder), seeds, trained_on, row, _table(run.evaluation(epoch)))


def model_card(facts: Mapping[str, Any], measured: Measured, refined: bool) -> str:
    """The card as Markdown, with the head that Hugging Face's hub reads.

    Args:
        facts: See `boxsup.inference.weights.describe_weights`.
        measured: What is known from the results.
        refined: Whether a dense CRF refines its labels.
    """
    title = measured.experiment or facts["network"]
    parts = [HEAD, f"# {title}\n", _about(facts, measured), USE, _measured(facts, measured, refined), _settings(facts)]
    return "\n".join(parts)


def _about(facts: Mapping[str, Any], measured: Measured) -> str:
    start = facts["pretrained"]
    known = measured.trained_on
    lines = [
        ("Network", f"`{facts['network']}`, {facts['epoch']} epochs"),
        ("Started from", f"{start['file']} (sha256 {start['sha256'][:16]}…)" if start else "random weights"),
        ("Classes", ", ".join(facts["classes"])),
        ("Run", f"experiment {measured.experiment}, seed {measured.seed}" if measured.experiment else "not known"),
        ("Seeds of the experiment", ", ".join(map(str, measured.seeds)) or "not known"),
        ("Data", str(known["catalogue"]) if known and "catalogue" in known else "not known"),
        ("Supervision", _supervision(measured)),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {title} | {_cell(text)} |" for title, text in lines)]) + "\n"


def _supervision(measured: Measured) -> str:
    known = measured.trained_on
    if known is None:
        return "not known"
    if known.get("settings") is None:
        return "fixed masks"
    images = counted(len(known["images"]), "image") if "images" in known else "images"
    boxes = measured.quality and measured.quality.get("boxes")
    how_many = f" ({counted(int(boxes), 'box', 'boxes')})" if boxes else ""
    return f"bounding boxes that choose masks{how_many}; {images} in all, of which some may have had true masks"


def _measured(facts: Mapping[str, Any], measured: Measured, refined: bool) -> str:
    """Measured figures, as they stand in the results, and what was not measured."""
    lines, missing = ["## Measured\n"], ["other data than this run's, speed, fairness between groups of people"]
    quality, table = measured.quality, measured.evaluation
    if quality is not None and pd.notna(quality.get("miou")):
        images = counted(int(quality["images"]), "image")
        masks = f"mean IoU {100 * quality['miou']:.1f} over {images} with true masks"
        lines.append(f"The masks that it learned from in its last epoch: {masks}.\n")
    else:
        missing.append("the quality of the masks that it learned from")
    if table is None:
        missing.append("the quality of its labels")
    else:
        wanted = ("iou", "iou_crf") if refined else ("iou",)
        columns = [column for column in wanted if column in table and table[column].notna().any()]
        titles = {"iou": "IoU", "iou_crf": "IoU with the dense CRF"}
        lines += [f"| class | {' | '.join(titles[column] for column in columns)} |", "|---|" + "---|" * len(columns)]
        for _, row in table.iterrows():
            figures = (f"{100 * row[column]:.1f}" if pd.notna(row[column]) else "–" for column in columns)
            lines.append(f"| {_cell(str(row['class']))} | {' | '.join(figures)} |")
        images = counted(int(table["images"].iloc[0]), "image")
        lines.append(f"\nOn {images}, in %, at epoch {facts['epoch']}, of this run alone.\n")
    return "\n".join([*lines, f"Not measured: {'; '.join(missing)}.\n"])


def _settings(facts: Mapping[str, Any]) -> str:
    text = json.dumps({key: facts[key] for key in ("normalisation", "labelling", "versions")}, indent=2)
    return f"## How images are labelled, and what it was made with\n\n```json\n{text}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _table(path: Path) -> pd.DataFrame | None:
    """A table of results; None if there is none that can be read."""
    try:
        table = read_table(path)
    except (StoreError, OSError, ValueError):
        return None
    return table if len(table) else None
