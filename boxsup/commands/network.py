"""`boxsup network`: write the checkpoint that the first epoch starts from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from boxsup.catalogue.tables import read_catalogue
from boxsup.commands.argument_types import from_zero
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.config.build import parse
from boxsup.config.training import NetworkSettings, network_name
from boxsup.errors import StoreError
from boxsup.network import Segmenter, build_network
from boxsup.network.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from boxsup.network.encoder_weights import start_from_encoder
from boxsup.network.images import IMAGENET
from boxsup.network.pretrained import imagenet_weights
from boxsup.network.smp import SmpNetwork
from boxsup.network.start import copy_weights
from boxsup.random import torch_seed
from boxsup.store.checksums import sha256_of

EXAMPLE = (
    'boxsup network --catalogue results/data/demo/train --seed 0 --settings \'{"name": "mobilenet_v2_8s", '
    '"weights": "none", "sha256": ""}\' --out model.pt'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser, "training split")
    parser.add_argument("--seed", type=from_zero, required=True, help="seed of the run")
    parser.add_argument("--settings", required=True, help="JSON of the network's settings")
    parser.add_argument("--init", type=Path, help="checkpoint to start from, in place of pretrained weights")
    parser.add_argument("--drop", nargs="*", default=[], metavar="LAYER", help="layers of --init to start afresh")
    add_output_arguments(parser, "the .pt file to write")


def run(*, catalogue: Path, seed: int, settings: str, init: Path | None, drop: Sequence[str], out: Path) -> None:
    """Write the network with pretrained weights, or those of a checkpoint, and fresh last layers."""
    network = parse(NetworkSettings, settings, "network")
    classes = read_catalogue(catalogue).classes
    torch.manual_seed(torch_seed(seed, "network"))
    name = network_name(dict(network))
    model = build_network(name, len(classes))
    pretrained, normalisation = {}, IMAGENET
    if isinstance(model, SmpNetwork):
        model.try_it()
    if init:
        source = load_checkpoint(init)
        copy_weights(model, source.model.state_dict(), drop)
        pretrained, normalisation = {"file": str(init), "sha256": sha256_of(init)}, source.normalisation
    elif isinstance(model, SmpNetwork):
        pretrained, normalisation = start_from_encoder(model, network)
    elif network.weights != "none":
        pretrained = _from_imagenet(model, network)
    save_checkpoint(out, Checkpoint(name, classes, model, 0, pretrained, normalisation))
    weights = sum(parameter.numel() for parameter in model.parameters())
    start = pretrained.get("file", "random weights")
    print(f"{name}: {weights / 1e6:.1f} M weights, {len(classes)} classes, from {start}", file=sys.stderr)


def _from_imagenet(model: Segmenter, settings: NetworkSettings) -> dict[str, str]:
    """Load torchvision's weights into a network; their file and its hash."""
    source = imagenet_weights(model.imagenet, settings)
    try:
        model.load_imagenet(source.weights)
    except (AttributeError, KeyError, RuntimeError, TypeError) as error:
        raise StoreError(
            f"{source.file}: not the weights of torchvision's {model.imagenet}, which {settings.name} starts from"
        ) from error
    return {"file": source.file, "sha256": source.sha256}
