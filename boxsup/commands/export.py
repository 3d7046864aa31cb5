"""`boxsup export`: a trained model as ONNX or for torch.export, checked against the network itself."""

from __future__ import annotations

import argparse
import json
import sys
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
SIZES = ((97, 129), (160, 128))  # of the pictures that are checked where no images are given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--model", type=Path, required=True, help=MODEL_OR_RUN)
    add_labelling_arguments(parser)
    parser.add_argument(
        "--format", choices=list(WRITERS), required=True, help=f"onnx, opset {OPSET}, or torch, for torch.export.load"
    )
    parser.add_argument(
        "--size", type=whole_number, nargs=2, metavar=("H", "W"), help="of all images, px [any, checked at several]"
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], metavar="FILE", help="to check it on [noise at two sizes]"
    )
    text = "the file to write; NAME.json goes beside it [model.onnx, model.pt2]"
    add_output_arguments(parser, text, required=False, outputs=_outputs)


def _outputs(args: argparse.Namespace) -> list[Path]:
    out = _out(args)
    return [out, _facts(out)]


def _out(args: argparse.Namespace) -> Path:
    return args.out or Path(f"model{SUFFIXES[args.format]}")


def _facts(out: Path) -> Path:
    """The file beside a model that says what it is."""
    return out.with_name(f"{out.name}.json")


def run(args: argparse.Namespace) -> None:
    """Write the model and, beside it, a JSON that says its classes, normalisation and size, what goes in and out.

    What was written is read back and run on images: a log-probability that is off by more than TOLERANCE is an error.
    """
    check_packages(args.format)
    suffix = SUFFIXES[args.format]
    out = _out(args)
    if out.suffix != suffix:
        raise ConfigError(f"--out {out}: expected a file that ends in {suffix}")
    size = tuple(args.size) if args.size else None
    pictures = [_picture(path, size) for path in args.images] or _noise(size)
    trained = find_trained(args.model)
    checkpoint = load_checkpoint(trained.checkpoint)
    how = override_labelling(trained.labelling, args)
    print_note(trained)
    facts = {
        **describe_export(checkpoint, args.format, size, how),
        **({"opset": OPSET} if args.format == "onnx" else {}),
        "checkpoint": sha256_of(trained.checkpoint),
        "versions": provenance("export", "torch", *(PACKAGES if args.format == "onnx" else ())),
    }
    network = FullSize(checkpoint.model, how.scales, how.background_bias).eval()
    write, runner = WRITERS[args.format]
    with atomic_write(out, suffix) as partial:
        write(export_program(network, size), partial, json.dumps(facts, ensure_ascii=False))
        worst = max_difference(network, checkpoint, runner(partial), pictures)
    facts["checked"] = {"pictures": len(pictures), "greatest_difference": worst, "tolerance": TOLERANCE}
    write_text(_facts(out), json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    print(
        f"export: {out}, {out.stat().st_size / 1e6:.1f} MB; off by {worst:.1g} at most on {len(pictures)} pictures",
        file=sys.stderr,
    )


def _picture(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """A photograph of the size that the model takes."""
    picture = read_image(path)
    wanted = size or tuple(max(MIN_SIDE, side) for side in picture.shape[:2])
    if wanted == picture.shape[:2]:
        return picture
    return np.asarray(Image.fromarray(picture).resize((wanted[1], wanted[0])))


def _noise(size: tuple[int, int] | None) -> list[NDArray[np.uint8]]:
    """Coloured noise of several grains: every layer sees values that differ from place to place."""
    pictures = []
    for height, width in [size] if size else SIZES:
        coarse = generator(0, "export", height, width).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        pictures.append(np.asarray(Image.fromarray(coarse).resize((width, height))))
    return pictures
