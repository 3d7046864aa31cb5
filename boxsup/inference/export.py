"""A trained network in forms that other programs run: ONNX, and torch.export's."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from boxsup.errors import BoxSupError, ConfigError
from boxsup.image.files import MAX_SIDE
from boxsup.inference.labelling import Labelling
from boxsup.inference.scores import score_at_scales
from boxsup.network.checkpoint import Checkpoint
from boxsup.network.images import normalise

OPSET = 18  # of ONNX: the least that the exporter writes without converting down
MIN_SIDE = 64  # px, of images of free size: below, five poolings of VGG leave a single row
MAX_BATCH = 1024
TOLERANCE = 1e-3  # greatest difference of a log-probability from the network's own
INPUT, OUTPUT = "image", "log_probabilities"
INT64 = 7  # ONNX's number of the type
METADATA = "boxsup"  # the key of an ONNX file's metadata, and the name of an extra file of torch.export's
PACKAGES = ("onnx", "onnxruntime", "onnxscript")  # what ONNX needs
SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # N×3×H×W normalised images -> N×C×H×W log-probabilities


class FullSize(nn.Module):
    """What labels are decided by: N×3×H×W normalised images -> N×C×H×W log-probabilities at their size."""

    def __init__(self, network: nn.Module, scales: Sequence[float] = (1.0,), background_bias: float = 0.0) -> None:
        """Wrap a network of logits at a coarse stride; see `boxsup.inference.scores.score_at_scales`."""
        super().__init__()
        self.network, self.scales, self.background_bias = network, tuple(scales), background_bias

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return score_at_scales(self.network, image, self.scales, self.background_bias)


def check_packages(form: str) -> None:
    """Raise a ConfigError that says what to install, where a form needs packages that are not there."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None] if form == "onnx" else []
    if missing:
        raise ConfigError(f"--format onnx needs {' and '.join(missing)}: pip install {' '.join(PACKAGES)}")


def export_program(network: FullSize, size: tuple[int, int] | None) -> ExportedProgram:
    """The network as torch.export has it, for any number of images.

    Args:
        network: On the CPU, in evaluation mode.
        size: H and W of all images; None for any from MIN_SIDE to MAX_SIDE a side.
    """
    free = {2: Dim("height", min=MIN_SIDE, max=MAX_SIDE), 3: Dim("width", min=MIN_SIDE, max=MAX_SIDE)}
    axes = {0: Dim("batch", min=1, max=MAX_BATCH), **({} if size else free)}
    # Two images and odd sides, so that no number of the example is taken for a law.
    example = torch.zeros(2, 3, *(size or (97, 129)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own workings
        return torch.export.export(network, (example,), dynamic_shapes={INPUT: axes})


def write_onnx(program: ExportedProgram, path: Path, facts: str) -> None:
    """Write an ONNX file of opset OPSET, whose input is INPUT and output OUTPUT, with facts in its metadata."""
    from onnxscript import opset18  # an extra

    # Of the sides of scaled images; halves go to the even number, as Python's do.
    rounded: dict[Callable[..., Any], Any] = {
        round: lambda side, _digits=None: opset18.Cast(opset18.Round(side), to=INT64)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        onnx = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT], verbose=False,
            custom_translation_table=rounded,
        )  # fmt: skip
    assert onnx is not None
    onnx.model.metadata_props[METADATA] = facts
    onnx.save(path)


def write_torch(program: ExportedProgram, path: Path, facts: str) -> None:
    """Write a file for `torch.export.load`, with facts in it as an extra file."""
    torch.export.save(program, path, extra_files={METADATA: facts})


def run_onnx(path: Path) -> Run:
    """An ONNX file in onnxruntime, on the CPU."""
    import onnxruntime  # an extra

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run([OUTPUT], {INPUT: images})[0], np.float32)


def run_torch(path: Path) -> Run:
    """A file of torch.export, as it comes back from disk."""
    program = torch.export.load(path).module()
    return lambda images: np.asarray(program(torch.from_numpy(images)).detach().numpy(), np.float32)


WRITERS: dict[str, tuple[Callable[[ExportedProgram, Path, str], None], Callable[[Path], Run]]] = {
    "onnx": (write_onnx, run_onnx),
    "torch": (write_torch, run_torch),
}


@torch.inference_mode()
def max_difference(network: FullSize, checkpoint: Checkpoint, run: Run, pictures: Iterable[NDArray[np.uint8]]) -> float:
    """How far what was written is from the network itself: of a log-probability, over all pixels of all pictures.

    Args:
        network: The one that was exported.
        checkpoint: Its normalisation.
        run: What was written.
        pictures: H×W×3 uint8 RGB.

    Raises:
        BoxSupError: It is more than TOLERANCE, or no number.
    """
    worst = 0.0
    for picture in pictures:
        images = normalise(picture, checkpoint.normalisation)[None]
        difference = float(np.abs(run(images.numpy()) - network(images).numpy()).max())
        if not difference <= TOLERANCE:
            raise BoxSupError(f"what was written differs from the network by {difference:.2g} on a picture, more than "
                              f"{TOLERANCE:g}; nothing was left, please report it")  # fmt: skip
        worst = max(worst, difference)
    return worst


def describe_export(
    checkpoint: Checkpoint, form: str, size: tuple[int, int] | None, labelling: Labelling
) -> dict[str, Any]:
    """What a program must know to run the file: what goes in, what comes out, in values that JSON has."""
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
            "name": OUTPUT,
            "type": "float32",
            "shape": ["batch", len(checkpoint.classes), *sides],
            "values": "natural-log probabilities; the index of the greatest along axis 1 is the pixel's class",
        },
        "labelling": {
            "computed": {"scales": list(labelling.scales), "background_bias": labelling.background_bias},
            "left_to_do": {"crf": labelling.crf and asdict(labelling.crf)},
        },
    }
