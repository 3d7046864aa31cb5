"""Checks that a network can learn from the boxes and be measured with the masks; if not, says why and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from boxsup.catalogue.readers.folder import DRAWN
from boxsup.catalogue.sources import Source
from boxsup.errors import DataError
from boxsup.image import VOID
from boxsup.near import first_few
from boxsup.project.survey import Survey, SurveyedImage

NAMED = 5  # classes that are listed by name


def check_objects(survey: Survey, source: Source) -> None:
    """Raise a DataError if every box is a crowd: crowds are void, both in training and in true masks."""
    if not survey.learned:
        raise DataError(source.crowds_message("nothing can be learned or measured"))


def check_masks(survey: Survey, source: Source, masks: Path) -> None:
    """Raise a DataError if no mask shows a class of the boxes, or the masks are the boxes themselves.

    Args:
        survey: The survey of all images.
        source: The annotations.
        masks: The masks that the user asked for, for error messages.
    """
    if not survey.evidence:
        raise DataError(f"{masks}: {_why_none(survey, source)}")
    if source.masks == DRAWN and survey.rectangles:
        raise DataError(f"{masks}: the segmentations are the boxes themselves; leave --masks out")


def mask_notes(survey: Survey, source: Source) -> Iterator[str]:
    """Lines about what is odd with the masks."""
    if survey.blank:
        first = survey.blank[0]
        count, image = len(survey.blank), first.record.image
        remedy = "" if source.masks == DRAWN else f": {_values([first])}; {_remedy([first], source)}"
        what = "masks that show no class though their image has objects, not trained on"
        yield f"{what}: {count:,}, the first is {image}'s{remedy}"
    odd = survey.odd_masks
    if odd:
        yield (
            f"masks that show a class which their image has no box of: {len(odd):,}, the first is {odd[0]}'s; "
            f"{_order(source)}"
        )


def _why_none(survey: Survey, source: Source) -> str:
    """Why no mask can be used for measuring, and what to do."""
    drawn = source.masks == DRAWN
    expected = "a segmentation of every object" if drawn else "PNGs with their images' names"
    masked = [image for image in survey.images if image.pixels]
    if not masked:
        return f"no image has a true mask; expected {expected}"
    if not any(image.objects for image in masked):
        return f"no image with an object has a true mask, only {len(masked):,} without; expected {expected}"
    shown = frozenset().union(*(image.mask_classes for image in masked))
    if shown:
        names = first_few([survey.classes[class_id] for class_id in sorted(shown)])
        return f"the masks show only {names}, of which there is no box; {_order(source)}"
    if drawn:
        return "the masks show no object, only background and void"
    return f"the masks show no class: {_values(masked)}; {_remedy(masked, source)}"


def _values(masked: Sequence[SurveyedImage]) -> str:
    values = sorted(frozenset().union(*(image.pixels for image in masked)))
    return f"{'they hold' if len(masked) > 1 else 'it holds'} only {' and '.join(map(str, values))}"


def _remedy(masked: Sequence[SurveyedImage], source: Source) -> str:
    """What to do about masks whose values are no classes."""
    void = any(VOID in image.pixels for image in masked)
    single = len(source.classes) == 2
    write = "write 1 for the class" if single else f"write 1, 2, … for {', '.join(source.classes[1 : 1 + NAMED])}"
    return f"{'255 is void' if void else '0 is the background'}: {write}"


def _order(source: Source) -> str:
    return f"--classes gives the order of their values, now {', '.join(source.classes[1:4])}, …"
