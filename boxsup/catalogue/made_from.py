"""What a shard of candidates or overlaps was made from, in a hidden file beside it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from boxsup.stages import STAGES
from boxsup.store.atomic import write_text
from boxsup.store.ownership import current_claims


@contextlib.contextmanager
def recording(store: Path, made_from: Mapping[str, Any] | None) -> Iterator[None]:
    """While the block makes a shard, remove its old record; afterwards, write beside it what it was made from.

    Args:
        store: The shard's folder.
        made_from: What the shard is made from, see `is_made_from`; None to write no record.
    """
    _record(store).unlink(missing_ok=True)
    yield
    claims = current_claims()
    if made_from is not None and (claims is None or claims.by_snakemake):  # commands run by hand need no record
        write_text(_record(store), json.dumps(made_from, sort_keys=True) + "\n")


def _record(store: Path) -> Path:
    return store.with_name(f".{store.name}.made-from.json")


def is_made_from(store: Path, made_from: Mapping[str, Any]) -> bool:
    """Whether a shard exists and its record equals `made_from`."""
    return store.is_dir() and recorded(store) == made_from


def recorded(store: Path) -> dict[str, Any]:
    """What a shard was made from by the record beside it; empty if there is none that can be read."""
    try:
        content = json.loads(_record(store).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def proposals_from(settings: Mapping[str, Any], image_hash: str, box_hash: str) -> dict[str, Any]:
    """What a shard of candidates is made from.

    Args:
        settings: The settings of its method.
        image_hash: `Inventory.image_hash` of its images.
        box_hash: `Inventory.box_hash` of its images, which counts if the settings have views of small boxes.
    """
    made = {"settings": dict(settings), "images": image_hash, "version": STAGES["proposals"].version}
    return made | ({"boxes": box_hash} if settings.get("views") else {})


def overlaps_from(box_hash: str) -> dict[str, Any]:
    """What a shard of overlaps is made from, besides its candidates: `Changes.box_hash`."""
    return {"boxes": box_hash, "version": STAGES["overlaps"].version}
