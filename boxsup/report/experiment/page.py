"""The page of an experiment: from its results to one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

from boxsup.again import program, started
from boxsup.catalogue.tables import Catalogue
from boxsup.evaluation.measured import MIN_PIXELS, basis_in
from boxsup.evaluation.tables import MEAN
from boxsup.image import VOID
from boxsup.image.palette import css_colour
from boxsup.report.experiment.class_scores import beside, class_rows
from boxsup.report.experiment.confusions import confusion_section
from boxsup.report.experiment.crf_search import crf_search_section
from boxsup.report.experiment.generations import explore_generations
from boxsup.report.experiment.odd_boxes import WITHOUT_CANDIDATE
from boxsup.report.experiment.predictions import VIEWS, explore_predictions, score_predictions
from boxsup.report.experiment.provenance import badge, commands, facts, versions, weights
from boxsup.report.experiment.results import SeedResults, mean_and_spread
from boxsup.report.experiment.searches import search_sections
from boxsup.report.experiment.timings import timing_rows
from boxsup.report.experiment.training import curve_section, quality_section
from boxsup.report.experiment.trimap import trimap_chart
from boxsup.report.shared.templates import percent_and_spread, render_template
from boxsup.store.labels import Labels

# What an explorer offers to show, by what page.js calls it: a number is a view's.
OTHER_OPTIONS = [("truth", "true masks"), ("photo", "photos")]
GENERATION_OPTIONS = [("step", "labels"), *OTHER_OPTIONS]
PREDICTION_OPTIONS = [("0", "with CRF"), ("1", "without CRF"), *OTHER_OPTIONS]
CHOICES_NOTE = (
    "The dot marks the candidate that the box chose, among its best, the best first; point at a row to see its "
    "outline. Eₒ is the overlap cost, Eᵣ the regression cost, 0 where the network was not asked."
)


@dataclass(frozen=True)
class Rendered:
    """The page of an experiment.

    Attributes:
        text: HTML that asks for no other file.
        full: Ids of the evaluated images that it links to at full size, see `boxsup.report.experiment.full_size`.
    """

    text: str
    full: list[str]


def render(
    name: str,
    config: dict[str, Any],
    folder: Path,
    epochs: int,
    seeds: Sequence[SeedResults],
    train: Catalogue,
    val: Catalogue,
    others: Mapping[str, Sequence[pd.DataFrame]],
    timings: pd.DataFrame,
    searches: Mapping[str, pd.DataFrame],
) -> Rendered:
    """The page of an experiment.

    Args:
        name: Of the experiment.
        config: Its effective settings: `experiment`, `dataset` and `proposals`.
        folder: Its results, as commands on the page shall name them.
        epochs: How many were run.
        seeds: The results of each seed, one at least; pictures and store attributes are taken from the first.
        train: The training split.
        val: The images that were evaluated: their split without those that are held out.
        others: Experiments to compare with, by name: the evaluations of their seeds.
        timings: The table of `read_timings`.
        searches: Searches over this experiment's settings, by name: the tables of `boxsup search`.
    """
    first = seeds[0]
    held_out = config["experiment"]["validation"]["held_out"]
    searched = {seed.seed: seed.crf_search for seed in seeds if held_out and "objects" in seed.crf_search}
    basis = basis_in(first.evaluation)
    maps = [Labels(first.predictions, stack) for stack in VIEWS]
    scored, confusion = score_predictions(val, maps)
    generations = {number: Labels(path) for number, path in first.generations.items()}
    pseudo_masks = explore_generations(train, generations) if generations else {"views": [], "pictures": [], "odd": []}
    predictions = explore_predictions(scored, maps)
    compared = beside(others, first.evaluation.index)
    data = {
        "classes": [{"name": own, "colour": css_colour(label)} for label, own in enumerate(train.classes)],
        "void": {"name": "void", "colour": css_colour(VOID)},
        "without": WITHOUT_CANDIDATE,
        "beside": compared,
        "show": started().there(f"{program('boxsup')} show"),
        "stores": {number: str(path) for number, path in first.generations.items()},
        "generations": pseudo_masks,
        "predictions": predictions,
    }
    text = render_template(
        "page.html.j2",
        name=name,
        badge=badge(config, train, val, basis),
        headline={column: _score(seeds, column) for column in ("iou", "iou_crf")},
        basis=basis,
        seeds=[seed.seed for seed in seeds],
        epochs=epochs,
        held_out=held_out,
        facts=facts(config, seeds, train, val),
        config=yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=88, allow_unicode=True),
        versions=versions(first),
        weights=weights(first),
        least=MIN_PIXELS,
        classes=class_rows([seed.evaluation for seed in seeds]),
        beside=compared,
        curve=curve_section(seeds),
        trimap=_trimap(seeds),
        confusion={} if basis.why_not else confusion_section(confusion, val.classes),
        crf=crf_search_section(searched, config["experiment"]["inference"]),
        searches=search_sections(searches),
        quality=quality_section(seeds),
        generations=_explorer(pseudo_masks, GENERATION_OPTIONS, train.classes)
        | {"odd": len(pseudo_masks["odd"]), "note": CHOICES_NOTE},
        predictions=_explorer(predictions, PREDICTION_OPTIONS, val.classes) | {"all": len(scored)},
        timings=timing_rows(timings),
        commands=commands(folder, first, train, val),
        data=data,
    )
    return Rendered(text, [picture["id"] for picture in predictions["pictures"] if picture["full"]])


def _explorer(found: Mapping[str, Any], options: Sequence[tuple[str, str]], classes: Sequence[str]) -> dict[str, Any]:
    """What the template asks of an explorer: `count` of pictures, `views`, `options` to show, `classes` to choose."""
    pictures = found["pictures"]
    labels = sorted({label for picture in pictures for label in picture["labels"]})
    truth = any(picture["truth"] is not None for picture in pictures)
    return {
        "count": len(pictures),
        "views": found["views"],
        "options": [(value, title) for value, title in options if truth or value != "truth"],
        "classes": [(label, classes[label]) for label in labels],
    }


def _score(seeds: Sequence[SeedResults], column: str) -> str:
    return percent_and_spread(*mean_and_spread([float(seed.evaluation[column][MEAN]) for seed in seeds]))


def _trimap(seeds: Sequence[SeedResults]) -> Markup | str:
    """Chart of the mean IoU near the true boundaries and away from them, where it was measured."""
    tables = [seed.trimap for seed in seeds if len(seed.trimap)]
    series = {"without CRF": tables, "with CRF": tables}
    return trimap_chart("trimap", series, ("", "_crf")) if tables else ""
