"""The union of splits: one table with all their images, one with all their boxes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from boxsup.catalogue.tables import Catalogue
from boxsup.errors import DataError


def join(parts: Mapping[str, Catalogue]) -> Catalogue:
    """Concatenate one or more catalogues.

    Args:
        parts: Catalogues by the name that an error message uses for them.

    Raises:
        DataError: Two of them differ in their classes, or share an image id.
    """
    first, *others = parts
    classes = parts[first].classes
    owners = dict.fromkeys(parts[first].ids, first)
    for name in others:
        if parts[name].classes != classes:
            raise DataError(f"{name}: its classes are not those of {first}; use the same classes in the same order")
        for image in parts[name].ids:
            if owners.setdefault(image, name) != name:
                raise DataError(
                    f"{name}: image {image} is in {owners[image]} too; the parts of a union must have different ids: "
                    "take it off one of the lists, or rename the files in one of them"
                )
    images, boxes = (
        pd.concat([getattr(part, table) for part in parts.values()], ignore_index=True) for table in ("images", "boxes")
    )
    return Catalogue(images, boxes, classes)
