"""Exports a trained network to formats that other programs run: ONNX, and torch.export's."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from boxsup.errors import BoxSupError, ConfigError
from boxsup.inference.labelling import Labelling
from boxsup.inference.onnx_metadata import onnx_metadata
from boxsup.inference.scores import score_at_scales
from boxsup.network.checkpoint import Checkpoint
from boxsup.network.images import normalise
from boxsup.network.segmenter import Segmenter

OPSET = 18  # of ONNX; the exporter writes it without a conversion to an older one
MAX_SIDE = 2**14  # px, of images of any size
MIN_SIDE = 64  # px, of images of any size; with less, five poolings of VGG leave a single row
MAX_BATCH = 1024
TOLERANCE = 1e-3  # largest difference of a log-probability between the file and the network
INPUT, OUTPUT, PROBABILITIES = "image", "log_probabilities", "probabilities"
INT64 = 7  # ONNX's number for this type
METADATA = "boxsup"  # the key of our facts in an ONNX file, and the name of the extra file in torch.export's
PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # required for ONNX
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}

Runner = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # N×3×H×W normalised images -> N×C×H×W log-probabilities


class FullSize(nn.Module):
    """The module that is exported: N×3×H×W normalised images -> N×C×H×W log-probabilities at the images' size."""

    def __init__(
        self,
        network: Segmenter,
        scales: Sequence[float] = (1.0,),
        background_bias: float = 0.0,
        probabilities: bool = False,
    ) -> None:
        """Wrap a network; see `boxsup.inference.scores.score_at_scales`.

        Args:
            network: The network.
            scales: Scales of the image.
            background_bias: Nats to add to the background's score.
            probabilities: Whether to give probabilities in place of their logarithms.
        """
        super().__init__()
        self.network, self.scales, self.background_bias = network, tuple(scales), background_bias
        self.probabilities = probabilities

    def forward(self, image: Tensor) -> Tensor:
        """N×3×H×W -> N×C×H×W."""
        scores = score_at_scales(self.network, image, self.scales, self.background_bias)
        return scores.exp() if self.probabilities else scores


def check_packages(form: str) -> None:
    """Raise a ConfigError that says what to install, if packages for a format are missing."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None] if form == "onnx" else []
    if missing:
        raise ConfigError(f"--format onnx needs {' and '.join(missing)}: pip install {' '.join(PACKAGES)}")


def export_program(network: FullSize, size: tuple[int, int] | None) -> ExportedProgram:
    """Export a network with torch.export, for any number of images.

    Args:
        network: The network, on the CPU and in evaluation mode; its weights are laid out anew in memory.
        size: H and W of all images; None for sides from MIN_SIDE to MAX_SIDE.

    Raises:
        ConfigError: Torch cannot export the network for images of any size, or not at a scale of its scales.
    """
    from torch._dynamo.exc import UserError  # takes two seconds, which --help need not wait for

    free = {2: Dim("height", min=MIN_SIDE, max=MAX_SIDE), 3: Dim("width", min=MIN_SIDE, max=MAX_SIDE)}
    axes = {0: Dim("batch", min=1, max=MAX_BATCH), **({} if size else free)}
    # Two images with odd sides, so that the exporter takes no number of the example for a constant.
    example = torch.zeros(2, 3, *(size or (97, 129)))
    # Training keeps channels last, as a 1×1 kernel's memory still tells: torch then refuses some networks at any size.
    for value in network.parameters():
        value.data = value.data.clone(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about its own code
        try:
            return torch.export.export(network, (example,), dynamic_shapes={INPUT: axes})
        except UserError as error:
            if size:
                raise
            if network.scales != (1.0,):
                export_program(FullSize(network.network), None)  # else the scales are not to blame
                raise ConfigError(
                    f"torch cannot export this network at scale {min(network.scales):g} for images of any size, since "
                    "small ones have too few pixels there; leave it out of --scales, or give one with --size H W"
                ) from error
            raise ConfigError(
                "torch cannot export this network for images of any size; give one with --size H W"
            ) from error


def write_onnx(program: ExportedProgram, path: Path, facts: str) -> None:
    """Write an ONNX file of opset OPSET, with `facts` in its metadata, also in the words of other programs."""
    from onnxscript import opset18  # an optional package

    known = json.loads(facts)
    # For the sides of scaled images; both round halves to the even number.
    rounded: dict[Callable[..., Any], Any] = {
        round: lambda side, _digits=None: opset18.Cast(opset18.Round(side), to=INT64)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[known["output"]["name"]],
            verbose=False, custom_translation_table=rounded,
        )  # fmt: skip
    assert onnx is not None
    onnx.model.metadata_props[METADATA] = facts
    onnx.model.metadata_props.update(onnx_metadata(known))
    onnx.save(path)


def write_torch(program: ExportedProgram, path: Path, facts: str) -> None:
    """Write a file for `torch.export.load`, with `facts` in it as an extra file."""
    torch.export.save(program, path, extra_files={METADATA: facts})


def run_onnx(path: Path) -> Runner:
    """Load an ONNX file into onnxruntime, on the CPU."""
    import onnxruntime  # an optional package

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {INPUT: images})[0], np.float32)


def run_torch(path: Path) -> Runner:
    """Load a file of torch.export."""
    program = torch.export.load(path).module()
    return lambda images: np.asarray(program(torch.from_numpy(images)).detach().numpy(), np.float32)


WRITERS: dict[str, tuple[Callable[[ExportedProgram, Path, str], None], Callable[[Path], Runner]]] = {
    "onnx": (write_onnx, run_onnx),
    "torch": (write_torch, run_torch),
}


@torch.inference_mode()
def max_difference(
    network: FullSize, checkpoint: Checkpoint, run: Runner, pictures: Iterable[NDArray[np.uint8]]
) -> float:
    """The largest difference of a log-probability between a file and its network, over all pixels of some pictures.

    Args:
        network: The network that was exported.
        checkpoint: Its checkpoint, for the normalisation.
        run: The function that runs the file.
        pictures: H×W×3 uint8 RGB each.

    Raises:
        BoxSupError: The difference exceeds TOLERANCE, or is not a number.
    """
    worst = 0.0
    for picture in pictures:
        images = normalise(picture, checkpoint.normalisation)[None]
        difference = float(np.abs(run(images.numpy()) - network(images).numpy()).max())
        if not difference <= TOLERANCE:
            raise BoxSupError(f"the exported file differs from the network by {difference:.2g} on a picture, more than "
                              f"{TOLERANCE:g}; it was removed, please report this")  # fmt: skip
        worst = max(worst, difference)
    return worst


def describe_export(
    checkpoint: Checkpoint,
    form: str,
    size: tuple[int, int] | None,
    labelling: Labelling,
    resolution: float | None = None,
) -> dict[str, Any]:
    """What a program must know to run the file, as JSON values: its input, its output, and what is left to do.

    Args:
        checkpoint: The network.
        form: "onnx" or "torch".
        size: H and W of all images; None for any.
        labelling: How the run labels images.
        resolution: cm per pixel, for QGIS Deepness, which then gets probabilities; None for logarithms.
    """
    values = "probabilities" if resolution else "natural-log probabilities"
    sides: Sequence[int | str] = size or ("height", "width")
    return {
        "format": form,
        "network": checkpoint.network,
        "epoch": checkpoint.epoch,
        "classes": list(checkpoint.classes),
        "input": {
            "name": INPUT,
            "type": "float32",
            "shape": ["batch", 3, *sides],
            "channels": "red, green, blue",
            "values": "(value / 255 - mean) / std, value in [0, 255]",
            "sides": list(size) if size else {"least": MIN_SIDE, "greatest": MAX_SIDE},
        },
        "normalisation": {name: list(values) for name, values in checkpoint.normalisation._asdict().items()},
        "output": {
            "name": PROBABILITIES if resolution else OUTPUT,
            "type": "float32",
            "shape": ["batch", len(checkpoint.classes), *sides],
            "values": f"{values}; the index of the greatest along axis 1 is the pixel's class",
        },
        **({"resolution": resolution} if resolution else {}),
        "labelling": {
            "computed": {"scales": list(labelling.scales), "background_bias": labelling.background_bias},
            "left_to_do": {"megapixels": labelling.megapixels, "crf": labelling.crf and labelling.crf.model_dump()},
        },
    }
