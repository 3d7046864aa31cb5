"""What a project takes from somebody's data: the images to evaluate on, the masks and the classes."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence, Set
from dataclasses import replace
from pathlib import Path

from boxsup.catalogue.labelmap import find_labelmap, read_labelmap
from boxsup.catalogue.names import is_background
from boxsup.catalogue.readers.folder import DRAWN, NONE
from boxsup.catalogue.records import UnusableData, parse_classes, summarise_problems
from boxsup.catalogue.sources import NUMBERED, Source
from boxsup.errors import ConfigError, DataError
from boxsup.near import first_few
from boxsup.project.evidence import check_masks
from boxsup.project.parts import export_parts
from boxsup.project.survey import Survey


def image_names(source: Source, survey: Survey) -> dict[str, str]:
    """Image id -> the image's name below the folder of images."""
    records = [seen.record for seen in survey.images]
    return {record.image: Path(record.path).relative_to(source.images.absolute()).as_posix() for record in records}


def split_by_folders(source: Source, survey: Survey, named: Set[str] | None) -> tuple[Source, Survey, set[str]]:
    """Take the split of an export whose folders are train, valid and test; its test images are left out.

    Args:
        source: The annotations.
        survey: The survey of all images.
        named: Ids of the images that the user names to evaluate on; None if they are the export's.

    Returns:
        The source with a note about it; the survey without the test images, except those that are named; and the ids of
        the images to evaluate on. Nothing is left out, and only named images are chosen, if the folders are no split.

    Raises:
        DataError: Only images of test have boxes.
    """
    folders = export_parts(image_names(source, survey))
    val, unused = folders.val, folders.test
    if named is not None:
        val, unused = frozenset(), unused - named
    own = f"the folders' own split: the {len(val):,} images of valid (val) are evaluated on; --val names others"
    notes = [own] * bool(val) + [f"images of test, not used: {len(unused):,}"] * bool(unused)
    left = replace(survey, images=[seen for seen in survey.images if seen.record.image not in unused])
    if not left.boxes:
        raise DataError(
            f"{source.annotations}: only images of test have a box, and these are not used; rename the folder"
        )
    return replace(source, notes=(*source.notes, *notes)), left, set(val if named is None else named)


def with_true_masks(source: Source, masks: Path | None) -> Source:
    """The source with the true masks that can be looked at.

    Args:
        source: The annotations.
        masks: A folder of PNGs, or the path of the annotations for their segmentations; None if nobody asked for masks.

    Raises:
        DataError: There is no such folder.
    """
    if masks is None:
        return source.with_masks(NONE if source.boxes_only else DRAWN)
    if masks.absolute() == source.annotations.absolute():
        return source.with_masks(NONE if source.format == "voc_xml" else DRAWN)
    if not masks.is_dir():
        raise DataError(f"{masks}: no such folder of masks; name one, or the annotations themselves")
    return source.with_masks(str(masks))


def with_named_classes(source: Source, classes: Sequence[str]) -> Source:
    """The source with these classes alone.

    Raises:
        ConfigError: A name is no class name, or none of the annotations'.
    """
    _, *names = parse_classes(json.dumps(list(classes)))
    unknown = [name for name in names if name not in source.classes[1:]]
    if unknown and (source.format in NUMBERED or source.mask_folder is None):  # masks may show more classes than boxes
        known = ", ".join(source.classes[1:])
        raise ConfigError(f"--classes: the annotations have no class {unknown[0]!r}; they have {known}")
    return replace(source.with_classes(classes), others=not set(source.classes) <= {source.classes[0], *names})


def with_labelmap(source: Source) -> Source:
    """The source with its classes in the order of the `labelmap.txt` that is in the folder of masks, or above it.

    The values of masks are places in that file. Nothing changes if there is none.

    Raises:
        DataError: The file and the annotations have different classes, or its values are not ours.
    """
    path = find_labelmap(source.mask_folder) if source.mask_folder else None
    if path is None:
        return source
    values, fault = read_labelmap(path)
    if fault:
        wanted = "expected lines `name:r,g,b::`"
        note = f"{path} is not read: {wanted}: {fault}; --classes gives the order of the masks' values"
        return replace(source, notes=(*source.notes, note))
    advice = "; --classes gives the order of the masks' values"
    background, *names = values
    if not is_background(background):
        raise DataError(f"{path}: its first line is '{background}', and 0 is the background in masks{advice}")
    try:
        parse_classes(json.dumps(names))
    except ConfigError as error:
        raise DataError(f"{path}: {error}{advice}") from error
    missing = [name for name in source.classes[1:] if name not in names]
    more = [name for name in names if name not in source.classes[1:]] if source.format in NUMBERED else []
    if missing or more:
        has = f"has no class '{missing[0]}' of the annotations" if missing else f"has '{more[0]}', the annotations not"
        raise DataError(f"{path}: {has}: it has {first_few(names)}, they have {first_few(source.classes[1:])}{advice}")
    note = f"the values of masks are those of {path}: {first_few([f'{i} {name}' for i, name in enumerate(names, 1)])}"
    return replace(source.with_classes(names), notes=(*source.notes, note))


def with_used_masks(source: Source, survey: Survey, masks: Path | None) -> tuple[Source, Survey]:
    """The source and the survey with the true masks that will be used, if any.

    Raises:
        DataError: Masks were asked for, and none shows an object.
    """
    if masks is not None:
        of_masks = [problem for problem in survey.problems if Path(problem.file).is_relative_to(masks.absolute())]
        if of_masks and not survey.evidence and source.masks != DRAWN:
            raise UnusableData(summarise_problems(of_masks, "no image has a true mask"), survey.problems)
        check_masks(survey, source, masks)
    elif survey.rectangles or not survey.evidence:
        return source.with_masks(NONE), survey.without_masks()
    return source, survey


def with_occurring_classes(source: Source, survey: Survey, decided: Container[str] = ()) -> Source:
    """The source with those classes that have a box, of the 80 of COCO or those of data.yaml.

    Masks in files have the values of all classes: then all stay.

    Args:
        source: The annotations.
        survey: The survey of all images.
        decided: Classes that a person's decisions give to boxes; they stay, too.
    """
    if source.masks not in (NONE, DRAWN):
        return source
    source = source.with_classes([name for name in survey.classes[1:] if survey.boxes[name] or name in decided])
    parse_classes(json.dumps(list(source.classes[1:])))
    return source
