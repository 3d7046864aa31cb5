"""`boxsup predictions`: label maps of a split, before and after the dense CRF."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.commands.model_arguments import add_inference_arguments
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.commands.workers_argument import add_workers_argument
from boxsup.config.inference import CrfSettings
from boxsup.inference.maps import ImageLabels, label_maps
from boxsup.inference.scores import Predictor
from boxsup.inference.settings import PredictionSettings, parse_inference
from boxsup.machine.bars import tqdm
from boxsup.near import counted
from boxsup.store.checksums import sha256_of
from boxsup.store.labels import PLAIN, REFINED, labels_writer
from boxsup.store.provenance import provenance

EXAMPLE = (
    "boxsup predictions --catalogue results/data/demo/val --model "
    'results/demo_semi/seed-0/epochs/006/model.pt --inference "$INFERENCE" --out 006.zarr'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    add_inference_arguments(parser, PredictionSettings)
    add_workers_argument(parser, "number of CRF processes")
    add_output_arguments(parser, "the .zarr folder to write")


def run(*, catalogue: Path, model: Path, inference: str, workers: int, out: Path) -> None:
    """Write the label maps of every image of the split."""
    split = read_catalogue(catalogue)
    settings = parse_inference(PredictionSettings, inference)
    predictor = Predictor.asked(model, settings, split.classes)
    attributes = {
        "classes": list(predictor.classes),
        "network": predictor.checkpoint.network,
        "pretrained": predictor.checkpoint.pretrained,
        "model": sha256_of(model),
        "scales": list(settings.scales),
        "background_bias": settings.background_bias,
        "crf": settings.crf.model_dump(),
        "versions": provenance("predictions", "numpy", "torch", "pydensecrf2"),
    }
    start = time.perf_counter()
    with labels_writer(out, split.ids, split.sizes, attributes, (PLAIN, REFINED)) as writer:
        maps = predict(split, predictor, settings.crf, workers)
        for image, result in tqdm(maps, "predictions", len(split.images), unit="image", disable=None):
            writer.append(image, **{PLAIN: result.plain, REFINED: result.labels})
    seconds = (time.perf_counter() - start) / max(1, len(split.images))
    crf = "with" if settings.crf.refines else "without"
    print(f"{counted(len(split.images), 'image')}, {seconds:.2f} s each {crf} the CRF", file=sys.stderr)


def predict(
    catalogue: Catalogue, predictor: Predictor, settings: CrfSettings, workers: int
) -> Iterator[tuple[str, ImageLabels]]:
    """The id and the label maps of each image, in the order of the catalogue."""
    images = (row.photo() for row in catalogue.rows())
    yield from zip(catalogue.ids, label_maps(images, predictor, settings, workers), strict=True)
