"""Weights as `safetensors`, which other programs read without running code, with facts about them in the header."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from boxsup.errors import ConfigError, StoreError
from boxsup.near import did_you_mean, near_paths
from boxsup.store.atomic import atomic_write
from boxsup.store.checksums import sha256_of

SUFFIX = ".safetensors"
HEADER = "boxsup"  # the key of our facts in the file's header
SHA256 = "weights_sha256"  # the key of the file's hash in the JSON beside it


def require_safetensors() -> None:
    """Raise a ConfigError that says what to install, if the package safetensors is missing."""
    if importlib.util.find_spec("safetensors") is None:
        raise ConfigError("weights as safetensors need the package safetensors: pip install 'boxsup[hub]'")


def write_weights(path: Path, state: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write weights and facts, whole or not at all; equal ones give equal bytes."""
    require_safetensors()
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    content = save(tensors, {HEADER: json.dumps(facts, ensure_ascii=False), "format": "pt"})
    with atomic_write(path, SUFFIX) as partial:
        partial.write_bytes(_in_order(content))


def read_weights_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of `write_weights`: its facts, and `state` with the weights.

    Raises:
        StoreError: The file is missing, damaged or not ours.
    """
    require_safetensors()
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path}: no such checkpoint{did_you_mean(near_paths(path))}")
    _check_hash(path)
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[HEADER])
            return {**facts, "state": {name: file.get_tensor(name) for name in file.keys()}}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: not weights that boxsup exported ({type(error).__name__})") from error


def _in_order(content: bytes) -> bytes:
    """A file with the texts of its header in order, which safetensors writes in any."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # as safetensors does, so that weights begin at whole words
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def facts_beside(path: Path) -> list[Path]:
    """The files beside weights that may hold the same facts, and the hash of the weights."""
    return [path.with_name(f"{path.name}.json"), path.with_name("config.json")]


def _check_hash(path: Path) -> None:
    """Raise a StoreError if a file beside the weights says that they have another hash."""
    for beside in facts_beside(path):
        try:
            expected = json.loads(beside.read_text(encoding="utf-8")).get(SHA256)
        except (OSError, ValueError, AttributeError):
            continue
        if expected and expected != sha256_of(path):
            raise StoreError(f"{path}: damaged, or of another export: {beside.name} has another sha256 for it")
