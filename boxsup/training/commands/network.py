"""`boxsup network`: the checkpoint before the first epoch."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from boxsup.catalogue.tables import read_catalogue
from boxsup.errors import StoreError
from boxsup.network import build
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.network.pretrained import imagenet_weights
from boxsup.random import torch_seed
from boxsup.settings import NetworkSettings, parse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the training split's tables")
    parser.add_argument("--seed", type=int, required=True, help="of the experiment")
    parser.add_argument("--settings", required=True, help="JSON of the network's settings")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")


def run(args: argparse.Namespace) -> None:
    """Write the network with its pretrained weights and fresh last layers."""
    settings = parse(NetworkSettings, args.settings, "network")
    classes = read_catalogue(args.catalogue).classes
    torch.manual_seed(torch_seed(args.seed, "network"))
    model = build(settings.name, len(classes))
    pretrained = {}
    if settings.weights != "none":
        found = imagenet_weights(model.imagenet, settings)
        try:
            model.load_imagenet(found.weights)
        except (AttributeError, KeyError, RuntimeError, TypeError) as error:
            raise StoreError(
                f"{found.file}: not the weights of torchvision's {model.imagenet}, which {settings.name} starts from"
            ) from error
        pretrained = {"file": found.file, "sha256": found.sha256}
    save_checkpoint(args.out, Checkpoint(settings.name, classes, model, 0, pretrained))
    weights = sum(parameter.numel() for parameter in model.parameters())
    start = pretrained.get("file", "random weights")
    print(f"{settings.name}: {weights / 1e6:.1f} M weights, {len(classes)} classes, from {start}", file=sys.stderr)
