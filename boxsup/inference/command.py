"""`boxsup predictions`: label maps of a split, before and after the dense CRF."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.tables import Catalogue, read_catalogue, read_image
from boxsup.inference.crf import dense_crf
from boxsup.inference.scores import Predictor
from boxsup.settings import CrfSettings, parse
from boxsup.store.labels import creating_labels
from boxsup.versions import provenance

AHEAD = 2  # images a worker, waiting with their scores (16 MB each at VOC's size): memory does not grow with the split
Maps = dict[str, NDArray[np.uint8]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--catalogue", type=Path, required=True, help="folder of the split's tables")
    parser.add_argument("--model", type=Path, required=True, help="the checkpoint")
    parser.add_argument("--threads", type=int, required=True, help="of the network on the CPU; a setting")
    parser.add_argument("--scales", type=float, nargs="+", default=[1.0], help="of the images: averaged")
    parser.add_argument("--crf", required=True, help="JSON of the dense CRF's settings")
    parser.add_argument("--workers", type=int, default=1, help="processes of the CRF; results do not depend on it")
    parser.add_argument("--out", type=Path, required=True, help="the .zarr folder to write")


def run(args: argparse.Namespace) -> None:
    """Write the label maps of every image of the split."""
    catalogue = read_catalogue(args.catalogue)
    settings = parse(CrfSettings, args.crf, "inference.crf")
    predictor = Predictor(args.model, args.threads, catalogue.classes, args.scales)
    attributes = {
        "classes": list(predictor.classes),
        "pretrained": predictor.checkpoint.pretrained,
        "model": _sha256(args.model),
        "scales": args.scales,
        "crf": asdict(settings),
        "versions": provenance("predictions", "numpy", "torch", "pydensecrf2"),
    }
    start = time.perf_counter()
    with creating_labels(args.out, catalogue.ids, catalogue.sizes, attributes, ("labels", "labels_crf")) as writer:
        maps = predict(catalogue, predictor, settings, args.workers)
        for image, result in tqdm(maps, "predictions", len(catalogue.images), unit="image", disable=None):
            writer.append(image, **result)
    seconds = (time.perf_counter() - start) / max(1, len(catalogue.images))
    print(f"{len(catalogue.images)} images, {seconds:.2f} s each with the CRF", file=sys.stderr)


def predict(
    catalogue: Catalogue, predictor: Predictor, settings: CrfSettings, workers: int
) -> Iterator[tuple[str, Maps]]:
    """Each image's id and its maps `labels` and `labels_crf`, in the order of the catalogue."""
    # Spawned, as a fork would copy the state of torch's threads; the workers import no torch.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
        waiting: deque[tuple[str, NDArray[np.uint8], Future[NDArray[np.uint8]]]] = deque()
        for row in catalogue.rows():
            pixels = read_image(row.path)
            scores = predictor.log_probabilities(pixels).cpu().numpy()
            labels = scores.argmax(axis=0).astype(np.uint8)
            waiting.append((row.image, labels, executor.submit(dense_crf, pixels, scores, settings)))
            if len(waiting) >= AHEAD * workers:
                yield _finished(waiting)
        while waiting:
            yield _finished(waiting)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _finished(
    waiting: deque[tuple[str, NDArray[np.uint8], Future[NDArray[np.uint8]]]],
) -> tuple[str, Maps]:
    image, labels, refined = waiting.popleft()
    return image, {"labels": labels, "labels_crf": refined.result()}
