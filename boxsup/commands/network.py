"""`boxsup network`: the checkpoint before the first epoch."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.build import parse
from boxsup.config.training import NetworkSettings
from boxsup.errors import StoreError
from boxsup.network import Segmenter, build_network
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from boxsup.network.images import IMAGENET
from boxsup.network.pretrained import imagenet_weights
from boxsup.network.start import copy_weights
from boxsup.random import torch_seed
from boxsup.store.checksums import sha256_of

EXAMPLE = (
    'boxsup network --catalogue results/data/demo/train --seed 0 --settings \'{"name": "mobilenet_v2_8s", '
    '"weights": "none", "sha256": ""}\' --out model.pt'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--seed", type=int, required=True, help="of the experiment")
    parser.add_argument("--settings", required=True, help="JSON of the network's settings")
    parser.add_argument("--init", type=Path, help="checkpoint to start from, in place of the pretrained weights")
    parser.add_argument("--drop", nargs="*", default=[], metavar="LAYER", help="its layers that start anew")
    add_output_arguments(parser, "the checkpoint to write")


def run(args: argparse.Namespace) -> None:
    """Write the network with its pretrained weights, or those of a checkpoint, and fresh last layers."""
    settings = parse(NetworkSettings, args.settings, "network")
    classes = read_catalogue(args.catalogue).classes
    torch.manual_seed(torch_seed(args.seed, "network"))
    model = build_network(settings.name, len(classes))
    pretrained, normalisation = {}, IMAGENET
    if args.init:
        source = load_checkpoint(args.init)
        copy_weights(model, source.model.state_dict(), args.drop)
        pretrained, normalisation = {"file": str(args.init), "sha256": sha256_of(args.init)}, source.normalisation
    elif settings.weights != "none":
        pretrained = _from_imagenet(model, settings)
    save_checkpoint(args.out, Checkpoint(settings.name, classes, model, 0, pretrained, normalisation))
    weights = sum(parameter.numel() for parameter in model.parameters())
    start = pretrained.get("file", "random weights")
    print(f"{settings.name}: {weights / 1e6:.1f} M weights, {len(classes)} classes, from {start}", file=sys.stderr)


def _from_imagenet(model: Segmenter, settings: NetworkSettings) -> dict[str, str]:
    found = imagenet_weights(model.imagenet, settings)
    try:
        model.load_imagenet(found.weights)
    except (AttributeError, KeyError, RuntimeError, TypeError) as error:
        raise StoreError(
            f"{found.file}: not the weights of torchvision's {model.imagenet}, which {settings.name} starts from"
        ) from error
    return {"file": found.file, "sha256": found.sha256}
