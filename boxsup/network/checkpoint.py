"""Checkpoints: a network with everything that is needed to use it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from boxsup.errors import BoxSupError, StoreError
from boxsup.experiments.tree import OPTIMIZER
from boxsup.near import did_you_mean, near_paths
from boxsup.network import Segmenter, build_network
from boxsup.network.images import IMAGENET, Normalisation
from boxsup.network.weights_file import SUFFIX, read_weights_file
from boxsup.store.atomic import atomic_write
from boxsup.store.checksums import CHECK_ADVICE, archive_damages

KEYS = ("network", "classes", "state", "epoch", "pretrained", "normalisation")  # in the order of the file
EXPORTED = (".onnx", ".pt2")  # endings of what `boxsup export` writes and nobody can train or label with again
MAX_CLASSES = 255  # with the background, since label 255 is void


@dataclass(frozen=True)
class Checkpoint:
    """A network after an epoch.

    Attributes:
        network: Name of the network in the configuration.
        classes: Class names by label; the first is the background.
        model: The network itself, on the CPU.
        epoch: How many epochs the network has been trained.
        pretrained: `file` and `sha256` of the weights that training started from, or empty.
        normalisation: How the network wants its images normalised.
    """

    network: str
    classes: tuple[str, ...]
    model: Segmenter
    epoch: int
    pretrained: dict[str, str]
    normalisation: Normalisation = IMAGENET


def save_checkpoint(path: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all; equal networks give equal bytes."""
    # Contiguous tensors, so that the file does not depend on the memory layout that training uses.
    state = {name: value.detach().cpu().contiguous() for name, value in checkpoint.model.state_dict().items()}
    plain = plain_content(checkpoint)
    save(path, {key: state if key == "state" else plain[key] for key in KEYS})


def plain_content(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a checkpoint holds beside the weights, as JSON values."""
    return {
        "network": checkpoint.network,
        "classes": list(checkpoint.classes),
        "epoch": checkpoint.epoch,
        "pretrained": checkpoint.pretrained,
        "normalisation": {name: list(values) for name, values in checkpoint.normalisation._asdict().items()},
    }


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint: a `.pt`, or the `.safetensors` that `boxsup export` makes of one.

    Raises:
        StoreError: The file is missing, damaged or not a checkpoint of ours.
    """
    content = read_weights_file(path) if os.fspath(path).endswith(SUFFIX) else load(path)
    try:
        classes, normalisation = _classes(content), _normalisation(content)
        with torch.device("meta"):  # the weights are replaced at once, so they need no memory and no random values
            model = build_network(content["network"], len(classes))
        model.load_state_dict(content["state"], assign=True)
        return Checkpoint(content["network"], classes, model, content["epoch"], content["pretrained"], normalisation)
    except BoxSupError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise StoreError(f"{path}: not a checkpoint of boxsup ({type(error).__name__})") from error


def _classes(content: dict[str, Any]) -> tuple[str, ...]:
    """The class names. There are at most 255, for labels of 8 bits, and they can be printed in tables and terminals."""
    names = tuple(content["classes"])
    if not 0 < len(names) <= MAX_CLASSES or not all(isinstance(name, str) and name.isprintable() for name in names):
        raise ValueError("classes")
    return names


def _normalisation(content: dict[str, Any]) -> Normalisation:
    """The normalisation that the file records."""
    mean, std = (tuple(map(float, content["normalisation"][name])) for name in Normalisation._fields)
    if len(mean) != 3 or len(std) != 3 or not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
        raise ValueError("normalisation")
    return Normalisation((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def instructions_of(path: Path) -> object:
    """The `instructions` (`boxsup.machine.instructions`) that a checkpoint was trained with; None if unknown.

    They are in the optimizer's file beside the checkpoint. The checkpoint does not record them, so that equal networks
    give equal bytes.
    """
    try:
        optimizer = torch.load(path.with_name(OPTIMIZER), map_location="cpu", weights_only=True, mmap=True)
        return optimizer.get("instructions")
    except Exception:  # torch raises many kinds of errors; a stage that needs the file reports them
        return None


def save(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write a file with `torch.save`, whole or not at all; its bytes do not depend on its name."""
    with atomic_write(path) as partial, partial.open("wb") as file:
        try:
            torch.save(content, file)  # to a file object: given a name, torch writes it into the archive
        except RuntimeError as error:
            # On a full disk torch fails in its own bookkeeping; the real reason is the error before that.
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of `save`: tensors and plain values only, never code.

    Raises:
        StoreError: The file is missing or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path}: no such checkpoint{did_you_mean(near_paths(path))}")
    if path.suffix.lower() in EXPORTED:
        sources = "the model.pt, .safetensors or hub folder that it came from"
        raise StoreError(f"{path}: an exported model, which other programs run; give {sources}")
    damages = archive_damages(path)  # torch checks no checksum, so a flipped bit would become a weight
    if damages:
        raise StoreError(f"{path}: not a readable checkpoint: {damages[0]}; {CHECK_ADVICE}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds of errors for damaged files
        raise StoreError(f"{path}: not a readable checkpoint ({type(error).__name__}); {CHECK_ADVICE}") from error
    if not isinstance(content, dict):
        raise StoreError(f"{path}: not a checkpoint of boxsup")
    return content
