"""`boxsup predict`: label maps of images and videos by a trained model."""

from __future__ import annotations

import argparse
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from boxsup.catalogue.check import PROBLEMS, write_problems
from boxsup.catalogue.records import Problem
from boxsup.commands.model_arguments import (
    add_crf_arguments,
    add_labelling_arguments,
    add_model_arguments,
    whole_number,
)
from boxsup.commands.outputs import add_output_arguments, claim, nothing_yet
from boxsup.config.inference import CrfSettings
from boxsup.errors import DataError
from boxsup.image.files import encode_mask, read_image
from boxsup.image.palette import overlay
from boxsup.inference.inputs import Input, find_inputs
from boxsup.inference.maps import ImageLabels, label_maps
from boxsup.inference.scores import Predictor
from boxsup.inference.trained import find_trained, override_crf, override_labelling, print_note
from boxsup.inference.video import Video, VideoWriter
from boxsup.store.atomic import atomic_write, write_bytes
from boxsup.store.csv import write_csv

EXAMPLE = "boxsup predict photos 'shots/**/*.jpg' clip.mp4 --model results/demo_semi/seed-0/epochs/006/model.pt --crf"
WHOLE = 0.9  # of the frames that a video announces, which some containers estimate
QUALITY = 92  # of overlays' JPEGs
SUMMARY = "summary.csv"


@dataclass
class Summary:
    """What was seen in each file, and what was wrong with the others."""

    classes: tuple[str, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, item: Input, size: tuple[int, int], frames: int, pixels: Counter[int]) -> None:
        """Enter a row for each label that a file's frames of `size` (H, W) show, with its number of pixels."""
        for label, count in sorted(pixels.items()):
            row = {"file": str(item.path), "name": item.name, "height": size[0], "width": size[1], "frames": frames}
            share = count / (size[0] * size[1] * frames)
            self.rows.append(row | {"label": label, "class": self.classes[label], "pixels": count, "share": share})

    def fail(self, item: Input, error: Exception) -> None:
        """Note what is wrong with a file, or with what is written of it."""
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        self.problems.append(Problem(item.name, str(item.path), text))

    def write(self, out: Path) -> None:
        """Write `summary.csv` and `problems.csv`."""
        columns = ["file", "name", "height", "width", "frames", "label", "class", "pixels", "share"]
        write_csv(out / SUMMARY, pd.DataFrame(self.rows, columns=columns), "%.6f")
        write_problems(out / PROBLEMS, self.problems)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("inputs", nargs="+", metavar="IMAGES", help="files, folders, patterns in quotes; videos too")
    add_model_arguments(parser, of_run=True)
    add_labelling_arguments(parser)
    add_crf_arguments(parser)
    parser.add_argument("--workers", type=whole_number, default=2, metavar="N", help="processes of the CRF [2]")
    out = Path("predicted")
    add_output_arguments(parser, f"the folder to write [{out}]", default=out, outputs=nothing_yet)


def run(args: argparse.Namespace) -> None:
    """Write `masks/NAME.png`, `overlays/NAME.jpg`, `videos/NAME.mp4`, `summary.csv` and `problems.csv`.

    A file that cannot be used is noted, and the others go on; the command then ends with status 1.
    """
    inputs = find_inputs(args.inputs, args.out)
    claim(_outputs(inputs, args.out), args.out, [item.path for item in inputs])
    trained = find_trained(args.model)
    how, crf = override_labelling(trained.labelling, args), override_crf(trained.labelling, args)
    predictor = Predictor(trained.checkpoint, args.threads or how.threads, None, how.scales, how.background_bias)
    print_note(trained)
    summary = Summary(predictor.classes)
    images, videos = ([item for item in inputs if item.video == video] for video in (False, True))
    _predict_images(images, predictor, crf, args.workers, args.out, summary)
    for item in videos:
        try:
            _predict_video(item, predictor, crf, args.workers, args.out, summary)
        except (DataError, OSError) as error:
            summary.fail(item, error)
    summary.write(args.out)
    print(f"predict: {len(inputs)} files, see {args.out / SUMMARY}", file=sys.stderr)
    if summary.problems:
        first = summary.problems[0].problem
        raise DataError(f"{len(summary.problems)} of {len(inputs)} files, see {args.out / PROBLEMS}: {first}")


def _outputs(inputs: Sequence[Input], out: Path) -> list[Path]:
    """All that is written, of each input and of all of them."""
    return [path for item in inputs for path in _places(item, out)] + [out / SUMMARY, out / PROBLEMS]


def _places(item: Input, out: Path) -> list[Path]:
    """Where the results of an input go; names may have dots, which `with_suffix` would cut."""
    kinds = [("videos", "mp4")] if item.video else [("masks", "png"), ("overlays", "jpg")]
    return [out / folder / f"{item.name}.{ending}" for folder, ending in kinds]


def _predict_images(
    images: Sequence[Input],
    predictor: Predictor,
    settings: CrfSettings | None,
    workers: int,
    out: Path,
    summary: Summary,
) -> None:
    good: deque[Input] = deque()  # those that were read and wait for their labels

    def readable() -> Iterator[NDArray[np.uint8]]:
        for item in images:
            try:
                pixels = read_image(item.path)
            except DataError as error:
                summary.fail(item, error)
                continue
            good.append(item)
            yield pixels

    seen = label_maps(readable(), predictor, settings, workers)
    for result in tqdm(seen, "images", len(images), unit="image", disable=None):
        item = good.popleft()
        try:
            for path, content in zip(_places(item, out), _encoded(result), strict=True):
                write_bytes(path, content)
        except OSError as error:
            summary.fail(item, error)
            continue
        summary.add(item, result.labels.shape, 1, counts(result.labels))


def _predict_video(
    item: Input, predictor: Predictor, settings: CrfSettings | None, workers: int, out: Path, summary: Summary
) -> None:
    video = Video(item.path)
    pixels: Counter[int] = Counter()
    size, frames = (0, 0), 0
    [path] = _places(item, out)
    with atomic_write(path, ".mp4") as partial, VideoWriter(partial, video.rate) as writer:
        seen = label_maps(video, predictor, settings, workers)
        for result in tqdm(seen, item.name, video.announced or None, unit="frame", disable=None):
            writer.append(overlay(result.pixels, result.labels))
            pixels += counts(result.labels)
            size, frames = result.labels.shape, frames + 1
    summary.add(item, size, frames, pixels)
    if frames < WHOLE * video.announced:
        text = f"{item.path}: ends after {frames} of {video.announced} frames; the file is damaged or cut off"
        summary.problems.append(Problem(item.name, str(item.path), text))


def counts(labels: NDArray[np.uint8]) -> Counter[int]:
    """The pixels of each label that there is."""
    values, pixels = np.unique(labels, return_counts=True)
    return Counter(dict(zip(values.tolist(), pixels.tolist(), strict=True)))


def _encoded(result: ImageLabels) -> tuple[bytes, bytes]:
    """The files of an image's labels and of its overlay."""
    return encode_mask(result.labels), _jpeg(overlay(result.pixels, result.labels))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return content.tobytes()
