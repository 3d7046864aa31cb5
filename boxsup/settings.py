"""The settings of each stage, read from the canonical JSON that a rule passes; `config.yaml` has the defaults."""

from __future__ import annotations

import json
import keyword
from dataclasses import MISSING, dataclass, fields
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from boxsup.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class ShapesSettings:
    """The generated demo data; see `config.yaml`, `datasets.demo.shapes`."""

    seed: int
    side: int
    train: int
    val: int
    masks: int


@dataclass(frozen=True)
class ProposalSettings:
    """What all proposal methods have in common; see `config.yaml`, `proposals`, and `boxsup.proposals.methods`."""

    method: str
    min_area: float
    max_area: float
    nms: float
    max_candidates: int
    seed: int


@dataclass(frozen=True)
class SelectiveSearchSettings(ProposalSettings):
    """Selective Search; see `config.yaml`, `proposals.selective_search`."""

    colour_spaces: tuple[str, ...]
    similarities: tuple[str, ...]
    scales: tuple[int, ...]
    min_region: int


@dataclass(frozen=True)
class Transforms:
    """Geodesic distance transforms; see `config.yaml`, `proposals.geodesic.transforms`."""

    power: int
    floor: float
    colour: float
    seeds: int
    levels: int
    backgrounds: tuple[str, ...]


@dataclass(frozen=True)
class SimilarityTree:
    """A hierarchy of `McgSettings`: what makes two regions similar, and how much a contour between them counts."""

    space: str
    similarities: str
    contour: float


@dataclass(frozen=True)
class McgSettings(ProposalSettings):
    """Combinatorial grouping; see `config.yaml`, `proposals.mcg`."""

    contours: Literal["network", "gradient"]
    scales: tuple[float, ...]
    superpixels: int
    leaves: int
    contour_trees: tuple[float, ...]
    similarity_trees: tuple[SimilarityTree, ...]
    combinations: tuple[int, ...]
    transforms: tuple[Transforms, ...]
    diverse: float


@dataclass(frozen=True)
class GeodesicSettings(ProposalSettings):
    """Geodesic object proposals; see `config.yaml`, `proposals.geodesic`."""

    contours: Literal["network", "gradient"]
    superpixels: int
    transforms: Transforms


@dataclass(frozen=True)
class ImportedSettings(ProposalSettings):
    """Candidates that another tool made; see `config.yaml`, `proposals`, and `docs/proposals.md`."""

    files: str
    images: str


@dataclass(frozen=True)
class UpdateSettings:
    """How a box picks its candidate; see `config.yaml`, `defaults.update`, and `boxsup.labels.costs`."""

    k: int
    temperature: float
    overlap: Literal["coverage", "tight_box"]
    leak: float
    rank: float
    lambda_: float
    regression: Literal["agreement", "cross_entropy"]
    overlap_norm: Literal["none", "candidates"]
    region: Literal["box", "image"]
    norm: Literal["none", "image", "box"]
    centre: bool
    clamp: float
    clip: bool
    fallback_iou: float
    difficult: Literal["use", "void", "ignore"]


@dataclass(frozen=True)
class NetworkSettings:
    """Which network and which weights it starts from; see `config.yaml`, `defaults.network`."""

    name: str
    weights: str
    sha256: str


@dataclass(frozen=True)
class ScheduleSettings:
    """The learning rate over the iterations; see `config.yaml`, `defaults.schedule`."""

    epochs: int
    policy: Literal["step", "poly"]
    step: int
    gamma: float
    power: float


@dataclass(frozen=True)
class TrainingSettings:
    """One epoch of SGD; see `config.yaml`, `defaults.training`.

    Its `workers` is no field here but an argument of the command (`--workers`): results do not depend on it, so it must
    not make a rule run again. The same holds for the workers of the dense CRF.
    """

    rate: float
    head_rate: float
    momentum: float
    weight_decay: float
    batch: int
    crop: int
    scale: tuple[float, ...]
    mirror: bool
    mixed_precision: bool
    threads: int
    gpus: int = 1


@dataclass(frozen=True)
class CrfSettings:
    """The dense CRF; see `config.yaml`, `defaults.inference.crf`."""

    iterations: int
    spatial_xy: float
    spatial_weight: float
    bilateral_xy: float
    bilateral_rgb: float
    bilateral_weight: float
    least_probability: float


@dataclass(frozen=True)
class CrfSearchSettings:
    """The search for the dense CRF's weights; see `config.yaml`, `defaults.inference.crf_search`."""

    rounds: int
    bilateral_weight: tuple[float, ...]
    bilateral_xy: tuple[float, ...]
    bilateral_rgb: tuple[float, ...]


def parse(cls: type[T], text: str, where: str = "settings") -> T:
    """Settings of class `cls` from a JSON object, every key expected and checked.

    A field whose name is a Python keyword plus "_" stands in the JSON without it (`lambda`).

    Raises:
        ConfigError: The text is not a JSON object, or a key is missing, unknown or of a wrong type.
    """
    return build(cls, mapping(text, where), where)


def mapping(text: str, where: str) -> dict[str, Any]:
    """A JSON object, its keys not checked yet; raises a ConfigError where the text is none."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}: not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected a mapping, got {values!r}")
    return values


def build(cls: type[T], values: Any, where: str) -> T:  # noqa: ANN401 - JSON
    """Settings of class `cls` from parsed JSON; see `parse`."""
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected a mapping, got {values!r}")
    types = get_type_hints(cls)
    names = {_key(field.name): field.name for field in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in names:
            raise ConfigError(f"{where}.{key}: unknown key; known are {', '.join(names)}")
    needed = [_key(field.name) for field in fields(cls) if field.default is MISSING]  # type: ignore[arg-type]
    for key in needed:
        if key not in values:
            raise ConfigError(f"{where}.{key}: missing")
    return cls(
        **{name: _value(types[name], values[key], f"{where}.{key}") for key, name in names.items() if key in values}
    )


def _key(name: str) -> str:
    return name[:-1] if keyword.iskeyword(name[:-1]) else name


def _value(kind: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any JSON value and type
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ConfigError(f"{where}: expected one of {', '.join(get_args(kind))}, got {value!r}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        return tuple(_value(get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if get_origin(kind) is UnionType:  # of a class and None
        return None if value is None else _value(get_args(kind)[0], value, where)
    if kind in (bool, int, float, str):
        accepted = (int, float) if kind is float else (kind,)
        if type(value) not in accepted:  # and not isinstance: True is an int
            raise ConfigError(f"{where}: expected {kind.__name__}, got {value!r}")
        return kind(value)
    return build(kind, value, where)
