"""Where the results come from: data, network, versions, weights, and what to type to look closer."""

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
from boxsup.evaluation.measured import Basis
from boxsup.experiments.tree import ExperimentFolder
from boxsup.report.experiment.results import SeedResults
from boxsup.report.shared.templates import NONE
from boxsup.store.labels import Labels

PACKAGES = ("boxsup", "torch", "torchvision", "numpy", "pandas", "pydensecrf2", "zarr", "matplotlib", "snakemake")
VOC_FORMATS = ("voc", "sbd", "union")
VOC_SIZES = (10_582, 1_449)  # images of trainaug and val


def badge(config: dict[str, Any], train: Catalogue, val: Catalogue, basis: Basis) -> str:
    """What the scores are not, where they may be taken for VOC's, or that there are none; else empty."""
    if not basis.images:
        return "no true masks: nothing is measured, what is predicted can be looked at"
    if basis.why_not:
        return "nothing is measured, what is predicted can be looked at"
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
    """What was trained on what, in the page's words."""
    experiment, generations = config["experiment"], seeds[0].generations
    masked = int(Labels(list(generations.values())[-1]).table("true_mask").sum()) if generations else None
    return [
        ("Data set", f"{experiment['dataset']} ({config['dataset']['format']})"),
        ("Training images", f"{len(train.images):,} ({experiment['train']})"),
        ("Boxes in them", f"{len(train.boxes):,}"),
        ("Images whose true mask is used", NONE if masked is None else f"{masked:,}"),
        ("Evaluated images", f"{len(val.images):,} ({experiment['val']}{without_held_out(experiment)})"),
        ("Classes", f"{len(train.classes) - 1} and background"),
        ("Network", experiment["network"]["name"]),
        ("Seeds", ", ".join(str(seed.seed) for seed in seeds)),
    ]


def versions(seed: SeedResults) -> list[tuple[str, str]]:
    """Package -> the versions that the results were made with and, where they say nothing, that of this page."""
    recorded: dict[str, list[str]] = {}
    for store in (*seed.generations.values(), seed.predictions):
        for package, number in Labels(store).attributes.get("versions", {}).items():
            if package != "stage" and number not in recorded.setdefault(package, []):
                recorded[package].append(number)
    found = {package: ", ".join(recorded.get(package, [])) or _installed(package) for package in PACKAGES}
    return [("Python", platform.python_version()), *found.items()]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # an environment of this stage alone does without it
        return NONE


def weights(seed: SeedResults) -> list[tuple[str, str]]:
    """File and SHA-256 of the weights that the network started from and ended with, as the predictions recorded it."""
    recorded = Labels(seed.predictions).attributes
    start = recorded.get("pretrained") or {}
    started = [(f"Pretrained weights, {key}", str(value)) for key, value in start.items() if value]
    ended = [("Evaluated checkpoint, sha256", recorded["model"])] if "model" in recorded else []
    return [*(started or [("Pretrained weights", "none recorded")]), *ended]


def commands(folder: Path, seed: SeedResults, train: Catalogue, val: Catalogue) -> list[tuple[str, str]]:
    """What to type to run the experiment again and to look closer."""
    start = started()
    lines = [("Run it again, or bring it up to date", start.command([str(ExperimentFolder.at(folder).report)]))]
    if seed.generations:
        last = seed.generations[max(seed.generations)]
        show = shlex.join([program("boxsup"), "show", str(last), train.ids[0]])
        lines.append(("An image with its boxes, chosen segments and labels", show))
    store, image = json.dumps(str(seed.predictions)), json.dumps(val.ids[0])
    code = f"import boxsup; print(boxsup.open_labels({store})[{image}])"
    lines.append(("A predicted label map as an array", shlex.join([program("python"), "-c", code])))
    return [(title, start.there(command)) for title, command in lines]
