"""What is known of a run that has no true masks: its boxes, how many chose, how full and how sure their labels are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from boxsup.again import program, started
from boxsup.catalogue.readers.voc import ANNOTATIONS, IMAGES
from boxsup.labels.choice import Chosen
from boxsup.masking.quality import UNSURE
from boxsup.report.experiment.odd_boxes import BoxHistory
from boxsup.report.shared.templates import NONE, percent

# The formats, besides VOC's, of data sets whose files `boxsup masks` reads.
SPLIT_FORMATS = ("voc_xml", "yolo", "labelme", "coco")


def known_of_boxes(history: BoxHistory, odd: int) -> dict[str, str]:
    """Summarise the last generation of a run by its boxes, as texts.

    Args:
        history: The boxes of the training split.
        odd: Number of boxes worth a look.

    Returns:
        `boxes`, those that supervise; `chose`, the share of them, in per cent, that chose a segment; `expected`, the
        median of the expected IoU of these segments; `unsure`, the share below `least`, in per cent; and `odd`.
    """
    supervising = ~np.isnan(history.spanned)
    last = history.chosen[-1][supervising]
    expected = history.expected[supervising & ~np.isnan(history.expected)]
    segments = (last >= 0) | (last == Chosen.SEGMENT)
    return {
        "boxes": f"{len(last):,}",
        "chose": percent(segments.mean() if len(last) else np.nan),
        "expected": f"{np.median(expected):.2f}" if len(expected) else NONE,
        "unsure": percent((expected < UNSURE).mean()) if len(expected) else NONE,
        "least": f"{UNSURE:g}",
        "odd": f"{odd:,}",
    }


def next_commands(config: Mapping[str, Any], folder: Path) -> list[tuple[str, str]]:
    """The commands that go on from a run: masks of the training boxes, if they can be read, and a review; with titles.

    Args:
        config: The effective settings of the experiment.
        folder: The folder of its results.
    """
    lines, source = [], _source(config)
    if source is not None:
        given = ["--images", str(source[0]), "--boxes", str(source[1]), "--model", str(folder)]
        masks = ["masks", *given, "--out", f"masks_{folder.name}"]
        lines.append(("Masks of these boxes as files, with a score for each", masks))
    lines.append(("Go through the boxes and decide, those first in which a look pays most", ["review", str(folder)]))
    return [(title, started().there(shlex.join([program("boxsup"), *words]))) for title, words in lines]


def _source(config: Mapping[str, Any]) -> tuple[Path, Path] | None:
    """The images and the annotations of the training split as `boxsup masks` takes them; None if it reads neither."""
    dataset, name = config["dataset"], config["experiment"]["train"]
    if "root" not in dataset:
        return None
    root, split = Path(dataset["root"]), dataset["splits"].get(name, {})
    if dataset["format"] == "voc":
        return root / IMAGES, root / ANNOTATIONS
    if dataset["format"] in SPLIT_FORMATS and {"images", "annotations"} <= split.keys():
        return root / split["images"], root / split["annotations"]
    return None
