"""What `boxsup init` found, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from boxsup.catalogue.readers.folder import NONE
from boxsup.project.plan import LARGE_SIDE
from boxsup.project.survey import Survey
from boxsup.project.write import CONFIG, PROBLEMS, Project

SHOWN = 5  # problems that are spelled out


def summary(project: Project, survey: Survey) -> list[str]:
    """Lines about the images, classes, boxes, masks and problems, what is odd about them, and what to run next."""
    splits = project.splits
    counts = survey.boxes
    train, val = (survey.boxes_of(images) for images in (splits.train, splits.val))
    crowds = f", {survey.crowds} of crowds" if survey.crowds else ""
    width = max(len(name) for name in counts)
    return [
        f"annotations  {project.source.format}: {project.source.annotations}",
        f"images       {len(survey.images):,}: {len(splits.train):,} to train on, {len(splits.val):,} to evaluate on",
        f"masks        {_masks(project, survey)}",
        f"boxes        {counts.total():,}{crowds}, of {len(counts)} classes",
        f"  {'':{width}}  {'train':>7}  {'val':>7}",
        *(f"  {name:{width}}  {train[name]:7,}  {val[name]:7,}" for name in project.source.classes[1:]),
        *_problems(project, survey),
        *(f"note         {text}" for text in notes(project, survey)),
        f"written      {project.folder / CONFIG}, with its reasons; look it over, then run",
        "",
        f"  {project.command}",
    ]


def notes(project: Project, survey: Survey) -> Iterator[str]:
    """What may be other than it should be."""
    if survey.background:
        yield f"{survey.background:,} images have no box: they are taken for background"
    if survey.unknown:
        yield f"{survey.unknown:,} images in the folder are not in the annotations: they are not used"
    if survey.turned:
        yield (
            f"{survey.turned:,} images have an EXIF orientation, which is not applied: boxes drawn on the turned image "
            "do not fit; save these images as they are shown"
        )
    if survey.side > LARGE_SIDE:
        yield (
            f"images are {survey.side:,.0f} px long: proposals take seconds and gigabytes each; scaled down with their "
            f"boxes to {LARGE_SIDE} px or less they lose little"
        )
    odd = survey.odd_masks
    if odd:
        yield (
            f"{len(odd):,} masks show a class that the image has no box of, the first is {odd[0]}'s; if it is not so, "
            f"the values of masks are in another order than {', '.join(project.source.classes[1:4])}, …: --classes"
        )
    rare = [name for name in project.source.classes[1:] if survey.boxes[name] < 10]
    if rare:
        yield f"{len(rare)} classes have less than 10 boxes, {', '.join(rare[:5])} for instance: little can be learned"


def _masks(project: Project, survey: Survey) -> str:
    count = f"{len(survey.masked):,} images have a true mask"
    if project.splits.masks:
        measured = len(survey.masked.intersection(project.splits.val))
        return f"{count}: {len(project.splits.masks):,} are trained on, {measured:,} are evaluated on"
    if project.source.masks == NONE:
        return "none: nothing is measured, the page shows what is predicted"
    return f"{count} by their segmentations: to measure with, none is trained on (--masks ANNOTATIONS would)"


def _problems(project: Project, survey: Survey) -> list[str]:
    problems = survey.problems
    if not problems:
        return ["problems     none"]
    images = len({problem.image for problem in problems if problem.image})
    lines = (f"{problem.file}: {problem.problem}" for problem in problems[:SHOWN])
    first = ["  " + "".join(sign if sign.isprintable() else "?" for sign in line) for line in lines]
    more = [f"  … all are in {project.folder / PROBLEMS}"] if len(problems) > SHOWN else []
    return [f"problems     {len(problems):,}; left out: {images:,} images", *first, *more]
