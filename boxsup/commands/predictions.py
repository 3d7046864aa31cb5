"""`boxsup predictions`: label maps of a split, before and after the dense CRF."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.config.inference import CrfSettings
from boxsup.image.files import read_image
from boxsup.inference.maps import ImageLabels, label_maps
from boxsup.inference.scores import Predictor
from boxsup.inference.settings import PredictionSettings, parse_inference
from boxsup.store.checksums import sha256_of
from boxsup.store.labels import labels_writer
from boxsup.store.provenance import provenance

EXAMPLE = (
    "boxsup predictions --catalogue results/data/demo/val --model "
    'results/demo_semi/seed-0/epochs/006/model.pt --inference "$INFERENCE" --out 006.zarr'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    add_inference_arguments(parser, PredictionSettings)
    parser.add_argument("--workers", type=int, default=1, help="processes of the CRF; results do not depend on it")
    add_output_arguments(parser, "the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the label maps of every image of the split."""
    catalogue = read_catalogue(args.catalogue)
    settings = parse_inference(PredictionSettings, args.inference)
    predictor = Predictor(args.model, settings.threads, catalogue.classes, settings.scales, settings.background_bias)
    attributes = {
        "classes": list(predictor.classes),
        "network": predictor.checkpoint.network,
        "pretrained": predictor.checkpoint.pretrained,
        "model": sha256_of(args.model),
        "scales": list(settings.scales),
        "background_bias": settings.background_bias,
        "crf": settings.crf.model_dump(),
        "versions": provenance("predictions", "numpy", "torch", "pydensecrf2"),
    }
    start = time.perf_counter()
    with labels_writer(args.out, catalogue.ids, catalogue.sizes, attributes, ("labels", "labels_crf")) as writer:
        maps = predict(catalogue, predictor, settings.crf, args.workers)
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
