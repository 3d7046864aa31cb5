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
from boxsup.catalogue.in_both import images_in_both
from boxsup.catalogue.tables import Catalogue
from boxsup.evaluation.measured import MIN_PIXELS, basis_from
from boxsup.evaluation.tables import MEAN
from boxsup.experiments.experiment import ExperimentPlan
from boxsup.image import VOID
from boxsup.image.palette import css_colour
from boxsup.near import counted, first_few
from boxsup.report.experiment.class_scores import (
    boundary_rows,
    class_rows,
    scores_beside,
    with_other_truth,
)
from boxsup.report.experiment.confusions import confusion_section
from boxsup.report.experiment.crf_search import crf_search_section
from boxsup.report.experiment.generations import explore_generations
from boxsup.report.experiment.known import next_commands
from boxsup.report.experiment.object_maps import object_maps_section
from boxsup.report.experiment.odd_boxes import WITHOUT_CANDIDATE
from boxsup.report.experiment.predictions import VIEWS, explore_predictions, score_predictions
from boxsup.report.experiment.provenance import badge, commands, facts, versions, weights
from boxsup.report.experiment.results import SeedResults, mean_and_spread
from boxsup.report.experiment.searches import search_sections
from boxsup.report.experiment.timings import timing_rows
from boxsup.report.experiment.training import curve_section, quality_section
from boxsup.report.experiment.trimap import trimap_chart
from boxsup.report.shared.templates import NONE, percent, percent_and_spread, render_template
from boxsup.store.labels import Labels

# What a reader can choose to see in an explorer: the name in page.js (a number is the index of a view) and the title.
OTHER_OPTIONS = [("truth", "true masks"), ("photo", "photos")]
GENERATION_OPTIONS = [("step", "labels"), *OTHER_OPTIONS]
REFINED_OPTIONS = [("0", "with CRF"), ("1", "without CRF"), *OTHER_OPTIONS]
PREDICTION_OPTIONS = [("0", "predictions"), *OTHER_OPTIONS]  # of an experiment without a CRF
CHOICES_NOTE = (
    "For each box: its best candidates, the best first. The dot marks the one that it chose; point at a row to see its "
    "outline. Eₒ is the overlap cost, Eᵣ the regression cost (0 if the network was not asked)"
)
CORRECTED_NOTE = (
    " It chose by E_o and by its distance from the mask that joins both networks' (`update.correction`), which is not "
    "shown here."
)
MAPS_NOTE = ", E_b the distance from the box's object map"
MAPS_OPTIONS = [("map", "object maps"), ("outlines", "outlines"), ("photo", "photos")]
NO_GENERATIONS: dict[str, Any] = {"views": [], "pictures": [], "odd": [], "known": {}}
LISTED = ("listed", "as listed")
BY_IOU = [("score:1", "worst first"), ("score:-1", "best first")]
BY_DISTANCE = [("distance:-1", "choice farthest from its map"), ("distance:1", "choice nearest to its map")]


@dataclass(frozen=True)
class Rendered:
    """The page of an experiment.

    Attributes:
        text: HTML that loads no other file.
        full_size: Ids of the evaluated images to which it links at full size (`boxsup.report.experiment.full_size`).
        training: Ids of the training images to which it links.
        trained_on: Ids of evaluated images that are trained on, too.
    """

    text: str
    full_size: list[str]
    training: list[str]
    trained_on: list[str]


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
    """Make the page of an experiment.

    Args:
        name: Name of the experiment.
        config: Its effective settings: `experiment`, `dataset` and `proposals`.
        folder: The folder of its results, as the commands on the page should name it.
        epochs: Number of epochs.
        seeds: The results of at least one seed; pictures and versions are those of the first.
        train: The training split.
        val: The evaluated split without the images that are held out.
        others: The evaluations of experiments to compare with: one table per seed, by name of the experiment.
        timings: The table of `read_timings`.
        searches: The tables of `boxsup search` over this experiment's settings, by name of the search.
    """
    first = seeds[0]
    held_out = config["experiment"]["validation"]["held_out"]
    refined = ExperimentPlan.alone(name, config["experiment"]).refined
    searched = {seed.seed: seed.crf_search for seed in seeds if held_out and "objects" in seed.crf_search}
    basis = basis_from(first.evaluation)
    maps = [Labels(first.predictions, stack) for stack in VIEWS]
    scored, confusion = score_predictions(val, maps)
    generations = {number: Labels(path) for number, path in first.generations.items()}
    pseudo_masks = explore_generations(train, generations) if generations else NO_GENERATIONS
    predictions = explore_predictions(scored, maps)
    compared = scores_beside(others, first.evaluation)
    objects = object_maps_section(train, {seed.seed: last for seed in seeds if (last := _last(seed)) is not None})
    trained_on = [] if basis.why_not else images_in_both(train, val)
    looked = {"views": [], "pictures": objects.pop("pictures", [])}
    data = {
        "classes": [{"name": title, "colour": css_colour(label)} for label, title in enumerate(train.classes)],
        "void": {"name": "void", "colour": css_colour(VOID)},
        "without": WITHOUT_CANDIDATE,
        "beside": compared,
        "refined": refined,
        "show": started().there(f"{program('boxsup')} show"),
        "stores": {number: str(path) for number, path in first.generations.items()},
        "generations": pseudo_masks,
        "predictions": predictions,
        "objects": looked,
    }
    text = render_template(
        "experiment/page.html.j2",
        name=name,
        badge=badge(config, train, val, basis),
        headline={column: _score(seeds, column) for column in ("iou", "iou_crf")},
        basis=basis,
        trained_on=said_of_trained(trained_on, len(val.ids)),
        refined=refined,
        seeds=[seed.seed for seed in seeds],
        epochs=epochs,
        held_out=held_out,
        facts=facts(config, seeds, train, val),
        config=yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=88, allow_unicode=True),
        versions=versions(first),
        weights=weights(first),
        min_pixels=MIN_PIXELS,
        classes=class_rows([seed.evaluation for seed in seeds]),
        beside=compared,
        apart=with_other_truth(others, first.evaluation),
        curve=curve_section(seeds),
        outlines=boundary_rows([seed.evaluation for seed in seeds]),
        trimap=_trimap(seeds, refined),
        confusion={} if basis.why_not else confusion_section(confusion, val.classes),
        crf=crf_search_section(searched, config["experiment"]["inference"]),
        searches=search_sections(searches),
        quality=quality_section(seeds),
        boxes_choose=config["experiment"]["supervision"]["boxes"] == "boxsup",
        known=pseudo_masks["known"] | {"fill": _box_fill(first)} if basis.why_not and pseudo_masks["pictures"] else {},
        next_commands=next_commands(config, folder),
        generations=_explorer(pseudo_masks, GENERATION_OPTIONS, train.classes)
        | {"odd": len(pseudo_masks["odd"]), "note": _choices_note(bool(objects), config["experiment"]["update"])}
        | {"orders": _generation_orders(pseudo_masks)},
        objects=objects and objects | _maps_explorer(looked, bool(objects["measured"]), train.classes),
        predictions=_explorer(predictions, REFINED_OPTIONS if refined else PREDICTION_OPTIONS, val.classes)
        | {"all": len(scored), "orders": _prediction_orders(predictions, refined)},
        timings=timing_rows(timings),
        commands=commands(folder, first, train, val),
        data=data,
    )
    full = [picture["id"] for picture in predictions["pictures"] if picture["full"]]
    return Rendered(text, full, [picture["id"] for picture in pseudo_masks["pictures"]], trained_on)


def said_of_trained(images: Sequence[str], evaluated: int) -> str:
    """A sentence about evaluated images that are trained on, too; "" if there are none.

    >>> said_of_trained(["a"], 6)
    '1 of the 6 evaluated images is trained on, too (a): its scores say nothing about new images'
    """
    if not images:
        return ""
    one = len(images) == 1
    are = f"{len(images):,} of the {counted(evaluated, 'evaluated image')} {'is' if one else 'are'} trained on, too"
    return f"{are} ({first_few(images, 3)}): {'its' if one else 'their'} scores say nothing about new images"


def _choices_note(has_maps: bool, update: Mapping[str, Any]) -> str:
    """What the costs of candidates mean, in an experiment with this update."""
    return CHOICES_NOTE + (MAPS_NOTE if has_maps else "") + "." + (CORRECTED_NOTE if update.get("correction") else "")


def _explorer(
    explored: Mapping[str, Any], options: Sequence[tuple[str, str]], classes: Sequence[str]
) -> dict[str, Any]:
    """The values that the template needs for an explorer; the option "truth" is there only if some image has one."""
    pictures = explored["pictures"]
    labels = sorted({label for picture in pictures for label in picture["labels"]})
    truth = any(picture["truth"] is not None for picture in pictures)
    return {
        "count": len(pictures),
        "views": explored["views"],
        "options": [(value, title) for value, title in options if truth or value != "truth"],
        "classes": [(label, classes[label]) for label in labels],
    }


def _generation_orders(explored: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The orders of training images: by what is known of them."""
    pictures = explored["pictures"]
    known = {key for key in ("score", "sure") if any(picture[key] is not None for picture in pictures)}
    changed = [("changed:-1", "changed most")] if len(explored["views"]) > 1 else []
    sure = [("sure:1", "least sure first"), ("sure:-1", "surest first")] if "sure" in known else []
    by_score = BY_IOU if "score" in known else []
    first = [*changed, *by_score, *sure] if by_score else [*sure, *changed]
    return [*first, LISTED]


def _prediction_orders(explored: Mapping[str, Any], refined: bool) -> list[tuple[str, str]]:
    """The orders of evaluated images: by their scores, if there are any, and by what the CRF gains, if there is one."""
    gains = [("gained:-1", "CRF gains most"), ("gained:1", "CRF loses most")] if refined else []
    scored = any(picture["score"] is not None for picture in explored["pictures"])
    return [*BY_IOU, *gains, LISTED] if scored else [LISTED]


def _maps_explorer(explored: Mapping[str, Any], measured: bool, classes: Sequence[str]) -> dict[str, Any]:
    """The values that the template needs for the explorer of object maps; without true masks no IoU orders them."""
    orders = [*BY_IOU, *BY_DISTANCE] if measured else BY_DISTANCE
    return _explorer(explored, MAPS_OPTIONS, classes) | {"orders": orders}


def _box_fill(seed: SeedResults) -> str:
    """The area of the last labels over the area of the boxes, in per cent."""
    return percent(float(seed.quality["box_fill"].iloc[-1])) if "box_fill" in seed.quality else NONE


def _last(seed: SeedResults) -> Labels | None:
    """The last generation of a run; None if it has none."""
    return Labels(seed.generations[max(seed.generations)]) if seed.generations else None


def _score(seeds: Sequence[SeedResults], column: str) -> str:
    return percent_and_spread(*mean_and_spread([float(seed.evaluation[column][MEAN]) for seed in seeds]))


def _trimap(seeds: Sequence[SeedResults], refined: bool) -> Markup | str:
    """The chart of the mean IoU near true boundaries and away from them; "" if it was not measured."""
    tables = [seed.trimap for seed in seeds if len(seed.trimap)]
    series = {"without CRF": tables, "with CRF": tables} if refined else {"predictions": tables}
    return trimap_chart("trimap", series, ("", "_crf")) if tables else ""
