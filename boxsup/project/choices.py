"""What a project takes from somebody's data: the images to evaluate on, the masks and the classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from boxsup.catalogue.names import normalised
from boxsup.catalogue.readers.folder import DRAWN, NONE
from boxsup.catalogue.readers.image_files import all_names
from boxsup.catalogue.records import UnusableData, parse_classes, read_lines, summarise_problems
from boxsup.catalogue.sources import Source
from boxsup.errors import ConfigError, DataError
from boxsup.project.evidence import check_masks
from boxsup.project.parts import export_parts
from boxsup.project.survey import Survey


def image_names(source: Source, survey: Survey) -> dict[str, str]:
    """Image id -> the image's name below the folder of images."""
    records = [seen.record for seen in survey.images]
    return {record.image: Path(record.path).relative_to(source.images.absolute()).as_posix() for record in records}


def ids_named_by(path: Path | None, source: Source) -> set[str]:
    """Ids, as `normalised` compares them, of the images that a list or a folder names; none without a path."""
    if path is None:
        return set()
    below = Path()
    if path.is_dir() and path.resolve().is_relative_to(source.images.resolve()):
        below = path.resolve().relative_to(source.images.resolve())
    names = all_names(path) if path.is_dir() else read_lines(path)
    return {normalised(source.image_id((below / name).as_posix())) for name in names}


def split_by_folders(source: Source, survey: Survey) -> tuple[Source, Survey, set[str]]:
    """Take the split of an export whose folders are train, valid and test; its test images are left out.

    Returns:
        The source with a note about it, the survey without the test images, and the ids of the images to evaluate on;
        all as they were, and no ids, if the folders are no split.
    """
    folders = export_parts(image_names(source, survey))
    if not folders.val:
        return source, survey, set()
    note = (
        f"the folders' own split: the {len(folders.val):,} images of valid (val) are evaluated on; --val names others"
    )
    unused = [f"images of test, not used: {len(folders.test):,}"] if folders.test else []
    images = [seen for seen in survey.images if seen.record.image not in folders.test]
    return replace(source, notes=(*source.notes, note, *unused)), replace(survey, images=images), set(folders.val)


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
    parse_classes(json.dumps(list(classes)))
    unknown = [name for name in classes if name not in source.classes[1:]]
    if unknown and source.format in ("coco", "yolo"):
        known = ", ".join(source.classes[1:])
        raise ConfigError(f"--classes: the annotations have no class {unknown[0]!r}; they have {known}")
    return source.with_classes(classes)


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


def with_occurring_classes(source: Source, survey: Survey) -> Source:
    """The source with those classes that have a box, of the 80 of COCO or those of data.yaml.

    Masks in files have the values of all classes: then all stay.
    """
    if source.masks not in (NONE, DRAWN):
        return source
    source = source.with_classes([name for name in survey.classes[1:] if survey.boxes[name]])
    parse_classes(json.dumps(list(source.classes[1:])))
    return source
