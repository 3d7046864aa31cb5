"""`boxsup predictions`: label maps of a split, before and after the dense CRF."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.model_arguments import add_labelling_arguments, add_model_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.image.files import read_image
from boxsup.inference.maps import ImageLabels, label_maps
from boxsup.inference.scores import Predictor
from boxsup.settings import CrfSettings, parse
from boxsup.store.checksums import sha256_of
from boxsup.store.labels import labels_writer
from boxsup.versions import provenance

EXAMPLE = (
    "boxsup predictions --catalogue results/data/demo/val --model "
    'results/demo_semi/seed-0/epochs/006/model.pt --crf "$CRF" --out 006.zarr'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    add_model_arguments(parser)
    add_labelling_arguments(parser)
    parser.add_argument("--crf", required=True, help="JSON of the dense CRF's settings")
    parser.add_argument("--workers", type=int, default=1, help="processes of the CRF; results do not depend on it")
    add_output_arguments(parser, "the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the label maps of every image of the split."""
    catalogue = read_catalogue(args.catalogue)
    settings = parse(CrfSettings, args.crf, "inference.crf")
    predictor = Predictor(args.model, args.threads, catalogue.classes, args.scales, args.background_bias)
    attributes = {
        "classes": list(predictor.classes),
        "network": predictor.checkpoint.network,
        "pretrained": predictor.checkpoint.pretrained,
        "model": sha256_of(args.model),
        "scales": args.scales,
        "background_bias": args.background_bias,
        "crf": asdict(settings),
        "versions": provenance("predictions", "numpy", "torch", "pydensecrf2"),
    }
    start = time.perf_counter()
    with labels_writer(args.out, catalogue.ids, catalogue.sizes, attributes, ("labels", "labels_crf")) as writer:
        maps = predict(catalogue, predictor, settings, args.workers)
        for image, seen in tqdm(maps, "predictions", len(catalogue.images), unit="image", disable=None):
            writer.append(image, labels=seen.plain, labels_crf=seen.labels)
    seconds = (time.perf_counter() - start) / max(1, len(catalogue.images))
    print(f"{len(catalogue.images)} images, {seconds:.2f} s each with the CRF", file=sys.stderr)


def predict(
    catalogue: Catalogue, predictor: Predictor, settings: CrfSettings, workers: int
) -> Iterator[tuple[str, ImageLabels]]:
    """Each image's id and its label maps, in the order of the catalogue."""
    images = map(read_image, catalogue.images["path"])
    yield from zip(catalogue.ids, label_maps(images, predictor, settings, workers), strict=True)
