"""`boxsup export`: a trained model as ONNX or for torch.export, checked against the network itself; or as weights."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from boxsup.commands.argument_types import number, whole_number
from boxsup.commands.model_arguments import MODEL_OR_RUN, add_labelling_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError, StoreError
from boxsup.image.files import read_image
from boxsup.inference.export import (
    MIN_SIDE,
    OPSET,
    PACKAGES,
    SUFFIXES,
    TOLERANCE,
    WRITERS,
    FullSize,
    check_packages,
    describe_export,
    export_program,
    max_difference,
)
from boxsup.inference.labelling import Labelling
from boxsup.inference.trained import find_trained, override_labelling, print_note
from boxsup.inference.weights import (
    CARD,
    CONFIG,
    WEIGHTS,
    describe_weights,
    write_hub_folder,
    write_weights_with_facts,
)
from boxsup.network.checkpoint import Checkpoint, load_checkpoint
from boxsup.network.weights_file import SUFFIX
from boxsup.random import generator
from boxsup.report.card import measured_around, model_card
from boxsup.store.atomic import atomic_write, write_text
from boxsup.store.checksums import sha256_of
from boxsup.store.provenance import provenance

EXAMPLE = "boxsup export --model results/demo_semi/seed-0/epochs/006/model.pt --format onnx --images photos/*.jpg"
WEIGHTS_FORMATS = {"safetensors": SUFFIX, "hub": ""}  # format of weights -> the ending of its file; a folder has none
SIZES = ((97, 129), (160, 128))  # H, W of the noise that a model is checked on, unless images are given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--model", type=Path, required=True, help=MODEL_OR_RUN)
    add_labelling_arguments(parser)
    parser.add_argument(
        "--format",
        choices=[*WRITERS, *WEIGHTS_FORMATS],
        required=True,
        help=f"onnx, opset {OPSET}; torch, for torch.export.load; safetensors; hub, a folder for Hugging Face's hub",
    )
    parser.add_argument(
        "--size", type=whole_number, nargs=2, metavar=("H", "W"), help="fixed size of images, px [any size from 64]"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], metavar="FILE", help="images to check it on [noise at two sizes]"
    )
    parser.add_argument(
        "--resolution", type=number, metavar="CM", help="onnx for QGIS Deepness: cm per pixel; needs a square --size"
    )
    text = "the file to write, and NAME.json beside it, or the hub's folder [model.onnx, .pt2, .safetensors, model]"
    add_output_arguments(parser, text, required=False, outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    model = _model_path(args.out, args.format)
    if args.format == "hub":
        return [model / name for name in (WEIGHTS, CONFIG, CARD)]
    return [model, _facts_path(model)]


def _model_path(out: Path | None, format: str) -> Path:
    return out or Path(f"model{(SUFFIXES | WEIGHTS_FORMATS)[format]}")


def _facts_path(model: Path) -> Path:
    """The JSON beside a model that describes it."""
    return model.with_name(f"{model.name}.json")


def run(
    *,
    model: Path,
    scales: Sequence[float] | None,
    background_bias: float | None,
    format: str,
    size: Sequence[int] | None,
    images: Sequence[Path],
    resolution: float | None,
    out: Path | None,
) -> None:
    """Write the model and, beside it, a JSON with its classes, normalisation and size, its input and its output.

    ONNX and torch's file are read back and run on images: a log-probability that differs by more than TOLERANCE is an
    error. Weights are read back and compared.
    """
    check_packages(format)
    path, suffix = _model_path(out, format), (SUFFIXES | WEIGHTS_FORMATS)[format]
    if suffix and path.suffix != suffix:
        raise ConfigError(f"--out {path}: expected a file that ends in {suffix}")
    _check_options(format, size, images, resolution)
    fixed = (size[0], size[1]) if size else None
    trained = find_trained(model)
    checkpoint = load_checkpoint(trained.checkpoint)
    labelling = override_labelling(trained.labelling, scales, background_bias)
    print_note(trained)
    if format in WEIGHTS_FORMATS:
        _write_weights(path, format, trained.checkpoint, checkpoint, labelling)
        return
    pictures = [_picture(image, fixed) for image in images] or _noise(fixed)
    facts = {
        **describe_export(checkpoint, format, fixed, labelling, resolution),
        **({"opset": OPSET} if format == "onnx" else {}),
        "checkpoint": sha256_of(trained.checkpoint),
        "versions": provenance("export", "torch", *(PACKAGES if format == "onnx" else ())),
    }
    network = FullSize(checkpoint.model, labelling.scales, labelling.background_bias, resolution is not None).eval()
    write, runner = WRITERS[format]
    with atomic_write(path, suffix) as partial:
        write(export_program(network, fixed), partial, json.dumps(facts, ensure_ascii=False))
        difference = max_difference(network, checkpoint, runner(partial), pictures)
    facts["checked"] = {"pictures": len(pictures), "greatest_difference": difference, "tolerance": TOLERANCE}
    write_text(_facts_path(path), json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    print(
        f"export: {path}, {path.stat().st_size / 1e6:.1f} MB; off by {difference:.1g} at most on "
        f"{len(pictures)} pictures",
        file=sys.stderr,
    )


def _check_options(format: str, size: Sequence[int] | None, images: Sequence[Path], resolution: float | None) -> None:
    """Raise a ConfigError for options that do not go together."""
    if format in WEIGHTS_FORMATS and (size or images or resolution):
        raise ConfigError(f"--format {format}: --size, --images and --resolution are for formats that run")
    if resolution is not None and (format != "onnx" or not size or size[0] != size[1] or resolution <= 0):
        raise ConfigError("--resolution: cm per pixel, above 0, with --format onnx and a square --size, as 512 512")


def _write_weights(path: Path, format: str, source: Path, checkpoint: Checkpoint, labelling: Labelling) -> None:
    """Write weights with what belongs to them, and read them back."""
    made = {"checkpoint": sha256_of(source), "versions": provenance("export", "torch", "safetensors")}
    facts = describe_weights(checkpoint, labelling, made)
    if format == "hub":
        measured = measured_around(source, checkpoint.epoch)
        write_hub_folder(path, checkpoint, facts, model_card(facts, measured, labelling.refining is not None))
    else:
        write_weights_with_facts(path, checkpoint, facts, _facts_path(path))
    weights = path / WEIGHTS if format == "hub" else path
    again = load_checkpoint(weights).model.state_dict()
    if not all(torch.equal(value, again[name]) for name, value in checkpoint.model.state_dict().items()):
        raise StoreError(f"{weights}: read back, the weights are others; check the disk and export again")
    print(f"export: {path}, {weights.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


def _picture(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """A photograph, resized to the size that the model takes."""
    picture = read_image(path)
    wanted = size or tuple(max(MIN_SIDE, side) for side in picture.shape[:2])
    if wanted == picture.shape[:2]:
        return picture
    return np.asarray(Image.fromarray(picture).resize((wanted[1], wanted[0])))


def _noise(size: tuple[int, int] | None) -> list[NDArray[np.uint8]]:
    """Coloured noise, so that every layer sees values that differ from place to place."""
    pictures = []
    for height, width in [size] if size else SIZES:
        coarse = generator(0, "export", height, width).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        pictures.append(np.asarray(Image.fromarray(coarse).resize((width, height))))
    return pictures
