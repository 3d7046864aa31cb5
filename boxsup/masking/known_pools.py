"""Candidates that the workflow made of the same images, so that they need not be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from boxsup.catalogue.inventory import Inventory, read_inventory
from boxsup.catalogue.made_from import recorded
from boxsup.catalogue.readers.places import IMAGE
from boxsup.catalogue.records import Record
from boxsup.config.proposals import ComputedSettings, ProposalSettings
from boxsup.errors import StoreError
from boxsup.experiments.found import candidate_stores, experiment_around
from boxsup.experiments.tree import RESULTS
from boxsup.proposals.methods import packages
from boxsup.proposals.pool import Pool
from boxsup.proposals.pool_store import KIND, Pools
from boxsup.stages import STAGES
from boxsup.store.checksums import sha256_of
from boxsup.store.groups import image_ids, open_group
from boxsup.store.provenance import provenance

Written = tuple[int, int] | None  # of a store; see `_written`


def results_around(model: Path | None) -> list[Path]:
    """The folders of results that may have candidates: that of a trained model, and that of the current folder."""
    experiment = None if model is None else experiment_around(model.absolute())
    around = [] if experiment is None else [experiment.parent]
    return list(dict.fromkeys([*around, RESULTS.absolute()]))


class KnownPools:
    """The stores that have what a method makes of images, byte for byte.

    They are looked for when first asked, and again if a store that was found was made anew since.

    A store counts if it was made with the same settings, by the same versions and on a processor of the same kind, from
    files with the same bytes. The views of small boxes depend on the boxes: what a store has of an image is without
    them, and a store that has views does not count.
    """

    def __init__(self, folders: Sequence[Path], settings: ProposalSettings) -> None:
        """Look in these folders of results for what a method makes with these settings."""
        self._folders, self._settings = folders, settings

    def store_of(self, record: Record) -> Path | None:
        """Return the store that has the candidates of an image, if one has them."""
        made_from = self._made_from.get(record.image)
        if not made_from:
            return None
        try:
            found = made_from.get(sha256_of(Path(record.path)))
        except OSError:
            return None
        if found is None:
            return None
        store, written = found
        if _written(store) == written:
            return store
        del self._made_from  # they are looked for again
        return self.store_of(record)

    @cached_property
    def _made_from(self) -> dict[str, dict[str, tuple[Path, Written]]]:
        """Image id -> SHA-256 of a file with this image -> the first store made from it, and its `_written`."""
        found = dict[str, dict[str, tuple[Path, Written]]]()
        if not isinstance(self._settings, ComputedSettings):
            return found
        attributes = {
            "settings": self._settings.model_copy(update={"views": None}).model_dump(),
            "versions": provenance("proposals", "numpy", "zarr", *packages(self._settings.method)),
        }
        made = json.loads(json.dumps(attributes))  # as a store has them
        for split, store in (pair for folder in self._folders for pair in candidate_stores(folder)):
            written = _written(store)
            for image, sha256 in _same_method(split, store, made).items():
                found.setdefault(image, {}).setdefault(sha256, (store, written))
        return found


def stored_pool(store: Path, record: Record) -> Pool | None:
    """Read what a store has of an image; None if it is damaged, or of an image of another size."""
    try:
        pool = Pools([store])[record.image]
    except (StoreError, KeyError):
        return None
    return pool if pool.superpixels.shape == (record.height, record.width) else None


def _same_method(split: Path, store: Path, made: Mapping[str, Any]) -> dict[str, str]:
    """Image id -> SHA-256 of the file that a store's candidates were made from; empty if they were made otherwise."""
    try:
        group = open_group(store, KIND)
        if any(group.attrs.get(key) != value for key, value in made.items()):
            return {}
        ids = [image for piece in image_ids(group) for image in piece]
    except StoreError:
        return {}
    record, inventory = recorded(store), read_inventory(split, ids)
    if inventory is None or record.get("version") != STAGES["proposals"].version:
        return {}
    # The record is of the files as they were when the store was made, the inventory of them as they are.
    return dict(_files(inventory)) if record.get("images") == inventory.image_hash(ids) else {}


def _written(store: Path) -> Written:
    """What tells a store from one that took its place, since a store is written elsewhere and then moved."""
    try:
        about = store.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


def _files(inventory: Inventory) -> Iterator[tuple[str, str]]:
    for image, files in zip(inventory.ids, inventory.files, strict=True):
        hashes = [file.sha256 for file in files if file.kind == IMAGE]
        if len(hashes) == 1:
            yield image, hashes[0]
