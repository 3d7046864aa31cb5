"""Candidates that the workflow made of the same images, so that they need not be made again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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


def results_around(model: Path | None) -> list[Path]:
    """The folders of results that may have candidates: that of a trained model, and that of the current folder."""
    experiment = None if model is None else experiment_around(model.absolute())
    around = [] if experiment is None else [experiment.parent]
    return list(dict.fromkeys([*around, RESULTS.absolute()]))


def known_pools(folders: Sequence[Path], settings: ProposalSettings, records: Sequence[Record]) -> dict[str, Path]:
    """Find the stores that have what a method makes of images, byte for byte.

    A store counts if it was made with the same settings, by the same versions and on a processor of the same kind, from
    files with the same bytes. The views of small boxes depend on the boxes: what a store has of an image is without
    them, and a store that has views does not count.

    Args:
        folders: Folders of results.
        settings: Settings of the method.
        records: The images.

    Returns:
        Image id -> the store; images that no store has are missing.
    """
    found = dict[str, Path]()
    wanted = {record.image: record for record in records}
    if not wanted or not isinstance(settings, ComputedSettings):
        return found
    attributes = {
        "settings": settings.model_copy(update={"views": None}).model_dump(),
        "versions": provenance("proposals", "numpy", "zarr", *packages(settings.method)),
    }
    made = json.loads(json.dumps(attributes))  # as a store has them
    for split, store in (pair for folder in folders for pair in candidate_stores(folder)):
        for image, sha256 in _same_method(split, store, made).items():
            if image not in found and image in wanted and _has_bytes(wanted[image], sha256):
                found[image] = store
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


def _files(inventory: Inventory) -> Iterator[tuple[str, str]]:
    for image, files in zip(inventory.ids, inventory.files, strict=True):
        hashes = [file.sha256 for file in files if file.kind == IMAGE]
        if len(hashes) == 1:
            yield image, hashes[0]


def _has_bytes(record: Record, sha256: str) -> bool:
    try:
        return sha256_of(Path(record.path)) == sha256
    except OSError:
        return False
