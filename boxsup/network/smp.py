"""Encoders and decoders of segmentation-models-pytorch (smp), which has timm's encoders too: an optional package."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from boxsup.config.training import STRIDES
from boxsup.errors import ConfigError
from boxsup.near import did_you_mean, nearest
from boxsup.network.grid import Grid
from boxsup.network.segmenter import Segmenter
from boxsup.network.trial import unused_parameters

INSTALL = "pip install 'boxsup[smp]'"
ENCODER_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # timm takes a name with a colon for a place to load from
TRIED_SIZE = (64, 96)  # H, W of the image that a new network is tried on, px
HALVINGS = {"dpt": 2}  # by which a decoder divides the encoder's last features: DPT halves them, and doubles them again
LEAST_FEATURES = {"pan": 8}  # px: sides of the encoder's last features that a decoder needs: PAN pools them three times


class SmpName(NamedTuple):
    """What the name of a network of smp says; see `boxsup.config.training.network_name`.

    Attributes:
        decoder: smp's name of the decoder, in small letters.
        encoder: smp's name of the encoder; `tu-NAME` is timm's NAME.
        stride: Stride of the encoder, where the decoder lets one choose.
    """

    decoder: str
    encoder: str
    stride: int

    @property
    def timm(self) -> str:
        """The encoder's name in timm; empty if it is one of smp's own."""
        return self.encoder.removeprefix("tu-") if self.encoder.startswith("tu-") else ""


class SmpNetwork(Segmenter):
    """A network of smp: an encoder with the weights of a classifier, and a decoder and a head that are new.

    smp wants sides that its encoder's stride divides, or twice that, and PAN none below eight strides. So an image's
    last column and row are repeated up to such a side, and the logits, which have the image's size, are cut. A small
    image keeps its scale, since that is what the network has learned.
    """

    grid = Grid(1)

    def __init__(self, name: SmpName, classes: int) -> None:
        """Make the network for `classes` classes, with random weights from torch's global generator.

        Raises:
            ConfigError: The package is missing, it has no such decoder or encoder, or they do not fit.
        """
        super().__init__()
        self.name = name
        _check_names(name)
        # Never on the meta device: encoders compute tables while they are made, which a checkpoint does not hold.
        with torch.device("cpu"), explained(name):
            self.body: Any = _library().create_model(
                name.decoder, name.encoder, encoder_weights=None, in_channels=3, classes=classes, **_options(name)
            )
        self._multiple = HALVINGS.get(name.decoder, 1) * _multiple_of(self.body.encoder)
        self._least = LEAST_FEATURES.get(name.decoder, 1) * self._multiple

    def new_layers(self) -> list[nn.Module]:
        """See `Segmenter.new_layers`."""
        return [self.body.decoder, self.body.segmentation_head]

    def unused_parameters(self) -> list[str]:
        """See `Segmenter.unused_parameters`: encoders have layers for classes, or deeper ones than the decoder asks."""
        return unused_parameters(self, *TRIED_SIZE)

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×H×W logits."""
        height, width = image.shape[2:]
        logits: Tensor = self.body(_taken(_taken(image, 2, self._enlarged(height)), 3, self._enlarged(width)))
        if not torch.compiler.is_exporting():
            return logits[:, :, :height, :width]
        return _taken(_taken(logits, 2, height), 3, width)

    def _enlarged(self, side: int) -> int:
        """The side that the body gets, px."""
        multiple = _up(side, self._multiple)
        # For images of any size, torch's exporter has a side as an expression, which it cannot compare.
        return max(self._least, multiple) if self._least > self._multiple else multiple

    @torch.inference_mode()
    def try_it(self) -> None:
        """Raise a ConfigError unless the network scores an image; it stays as it is."""
        training = self.training
        with explained(self.name):
            self.eval()(torch.zeros(1, 3, *TRIED_SIZE))
        self.train(training)


def _up(side: int, multiple: int) -> int:
    """The least multiple that is not below a side."""
    return (side + multiple - 1) // multiple * multiple


def _taken(values: Tensor, axis: int, count: int) -> Tensor:
    """The first rows or columns; where there are too few, the last is repeated.

    Torch's exporter follows indices for images of any size, but neither padding nor slices.
    """
    return values.index_select(axis, torch.arange(count, device=values.device).clamp(max=values.shape[axis] - 1))


def parse_name(name: str) -> SmpName | None:
    """What the name of a network says if it is one of smp; None for another network.

    >>> parse_name("smp:fpn:tu-resnet10t:16")
    SmpName(decoder='fpn', encoder='tu-resnet10t', stride=16)
    """
    parts = name.split(":")
    if parts[0] != "smp" or len(parts) != 4 or not parts[3].isdecimal():
        return None
    return SmpName(parts[1], parts[2], int(parts[3]))


def require_smp() -> None:
    """Raise a ConfigError that says what to install, if segmentation-models-pytorch is missing."""
    if importlib.util.find_spec("segmentation_models_pytorch") is None:
        raise ConfigError(f"network.name: smp needs the package segmentation-models-pytorch: {INSTALL}")


def _library() -> Any:  # noqa: ANN401 - a module without types
    """Smp, whose import takes seconds."""
    require_smp()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import segmentation_models_pytorch
    return segmentation_models_pytorch


def _check_names(name: SmpName) -> None:
    """Raise a ConfigError unless smp has the decoder and the encoder."""
    library = _library()
    decoders, own = list(library.MODEL_ARCHITECTURES_MAPPING), library.encoders.get_encoder_names()
    if name.decoder not in decoders:
        near = did_you_mean(nearest(name.decoder, decoders, 1))
        raise ConfigError(f"network.decoder: smp has no '{name.decoder}'; it has {', '.join(decoders)}{near}")
    if not ENCODER_NAME.fullmatch(name.encoder):
        raise ConfigError(f"network.encoder: expected a name of smp or timm, got '{name.encoder}'")
    if name.encoder in own:
        return
    import timm

    plain, _, tag = name.timm.partition(".")
    if timm.is_model(plain) and (not tag or tag in _tags(plain)):
        return
    known = [*own, *(f"tu-{model}" for model in timm.list_models())]
    known += [f"tu-{plain}.{known_tag}" for known_tag in _tags(plain)] if tag else []
    near = did_you_mean(nearest(name.encoder, known) or nearest(f"tu-{name.encoder}", known))
    raise ConfigError(f"network.encoder: neither smp nor, after tu-, timm has '{name.encoder}'{near}")


def _tags(model: str) -> list[str]:
    """The tags of timm's weights for a model."""
    import timm

    return [name.partition(".")[2] for name in timm.list_pretrained(f"{model}.*")]


def _options(name: SmpName) -> dict[str, Any]:
    """What smp takes beside the names: the stride, for decoders that have one, and images of any size."""
    if name.decoder == "dpt":
        return {"dynamic_img_size": True}
    if name.decoder not in STRIDES:
        return {}
    if name.stride not in STRIDES[name.decoder]:
        expected = " or ".join(map(str, STRIDES[name.decoder]))
        raise ConfigError(f"network.stride: expected {expected} with {name.decoder}, got {name.stride}")
    return {"encoder_output_stride": name.stride}


def _multiple_of(encoder: Any) -> int:  # noqa: ANN401 - a module of smp
    """The number that an image's sides must be a multiple of, px."""
    stride = getattr(encoder, "output_stride", None) or max(encoder.output_strides)
    return int(stride)


@contextlib.contextmanager
def explained(name: SmpName) -> Iterator[None]:
    """Turn any error of smp and timm into one line: they raise many kinds for parts that do not fit."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ConfigError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ConfigError(
            f"network: smp cannot put {name.decoder} on {name.encoder} ({reason}); choose another"
        ) from error
