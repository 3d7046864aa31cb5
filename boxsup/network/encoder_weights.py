"""Finds the pretrained weights of smp's encoders: in the hub's cache, in a file, or where torchvision's are."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from torch import Tensor

from boxsup.config.training import NetworkSettings
from boxsup.errors import BoxSupError, ConfigError, StoreError
from boxsup.near import did_you_mean, nearest
from boxsup.network.images import IMAGENET, Normalisation
from boxsup.network.pretrained import FILES, imagenet_weights, read_weights
from boxsup.network.smp import SmpName, SmpNetwork
from boxsup.store.checksums import sha256_of

# What classifiers that smp took over from Cadene's collection want in place of ImageNet's mean: TensorFlow's and DPN's.
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
DPN = Normalisation((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)
OTHERS = {"inception": HALF, "xception": HALF, "dpn": DPN}  # beginning of smp's name of an encoder -> its own


def start_from_encoder(network: SmpNetwork, settings: NetworkSettings) -> tuple[dict[str, str], Normalisation]:
    """Load an encoder's pretrained weights, unless `weights` is "none".

    Args:
        network: The network, with random weights; changed in place.
        settings: `weights` is "imagenet", a name that smp has for other weights of the encoder, a file, or "none".
            `sha256`, or its beginning, is the hash of a file.

    Returns:
        `file` and `sha256` of the weights, or nothing for random weights; and how the encoder wants its images.

    Raises:
        ConfigError: There are no such weights, or the file does not exist or has another hash.
        StoreError: The weights cannot be downloaded, or the file has the weights of another network.
    """
    name = network.name
    if settings.weights == "none":
        return {}, normalisation_of(name)
    path, config = Path(settings.weights), None
    if path.is_file():
        found = _checked(path, settings.sha256)
    elif name.encoder in FILES and settings.weights == "imagenet" and not _cached(name, settings.weights):
        source = imagenet_weights(name.encoder, settings)  # smp's are torchvision's, which is asked first
        _load_own(network, dict(source.weights), source.file)
        return {"file": source.file, "sha256": source.sha256}, IMAGENET
    elif name.timm:
        path = _of_timm(name, settings.weights)
        found = _checked(path, "")
    else:
        repository = _repository(name, settings.weights)
        path, config = _from_hub(*repository, "model.safetensors"), _from_hub(*repository, "config.json")
        found = _checked(path, "")
    if name.timm:
        _load_timm(network, path)
    else:
        _load_own(network, read_weights(path), str(path))
    return found, normalisation_of(name, config)


def normalisation_of(name: SmpName, config: Path | None = None) -> Normalisation:
    """How an encoder wants its images: by the hub's file about its weights, timm's table, or what is known of it."""
    values: Any = None
    if config is not None:
        values = json.loads(config.read_text(encoding="utf-8"))
    elif name.timm:
        import timm

        known = timm.get_pretrained_cfg(name.timm, allow_unregistered=True)
        values = known and {"mean": known.mean, "std": known.std}
    if not values:
        return next((own for start, own in OTHERS.items() if name.encoder.startswith(start)), IMAGENET)
    if values.get("input_space", "RGB") != "RGB":
        raise ConfigError(f"network.weights: those of {name.encoder} want {values['input_space']}; choose others")
    unit = float(max(values.get("input_range", (0, 1))))
    (red, green, blue), (r, g, b) = ([float(value) / unit for value in values[key]] for key in ("mean", "std"))
    return Normalisation((red, green, blue), (r, g, b))


def _checked(path: Path, expected: str) -> dict[str, str]:
    """`file` and `sha256` of a file, whose hash must begin as expected."""
    sha256 = sha256_of(path)
    if not sha256.startswith(expected.lower()):
        raise ConfigError(f"{path}: its sha256 begins with {sha256[:8]}, network.sha256 with {expected[:8]}")
    return {"file": path.name, "sha256": sha256}


def _load_own(network: SmpNetwork, weights: dict[str, Tensor], file: str) -> None:
    """Load a classifier's weights into an encoder of smp's own; what it has beside them, a classifier, is left out."""
    encoder = network.body.encoder
    wanted = encoder.state_dict()
    missing = [key for key in wanted if key not in weights and not key.endswith("num_batches_tracked")]
    others = [key for key in wanted if key in weights and weights[key].shape != wanted[key].shape]
    if missing or others:
        first = (missing or others)[0]
        wrong = "not there" if missing else "of another size"
        raise StoreError(f"{file}: not the weights of smp's {network.name.encoder}: {first} is {wrong}")
    encoder.load_state_dict({key: weights.get(key, value) for key, value in wanted.items()})


def _load_timm(network: SmpNetwork, path: Path) -> None:
    """Load a classifier's weights by timm, which maps names of many kinds of files, into the encoder."""
    name, encoder = network.name, network.body.encoder
    overlay = {"file": str(path), "hf_hub_id": None, "url": None, "custom_load": path.suffix == ".npz"}
    options = {"depth": encoder._depth, "output_stride": encoder._output_stride}
    if name.decoder == "dpt":
        options = {"dynamic_img_size": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = type(encoder)(encoder.name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
        encoder.load_state_dict(loaded.state_dict())
    except Exception as error:  # of timm, torch and the formats of files
        reason = " ".join(str(error).split())[:200]
        raise StoreError(f"{path}: not the weights of timm's {name.timm} ({reason})") from error


def _repository(name: SmpName, weights: str) -> tuple[str, str]:
    """The hub's repository and revision of weights of one of smp's own encoders."""
    from segmentation_models_pytorch.encoders import encoders

    known = encoders[name.encoder]["pretrained_settings"]
    if weights not in known:
        near = did_you_mean(nearest(weights, known, 1))
        listed = ", ".join(known)
        raise ConfigError(
            f"network.weights: no file {weights}; give one, 'none', or what smp has for {name.encoder}: {listed}{near}"
        )
    return known[weights]["repo_id"], known[weights]["revision"]


def _cached(name: SmpName, weights: str) -> bool:
    """Whether the weights of one of smp's own encoders are in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    repository, revision = _repository(name, weights)
    files = ("model.safetensors", "config.json")
    return all(isinstance(try_to_load_from_cache(repository, file, revision=revision), str) for file in files)


def _of_timm(name: SmpName, weights: str) -> Path:
    """The file of timm's weights, from the cache or the hub."""
    import timm

    if weights != "imagenet":
        raise ConfigError(f"network.weights: no file {weights}; 'imagenet' are those that {name.encoder} names")
    known = timm.get_pretrained_cfg(name.timm, allow_unregistered=True)
    if not known or not known.hf_hub_id:
        raise ConfigError(f"network.weights: timm has no weights of {name.timm} on the hub; name a file, or 'none'")
    return _from_hub(known.hf_hub_id, None, known.hf_hub_filename or "model.safetensors")


def _from_hub(repository: str, revision: str | None, file: str) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(repository, file, revision=revision)
    if isinstance(cached, str):
        return Path(cached)
    try:
        return Path(hf_hub_download(repository, file, revision=revision))
    except BoxSupError:
        raise
    except Exception as error:  # of the hub, its transport and its cache
        reason = " ".join(str(error).split())[:200]
        raise StoreError(
            f"network.weights: {file} of {repository} is neither in the hub's cache nor could it be downloaded "
            f"({reason}); name a file, or 'none'"
        ) from error
