"""`boxsup export`: a trained model as ONNX or for torch.export, checked against the network itself."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.commands.model_arguments import MODEL_OR_RUN, add_labelling_arguments, whole_number
from boxsup.commands.outputs import add_output_arguments
from boxsup.errors import ConfigError
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
from boxsup.inference.trained import find_trained, override_labelling, print_note
from boxsup.network.checkpoint import load_checkpoint
from boxsup.random import generator
from boxsup.store.atomic import atomic_write, write_text
from boxsup.store.checksums import sha256_of
from boxsup.store.provenance import provenance

EXAMPLE = "boxsup export --model results/demo_semi/seed-0/epochs/006/model.pt --format onnx --images photos/*.jpg"
SIZES = ((97, 129), (160, 128))  # H, W of the noise that a model is checked on, unless images are given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--model", type=Path, required=True, help=MODEL_OR_RUN)
    add_labelling_arguments(parser)
    parser.add_argument(
        "--format", choices=list(WRITERS), required=True, help=f"onnx, opset {OPSET}, or torch, for torch.export.load"
    )
    parser.add_argument(
        "--size", type=whole_number, nargs=2, metavar=("H", "W"), help="fixed size of images, px [any size from 64]"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], metavar="FILE", help="images to check it on [noise at two sizes]"
    )
    text = "the file to write, and NAME.json beside it [model.onnx, model.pt2]"
    add_output_arguments(parser, text, required=False, outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    model = _model_path(args.out, args.format)
    return [model, _facts_path(model)]


def _model_path(out: Path | None, format: str) -> Path:
    return out or Path(f"model{SUFFIXES[format]}")


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
    out: Path | None,
) -> None:
    """Write the model and, beside it, a JSON with its classes, normalisation and size, its input and its output.

    The file is read back and run on images: a log-probability that differs by more than TOLERANCE is an error.
    """
    check_packages(format)
    path, suffix = _model_path(out, format), SUFFIXES[format]
    if path.suffix != suffix:
        raise ConfigError(f"--out {path}: expected a file that ends in {suffix}")
    fixed = (size[0], size[1]) if size else None
    pictures = [_picture(image, fixed) for image in images] or _noise(fixed)
    trained = find_trained(model)
    checkpoint = load_checkpoint(trained.checkpoint)
    labelling = override_labelling(trained.labelling, scales, background_bias)
    print_note(trained)
    facts = {
        **describe_export(checkpoint, format, fixed, labelling),
        **({"opset": OPSET} if format == "onnx" else {}),
        "checkpoint": sha256_of(trained.checkpoint),
        "versions": provenance("export", "torch", *(PACKAGES if format == "onnx" else ())),
    }
    network = FullSize(checkpoint.model, labelling.scales, labelling.background_bias).eval()
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
