"""Copies a user's `data.yaml` so that it leads to what lies beside the copy, and not back to the user's own labels.

Ultralytics reads images below `path`, which is absolute or relative to where it runs, never to the file; and labels
beside these images. Without `path` it starts from the folder of `data.yaml`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import yaml

SPLITS = ("train", "val", "test")  # keys whose values are folders of images, or lists of them


def copied(content: bytes, data: Path, base: Path) -> bytes:
    r"""The content of the copy: without `path`, and with folders of images relative to the file. The rest stays.

    >>> copied(b"path: /data\ntrain: images  # all\nnames: [cat]\n", Path("/data/data.yaml"), Path("/data"))
    b'train: images  # all\nnames: [cat]\n'

    Args:
        content: The user's file; one that cannot be read stays as it is.
        data: Where it is.
        base: The folder that is copied with it. Folders of images elsewhere stay as they are written.
    """
    try:
        text = content.decode()
        root = yaml.compose(text, yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return content
    if not isinstance(root, yaml.MappingNode):
        return content
    values = {key.value: (key, value) for key, value in root.value if isinstance(key, yaml.ScalarNode)}
    given = values.get("path", (None, None))[1]
    start = _start(given.value if isinstance(given, yaml.ScalarNode) else "", data, base)
    changes = []  # the first and the last character, and what is there instead
    for split in SPLITS:
        for node in _scalars(values[split][1] if split in values else None):
            new = _beside(node.value, start, data, base)
            if new != node.value:
                changes.append((node.start_mark.index, node.end_mark.index, yaml.dump(new).split("\n")[0]))
    if "path" in values:
        key, value = values["path"]
        first, last = text.rfind("\n", 0, key.start_mark.index) + 1, text.find("\n", value.end_mark.index) + 1
        own_lines = not root.flow_style and not text[first : key.start_mark.index].strip("\ufeff ")
        whole = (first, last or len(text), "\ufeff" * text.startswith("\ufeff", first))
        changes.append(whole if own_lines else (value.start_mark.index, value.end_mark.index, '""'))
    for begin, end, new in sorted(changes, reverse=True):
        text = text[:begin] + new + text[end:]
    return text.encode()


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if isinstance(each, yaml.ScalarNode):
            yield each


def _start(path: str, data: Path, base: Path) -> Path:
    """The folder that the user's entries are relative to: `path` if it is in what is copied, else the file's folder."""
    places = (Path(path), data.parent / path) if path else ()
    return next((place for place in places if place.is_dir() and _inside(place, base)), data.parent)


def _beside(entry: str, start: Path, data: Path, base: Path) -> str:
    """An entry, relative to the folder of `data.yaml`, if it is not so already and is in what is copied."""
    place = start / entry
    as_it_is = not entry or (not os.path.isabs(entry) and _real(start) == _real(data.parent))
    return entry if as_it_is or not _inside(place, base) else os.path.relpath(_real(place), _real(data.parent))


def _inside(place: Path, base: Path) -> bool:
    return _real(place).is_relative_to(_real(base))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
