"""Where the results come from: data, network, versions and weights; and commands that lead back to them."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from boxsup.again import program, started
from boxsup.catalogue.tables import Catalogue
from boxsup.config.params import without_held_out
from boxsup.config.training import network_name
from boxsup.evaluation.measured import Basis
from boxsup.experiments.tree import ExperimentFolder
from boxsup.report.experiment.results import SeedResults
from boxsup.report.shared.templates import NONE
from boxsup.store.labels import Labels
from boxsup.version import VERSION

PACKAGES = ("boxsup", "torch", "numpy", "pandas", "pydensecrf2", "zarr", "matplotlib", "snakemake")
VOC_FORMATS = ("voc", "sbd", "union")
VOC_SIZES = (10_582, 1_449)  # images of trainaug and of val


def badge(config: dict[str, Any], train: Catalogue, val: Catalogue, basis: Basis) -> str:
    """A warning for the head of the page, if there are no scores or if they could be mistaken for VOC's; else ""."""
    if not basis.images:
        return "no true masks: nothing is measured, but the predictions can be seen below"
    if basis.why_not:
        return "nothing is measured, but the predictions can be seen below"
    if config["dataset"]["format"] == "shapes":
        return "demo data, not PASCAL VOC"
    if config["dataset"]["format"] not in VOC_FORMATS:
        return ""
    if (len(train.images), len(val.images) + config["experiment"]["validation"]["held_out"]) != VOC_SIZES:
        return "a subset in VOC layout: scores are not VOC scores"
    return ""


def facts(
    config: dict[str, Any], seeds: Sequence[SeedResults], train: Catalogue, val: Catalogue
) -> list[tuple[str, str]]:
    """The training data, the evaluated data and the network, as titles and values."""
    experiment, generations = config["experiment"], seeds[0].generations
    masked = int(Labels(list(generations.values())[-1]).table("true_mask").sum()) if generations else None
    return [
        ("Data set", f"{experiment['dataset']} ({config['dataset']['format']})"),
        ("Training images", f"{len(train.images):,} ({experiment['train']})"),
        ("Boxes in them", f"{len(train.boxes):,}"),
        ("Images that train on their true mask", NONE if masked is None else f"{masked:,}"),
        ("Evaluated images", f"{len(val.images):,} ({experiment['val']}{without_held_out(experiment)})"),
        ("Classes", f"{len(train.classes) - 1} and background"),
        ("Network", network_name(experiment["network"])),
        ("Seeds", ", ".join(str(seed.seed) for seed in seeds)),
    ]


def versions(seed: SeedResults) -> list[tuple[str, str]]:
    """The version of each package: as the results recorded it, otherwise the one that made this page."""
    recorded: dict[str, list[str]] = {}
    for store in (*seed.generations.values(), seed.predictions):
        for package, number in Labels(store).attributes.get("versions", {}).items():
            if package != "stage" and number not in recorded.setdefault(package, []):
                recorded[package].append(number)
    known = {package: ", ".join(recorded.get(package, [])) or _installed(package) for package in PACKAGES}
    return [("Python", platform.python_version()), *known.items()]


def _installed(package: str) -> str:
    if package == "boxsup":
        return VERSION  # its code need not be installed: `boxsup/running/launcher`
    try:
        return version(package)
    except PackageNotFoundError:  # the environment of this stage does not need it
        return NONE


def weights(seed: SeedResults) -> list[tuple[str, str]]:
    """The weights that the network started from, and those that predicted, as the predictions recorded them."""
    recorded = Labels(seed.predictions).attributes
    start = recorded.get("pretrained") or {}
    started = [(f"Pretrained weights, {key}", str(value)) for key, value in start.items() if value]
    ended = [("Evaluated checkpoint, sha256", recorded["model"])] if "model" in recorded else []
    return [*(started or [("Pretrained weights", "none recorded")]), *ended]


def commands(folder: Path, seed: SeedResults, train: Catalogue, val: Catalogue) -> list[tuple[str, str]]:
    """Commands that run the experiment again and that show its results in more detail, each with a title."""
    start = started()
    page = str(ExperimentFolder.at(folder).report)
    lines = [("Run the experiment again, or bring it up to date", start.command([page]))]
    if seed.generations:
        last = seed.generations[max(seed.generations)]
        show = shlex.join([program("boxsup"), "show", str(last), train.ids[0]])
        lines.append(("Draw an image with its boxes, chosen segments and labels", show))
    store, image = json.dumps(str(seed.predictions)), json.dumps(val.ids[0])
    code = f"import boxsup; print(boxsup.open_labels({store})[{image}])"
    lines.append(("Print a predicted label map as an array", shlex.join([program("python"), "-c", code])))
    return [(title, start.there(command)) for title, command in lines]
