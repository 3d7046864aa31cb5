"""Prints what `boxsup init` found."""

from __future__ import annotations

from collections.abc import Iterator

from boxsup.catalogue.names import printable
from boxsup.catalogue.oddities import notes_on_unread
from boxsup.catalogue.readers.folder import NONE
from boxsup.config.proposals import MEGAPIXELS
from boxsup.near import first_few
from boxsup.project.evidence import mask_notes
from boxsup.project.survey import SMALL_BOX, Survey
from boxsup.project.write import CONFIG, PROBLEMS, Project

SHOWN = 5  # problems and classes that are listed
RARE = 10  # boxes: classes with fewer are noted


def summary(project: Project, survey: Survey) -> list[str]:
    """Lines about images, classes, boxes, masks and problems, notes on what is odd, and the command to run next."""
    splits = project.splits
    counts = survey.boxes
    train, val = (survey.boxes_of(images) for images in (splits.train, splits.val))
    crowds = f", {survey.crowds} of crowds" if survey.crowds else ""
    width = max(len(name) for name in project.source.classes[1:])
    return [
        f"annotations  {project.source.format}: {project.source.annotations}",
        f"images       {len(survey.images):,}: {len(splits.train):,} to train on, {len(splits.val):,} to evaluate on",
        f"masks        {_masks(project, survey)}",
        *_measured(project),
        f"boxes        {counts.total():,}{crowds}, of {len(counts)} classes",
        f"  {'':{width}}  {'train':>7}  {'val':>7}",
        *(f"  {name:{width}}  {train[name]:7,}  {val[name]:7,}" for name in project.source.classes[1:]),
        *_problems(project, survey),
        *(f"note         {text}" for text in notes(project, survey)),
        f"written      {project.folder / CONFIG}, with its reasons; look it over. What makes {project.page()}:",
        "",
        f"  {project.command()}",
    ]


def notes(project: Project, survey: Survey) -> Iterator[str]:
    """Lines about what may not be as the user intended."""
    from boxsup.network.pretrained import note_on_weights  # torch takes seconds, so only where it is needed

    yield from filter(None, [note_on_weights(project.plan.network)])
    yield from project.source.notes
    reading_notes = survey.read_otherwise
    if reading_notes:
        first = printable(f"{reading_notes[0].file}: {reading_notes[0].problem}")
        count = f"{len(reading_notes):,}, the first is {first}"
        yield f"objects read otherwise than they are written, all in {PROBLEMS}: {count}"
    yield from _others(survey)
    if survey.background:
        yield f"images without a box, taken for background: {survey.background:,}"
    yield from notes_on_unread(survey.unknown, survey.other_files)
    yield from survey.odd
    if survey.reduced:
        yield (
            f"images with more than {MEGAPIXELS:g} megapixels, which are worked on at that size with their boxes: "
            f"{len(survey.reduced):,}; `megapixels` of the data set sets another"
        )
    if survey.small_boxes:
        small = f"boxes that are then shorter than {SMALL_BOX} px: {survey.small_boxes:,}"
        yield f"{small}; `proposals: mcg_views` finds more candidates for them"
    yield from mask_notes(survey, project.source)
    yield from _lost_classes(project, survey)
    rare = [name for name in project.source.classes[1:] if survey.boxes[name] < RARE]
    if rare:
        few = ", ".join(rare[:SHOWN])
        yield f"classes with fewer than {RARE} boxes, of which little is learned: {len(rare)}, such as {few}"


def _others(survey: Survey) -> Iterator[str]:
    """Lines about boxes of classes that the user left out."""
    others = survey.others
    if others:
        names = first_few([name for name, _ in others.most_common()])
        yield f"boxes that --classes leaves out, which are background: {others.total():,}, of {names}"
    if survey.others_only:
        yield f"images whose boxes are all of other classes, taken for background: {survey.others_only:,}"


def _lost_classes(project: Project, survey: Survey) -> Iterator[str]:
    """Lines about classes with boxes of which nothing will be learned."""
    objects, boxes = survey.objects, survey.boxes
    learnable = {survey.classes[class_id] for class_id in survey.learned}
    trained = {survey.classes[class_id] for image in project.splits.train for class_id in objects[image]}
    crowds = [name for name in project.source.classes[1:] if boxes[name] and name not in learnable]
    if crowds:
        yield f"classes whose boxes are all crowds, of which nothing is learned: {first_few(crowds)}"
    lost = [name for name in project.source.classes[1:] if name in learnable - trained]
    if lost:
        yield f"classes without an object in the training images: {first_few(lost)}"


def _masks(project: Project, survey: Survey) -> str:
    count = f"{len(survey.evidence):,} images have a true mask"
    empty = len(survey.masked) - len(survey.evidence)
    more = f" ({empty:,} more are empty)" if empty else ""
    if project.splits.masks:
        measured = len(survey.masked.keys() & set(project.splits.val))
        return f"{count}{more}: {len(project.splits.masks):,} are trained on, {measured:,} are evaluated on"
    if project.source.masks == NONE:
        return "none: nothing is measured, the page shows what is predicted"
    return f"{count} by their segmentations{more}: to measure with, none is trained on (--masks ANNOTATIONS would)"


def _measured(project: Project) -> list[str]:
    """A line about what scores will be computed over; none if there are no masks at all."""
    if project.source.masks == NONE:
        return []
    if project.truth:
        apart = f"; not measured: {project.basis.apart}" if project.basis.apart else ""
        return [f"measured     on {project.basis.over}{apart}"]
    return [f"measured     nothing: of those to evaluate on {project.basis.why_not}; the page shows what is predicted"]


def _problems(project: Project, survey: Survey) -> list[str]:
    problems = survey.problems
    if not problems:
        return ["problems     none"]
    images = len({problem.image for problem in problems if problem.image})
    lines = (f"{problem.file}: {problem.problem}" for problem in problems[:SHOWN])
    first = [f"  {printable(line)}" for line in lines]
    more = [f"  … all are in {project.folder / PROBLEMS}"] if len(problems) > SHOWN else []
    return [f"problems     {len(problems):,}; images left out: {images:,}", *first, *more]
