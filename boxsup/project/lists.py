"""Checks the lists of images of a project, which its user may have edited."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxsup.catalogue.names import image_id, normalised, plain_path
from boxsup.catalogue.records import read_lines
from boxsup.config.files import keys_of, read_keys
from boxsup.errors import DataError


def check_lists(config: Path) -> None:
    """Check that no image is both trained on and evaluated on, where both splits are lists of the same images.

    Raises:
        ConfigError: The configuration cannot be read.
        DataError: An image is in both lists, or a list cannot be read.
    """
    keys = read_keys(config)
    for name, experiment in keys_of(keys.get("experiments")).items():
        roles = keys_of(experiment)
        dataset = keys_of(keys_of(keys.get("datasets")).get(str(roles.get("dataset"))))
        splits = keys_of(dataset.get("splits"))
        train, val = (keys_of(splits.get(roles.get(role, role))) for role in ("train", "val"))
        if not train.get("list") or not val.get("list") or train.get("images") != val.get("images"):
            continue
        root = Path(str(dataset.get("root", "")))
        learned, measured = _ids(root, train), _ids(root, val)
        both = sorted(learned & measured)
        if both:
            raise DataError(
                f"{config}: experiment {name}: {len(both):,} of the {len(measured):,} images of {val['list']} are in "
                f"{train['list']}, too, such as {both[0]}: scores on what was trained on say nothing; take them out of "
                "one list"
            )


def _ids(root: Path, split: Mapping[str, Any]) -> set[str]:
    """The ids of the images in the list of a split; none if it is not there, which a later stage says."""
    path = root / str(split["list"])
    lines = read_lines(path) if path.is_file() else []
    return {normalised(image_id(plain_path(line), split.get("ids") == "path")) for line in lines}
