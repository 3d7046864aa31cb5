"""The page of an experiment: from its results to one self-contained HTML file."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup

from boxsup.catalogue.tables import Catalogue
from boxsup.config import without_held_out
from boxsup.evaluation.tables import MEAN
from boxsup.report.crf_search import crf_search_section
from boxsup.report.figures import Line, line_chart, smoothed
from boxsup.report.gallery import Row, generation_rows, prediction_rows
from boxsup.report.palette import hexadecimal
from boxsup.report.results import SeedResults, mean_and_spread
from boxsup.report.templates import NONE, percent, render_template
from boxsup.report.trimap import trimap_chart
from boxsup.store.labels import VOID, Labels

PACKAGES = ("boxsup", "torch", "torchvision", "numpy", "pandas", "pydensecrf2", "zarr", "matplotlib", "snakemake")
VOC_SIZES = (10_582, 1_449)  # images of trainaug and val
QUALITY_COLUMNS = {  # column of the quality table: (title, shown as)
    "generation": ("Generation", "count"),
    "boxes": ("Boxes", "count"),
    "miou": ("mIoU %", "percent"),
    "fill": ("Fill", "ratio"),
    "box_fill": ("Box fill", "ratio"),
    "changed": ("Changed %", "percent"),
    "rectangles": ("Rectangles %", "percent"),
}


def render(
    name: str,
    config: dict[str, Any],
    folder: Path,
    epochs: int,
    seeds: Sequence[SeedResults],
    train: Catalogue,
    val: Catalogue,
) -> str:
    """The page of an experiment as HTML that asks for no other file.

    Args:
        name: Of the experiment.
        config: Its effective settings: `experiment`, `dataset` and `proposals`.
        folder: Its results, as commands on the page shall name them.
        epochs: How many were run.
        seeds: The results of each seed, one at least; pictures and store attributes are taken from the first.
        train: The training split.
        val: The images that were evaluated: their split without those that are held out.
    """
    first = seeds[0]
    gallery = generation_rows(train, first.generations)
    predictions = prediction_rows(val, first.predictions)
    held_out = config["experiment"]["validation"]["held_out"]
    searched = {seed.seed: seed.crf_search for seed in seeds if held_out and len(seed.crf_search)}
    shown = {"gallery": gallery, "predictions": [row for group in predictions.values() for row in group]}
    return render_template(
        "page.html.j2",
        name=name,
        badge=_badge(config, train, val),
        headline={column: _score([seed.evaluation[column][MEAN] for seed in seeds]) for column in ("iou", "iou_crf")},
        seeds=[seed.seed for seed in seeds],
        epochs=epochs,
        held_out=held_out,
        facts=_facts(config, seeds, train, val),
        config=yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=88, allow_unicode=True),
        versions=_versions(first),
        pretrained=_pretrained(first),
        classes=_class_rows(seeds),
        curve=_curve(seeds),
        trimap=_trimap(seeds),
        crf=crf_search_section(searched, config["experiment"]["inference"]),
        quality=_quality(seeds),
        gallery=gallery,
        predictions=predictions,
        legends={section: _legend(rows, train.classes) for section, rows in shown.items()},
        commands=_commands(name, folder, epochs, first, train, val),
    )


def _score(values: Sequence[float]) -> str:
    """Per cent of the mean over seeds, with the standard deviation where there are several."""
    mean, spread = mean_and_spread(values)
    return percent(mean) if np.isnan(spread) else f"{percent(mean)} ± {percent(spread)}"


def _badge(config: dict[str, Any], train: Catalogue, val: Catalogue) -> str:
    if config["dataset"]["format"] == "shapes":
        return "demo data, not PASCAL VOC"
    if (len(train.images), len(val.images) + config["experiment"]["validation"]["held_out"]) != VOC_SIZES:
        return "a subset in VOC layout: scores are not VOC scores"
    return ""


def _facts(
    config: dict[str, Any], seeds: Sequence[SeedResults], train: Catalogue, val: Catalogue
) -> list[tuple[str, str]]:
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


def _versions(seed: SeedResults) -> list[tuple[str, str]]:
    """Package -> the versions that the results were made with and, where they say nothing, that of this page."""
    recorded: dict[str, list[str]] = {}
    for store in (*seed.generations.values(), seed.predictions):
        for package, number in Labels(store).attributes.get("versions", {}).items():
            if package != "stage" and number not in recorded.setdefault(package, []):
                recorded[package].append(number)
    versions = {package: ", ".join(recorded.get(package, [])) or _installed(package) for package in PACKAGES}
    return [("Python", platform.python_version()), *versions.items()]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # an environment of this stage alone does without it
        return NONE


def _pretrained(seed: SeedResults) -> dict[str, str]:
    """File and SHA-256 of the weights that the network started from, as the predictions recorded them."""
    recorded = Labels(seed.predictions).attributes.get("pretrained") or {}
    return {key: str(value) for key, value in recorded.items() if value}


def _class_rows(seeds: Sequence[SeedResults]) -> list[dict[str, Any]]:
    """The results table: a row a class and one of the mean."""
    rows = []
    pixels = seeds[0].evaluation["truth_pixels"]
    for label, name in enumerate(seeds[0].evaluation.index):
        plain, crf = ([seed.evaluation[column].iloc[label] for seed in seeds] for column in ("iou", "iou_crf"))
        gain = mean_and_spread(crf)[0] - mean_and_spread(plain)[0]
        mean = label == len(pixels) - 1
        rows.append(
            {
                "name": name,
                "colour": "" if mean else hexadecimal(label),
                "plain": _score(plain),
                "crf": _score(crf),
                "bar": percent(mean_and_spread(crf)[0]),
                "gain": NONE if np.isnan(gain) else f"{100 * gain:+.1f}",
                "share": f"{100 * pixels.iloc[label] / max(1, pixels.iloc[-1]):.1f}",
                "mean": mean,
            }
        )
    return rows


def _curve(seeds: Sequence[SeedResults]) -> dict[str, Any]:
    """Charts of training loss and of mean IoU on the evaluated split, as far as there are points."""
    losses = [
        Line(_once(i, "loss"), *smoothed(seed.loss), "blue", dots=False)
        for i, seed in enumerate(seeds)
        if len(seed.loss)
    ]
    points = [
        Line(_once(i, "without CRF"), *_xy(seed.validation, 100), "blue")
        for i, seed in enumerate(seeds)
        if seed.validation
    ]
    return {
        "loss": Markup(line_chart("loss", losses, "iteration", "training loss")) if losses else "",
        "validation": Markup(line_chart("validation", points, "epoch", "mIoU (%)")) if points else "",
        "iterations": max(len(seed.loss) for seed in seeds),
    }


def _trimap(seeds: Sequence[SeedResults]) -> Markup | str:
    """Chart of the mean IoU near the true boundaries and away from them, where it was measured."""
    tables = [seed.trimap for seed in seeds if len(seed.trimap)]
    series = {"without CRF": tables, "with CRF": tables}
    return trimap_chart("trimap", series, ("", "_crf")) if tables else ""


def _quality(seeds: Sequence[SeedResults]) -> dict[str, Any]:
    """Table and charts of the pseudo-masks, a row a generation, means over the seeds."""
    tables = [seed.quality.set_index("generation", drop=False) for seed in seeds if len(seed.quality)]
    if not tables or not sum(table["boxes"].sum() for table in tables):
        return {"rows": [], "titles": [], "charts": [], "warnings": [], "single": len(tables) > 0, "truth": False}
    mean = pd.concat(tables).groupby(level=0).mean(numeric_only=True)
    rows = [[_shown(row[column], kind) for column, (_, kind) in QUALITY_COLUMNS.items()] for _, row in mean.iterrows()]
    charts = []
    if len(mean) > 1:
        charts = [
            _quality_chart(
                "quality", tables, {"miou": ("mIoU", "green"), "changed": ("changed boxes", "orange")}, "%", 100
            ),
            _quality_chart(
                "filling", tables, {"fill": ("fill", "purple"), "box_fill": ("box fill", "blue")}, "ratio", 1
            ),
        ]
    return {
        "rows": rows,
        "titles": [title for title, _ in QUALITY_COLUMNS.values()],
        "charts": [Markup(chart) for chart in charts],
        "warnings": _warnings(seeds),
        "single": len(mean) == 1,
        "truth": bool(mean["images"].max() > 0),
    }


def _warnings(seeds: Sequence[SeedResults]) -> list[str]:
    """What the quality tables warn of: of each seed the first generation concerned, and how many more there are."""
    lines = []
    for seed in seeds:
        said = list(seed.quality.get("warning", pd.Series(dtype=str)).dropna())
        if said:
            more = f" ({len(said) - 1} more generations likewise)" if len(said) > 1 else ""
            lines.append(f"Seed {seed.seed}: {said[0]}{more}")
    return lines


def _quality_chart(
    name: str, tables: Sequence[pd.DataFrame], columns: dict[str, tuple[str, str]], unit: str, factor: float
) -> str:
    lines = [
        Line(_once(i, label), table.index.to_numpy(float), factor * table[column].to_numpy(float), colour)
        for column, (label, colour) in columns.items()
        for i, table in enumerate(tables)
        if table[column].notna().any()
    ]
    return line_chart(name, lines, "generation", unit)


def _legend(rows: Sequence[Row], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Name and colour of each label that the rows' pictures show, but for the background."""
    seen = frozenset[int]().union(*(row.labels for row in rows))
    return [("void" if label == VOID else classes[label], hexadecimal(label)) for label in sorted(seen - {0})]


def _commands(
    name: str, folder: Path, epochs: int, seed: SeedResults, train: Catalogue, val: Catalogue
) -> list[tuple[str, str]]:
    """What to type to run the experiment again and to look closer."""
    commands = [("Run it again, or bring it up to date", f"snakemake --cores all {folder}/report.html")]
    if seed.generations:
        store = seed.generations[max(seed.generations)]
        commands.append(("An image with its boxes, chosen segments and labels", f"boxsup show {store} {train.ids[0]}"))
    python = f"python -c \"import boxsup; print(boxsup.open_labels('{seed.predictions}')['{val.ids[0]}'])\""
    commands.append(("A predicted label map as an array", python))
    return commands


def _once(index: int, label: str) -> str:
    """The label for the first seed's line, none for the others'."""
    return label if index == 0 else ""


def _xy(points: dict[int, float], factor: float) -> tuple[Any, Any]:
    return np.array(list(points), float), factor * np.array(list(points.values()), float)


def _shown(value: float, kind: str) -> str:
    if np.isnan(value):
        return NONE
    return {"count": f"{value:,.0f}", "percent": percent(value), "ratio": f"{value:.2f}"}[kind]
