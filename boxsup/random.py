"""Random draws that depend on what is drawn for, never on the order, the shards or the workers that draw."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def generator(seed: int, *key: int | str) -> np.random.Generator:
    """A counter-based generator keyed by the seed and by what the draws are for.

    Args:
        seed: The experiment's seed.
        key: For instance a purpose, an epoch and an image id.

    Returns:
        A generator whose stream is a function of the arguments alone (Philox keyed by a BLAKE2b digest).

    Example:
        >>> generator(0, "masks", "2007_000032").random() == generator(0, "masks", "2007_000032").random()
        True
    """
    return np.random.Generator(np.random.Philox(key=_digest(seed, key)))


def torch_seed(seed: int, *key: int | str) -> int:
    """A 63-bit seed for `torch.manual_seed`, keyed like `generator`.

    >>> torch_seed(0, "network")
    5349926594877077668
    """
    return _digest(seed, key) & (2**63 - 1)


def _digest(seed: int, key: tuple[int | str, ...]) -> int:
    text = json.dumps([seed, *key], ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
