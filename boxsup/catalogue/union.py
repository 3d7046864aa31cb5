"""The union of splits: one table of the images of all, one of their boxes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from boxsup.catalogue.tables import Catalogue
from boxsup.errors import DataError


def join(parts: Mapping[str, Catalogue]) -> Catalogue:
    """One catalogue of several, theirs in order.

    Args:
        parts: Catalogues by what to call them in an error, one or more.

    Raises:
        DataError: Two have other classes, or an image of the same id.
    """
    first, *others = parts
    classes = parts[first].classes
    owners = dict.fromkeys(parts[first].ids, first)
    for name in others:
        if parts[name].classes != classes:
            raise DataError(f"{name}: its classes are not those of {first}; a union needs the same, in the same order")
        for image in parts[name].ids:
            if owners.setdefault(image, name) != name:
                raise DataError(
                    f"{name}: image {image} is in {owners[image]} too; the parts of a union must have different ids: "
                    "take it off one of the lists, or rename the files of one of them"
                )
    images, boxes = (
        pd.concat([getattr(part, table) for part in parts.values()], ignore_index=True) for table in ("images", "boxes")
    )
    return Catalogue(images, boxes, classes)
