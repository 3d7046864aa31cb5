"""What a user should know about how their files are read, before any image is looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from boxsup.catalogue.names import class_name, printable
from boxsup.catalogue.readers import yolo
from boxsup.catalogue.readers.beside import OTHERS, is_of_a_tool
from boxsup.catalogue.readers.image_files import masks_among
from boxsup.catalogue.readers.not_ours import ours_below
from boxsup.errors import DataError
from boxsup.near import first_few


def notes_on_ours(images: Path, boxes: Path) -> list[str]:
    """A note about what boxsup wrote into the user's folders, such as earlier results; none if there is nothing."""
    ours = [str(folder / below) for folder in (images, boxes) for below in ours_below(folder)]
    if not ours:
        return []
    return [f"what boxsup wrote among your files is not read: in {first_few(list(dict.fromkeys(ours)))}"]


def notes_on_capitals(names: Iterable[str]) -> list[str]:
    """A note about each group of classes whose names differ in nothing but capitals.

    >>> notes_on_capitals(["car", "person", "Person"])
    ['classes that differ in capitals only are different classes, unless you give them one name: person, Person']

    Args:
        names: The names of all classes.
    """
    spelt = defaultdict[str, dict[str, None]](dict)
    for name in map(class_name, names):
        spelt[name.casefold()][name] = None
    several = (", ".join(map(printable, group)) for group in spelt.values() if len(group) > 1)
    text = "classes that differ in capitals only are different classes, unless you give them one name"
    return [f"{text}: {group}" for group in several]


def notes_on_masks(names: Sequence[str]) -> list[str]:
    """A note about each folder that is probably of masks, and whose files are taken for photographs.

    >>> notes_on_masks(["a.jpg", "masks/a.png"])[0].partition(":")[0]
    'images of masks/ that have the names of others, and are taken for photographs'

    Args:
        names: The names of the images below their folder.
    """
    advice = "if they are masks, name the folder by --masks (init), or move it out of the images"
    what = "that have the names of others, and are taken for photographs"
    found = masks_among(names).items()
    return [f"images of {printable(folder)}/ {what}: {count:,}; {advice}" for folder, count in found]


def notes_on_names(labels: Path, data: Path, names: Mapping[int, str]) -> list[str]:
    """A note about the file that names YOLO's classes, and one about each other in reach that names them otherwise.

    Args:
        labels: The folder of labels.
        data: The file that names the classes.
        names: Names by YOLO's numbers in that file.
    """
    notes = [f"the classes are named by {data}"]
    for other in yolo.names_files(labels):
        are_labels = other.name in OTHERS and not is_of_a_tool(other)
        if are_labels or other.resolve() == data.resolve():
            continue
        try:
            others = yolo.read_names(other)
        except DataError:
            continue
        number = next((number for number in sorted({*names, *others}) if names.get(number) != others.get(number)), None)
        if number is not None:
            used, unused = (_named(each.get(number)) for each in (names, others))
            notes.append(f"{other} is not used, and names classes otherwise: {number} {unused}, in {data} it {used}")
    return notes


def _named(name: str | None) -> str:
    return f"is '{name}'" if name else "has no name"
