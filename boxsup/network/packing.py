"""Weights that ship with the package, in a form that its archive compresses.

A wheel compresses each file by itself. It gains a tenth of 16-bit floats in a row: their low bytes, which nothing
compresses, lie between their high bytes, which are much alike. So low and high bytes stand apart here: that is a sixth,
and an installed file is read as fast as before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boxsup.errors import BoxSupError
from boxsup.network.checkpoint import load, save

MANTISSA = 10  # stored bits of a 16-bit float


def packed(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Sort the bytes of a state's 16-bit floats; other tensors stay as they are.

    >>> state = {"weight": torch.tensor([[0.5, -2.0]]).half(), "count": torch.tensor(3)}
    >>> unpacked(packed(state))
    {'weight': tensor([[ 0.5000, -2.0000]], dtype=torch.float16), 'count': tensor(3)}
    """
    halves = {name: value for name, value in state.items() if value.dtype == torch.float16}
    values = [value.numpy().ravel() for value in halves.values()]
    pairs = np.concatenate([np.empty(0, np.float16), *values]).astype("<f2").view(np.uint8).reshape(-1, 2)
    return {
        "names": list(state),
        "shapes": {name: list(value.shape) for name, value in halves.items()},
        "low": torch.from_numpy(pairs[:, 0].copy()),
        "high": torch.from_numpy(pairs[:, 1].copy()),
        "others": {name: value for name, value in state.items() if name not in halves},
    }


def unpacked(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of which `packed` made this.

    Raises:
        KeyError, TypeError, ValueError: It is something else.
    """
    pairs = np.stack([content["low"].numpy(), content["high"].numpy()], axis=1)
    values: NDArray[np.float16] = pairs.view("<f2").astype(np.float16).ravel()
    state, begin = dict(content["others"]), 0
    for name, shape in content["shapes"].items():
        size = int(np.prod(shape, dtype=np.int64))
        state[name] = torch.from_numpy(values[begin : begin + size].reshape(shape).copy())
        begin += size
    return {name: state[name] for name in content["names"]}


def rounded(value: Tensor, bits: int) -> Tensor:
    """Round 16-bit floats to so many bits of mantissa, half to even; the bits after them are 0.

    Args:
        value: Finite values of any shape.
        bits: 1 to 10, as many as there are.

    >>> rounded(torch.tensor([1.0, 1.2, 1.3]).half(), 2)
    tensor([1.0000, 1.2500, 1.2500], dtype=torch.float16)
    """
    cut = MANTISSA - bits
    if cut == 0:
        return value
    pattern = value.numpy().view(np.uint16).astype(np.int64)
    pattern = (pattern + (1 << (cut - 1)) - 1 + ((pattern >> cut) & 1)) >> cut << cut
    return torch.from_numpy(pattern.astype(np.uint16).view(np.float16))


def main(words: list[str] | None = None) -> None:
    """Pack a file of `boxsup objects` or `boxsup contours train`: `python -m boxsup.network.packing IN OUT`."""
    parser = argparse.ArgumentParser(prog="python -m boxsup.network.packing", description=main.__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    text = f"bits of mantissa that kernels keep, 1 to {MANTISSA} [{MANTISSA}]"
    bits = range(1, MANTISSA + 1)
    parser.add_argument("--bits", type=int, default=MANTISSA, choices=bits, metavar="N", help=text)
    args = parser.parse_args(words)
    try:
        content = load(args.source)
    except BoxSupError as error:
        sys.exit(f"packing: error: {error}")
    if "state" not in content:
        sys.exit(f"packing: error: {args.source}: it has no state; perhaps it is packed already")
    state = content.pop("state")
    kernels = {name: rounded(value, args.bits) for name, value in state.items() if value.ndim > 1}
    save(args.out, {**content, "bits": args.bits, "packed": packed({**state, **kernels})})


if __name__ == "__main__":
    main()
