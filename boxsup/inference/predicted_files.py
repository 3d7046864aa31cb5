"""Label maps of a user's images and videos, written as files, with a summary of what they show."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from boxsup.catalogue.check import PROBLEMS, write_problems
from boxsup.catalogue.records import Problem
from boxsup.config.inference import CrfSettings
from boxsup.errors import DataError
from boxsup.image.files import encode_mask, has_several_frames, read_image
from boxsup.image.palette import overlay
from boxsup.inference.inputs import Input
from boxsup.inference.maps import ImageLabels, label_maps
from boxsup.inference.scores import Predictor
from boxsup.inference.video import Video, VideoWriter
from boxsup.machine.bars import tqdm
from boxsup.store.atomic import OF_ONE_NAME, atomic_write, write_bytes
from boxsup.store.csv import unescape_texts, write_csv

MIN_FRAMES = 0.9  # share of the frames that a video announces, which some containers estimate
QUALITY = 92  # of the overlays' JPEGs
SUMMARY = "summary.csv"


@dataclass
class Summary:
    """What each file shows, the problems of those that could not be used, and images with more frames than are read."""

    classes: tuple[str, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    several: list[Input] = field(default_factory=list)

    def add(self, item: Input, size: tuple[int, int], frames: int, pixels: Counter[int]) -> None:
        """Add one row for each label that the file shows.

        Args:
            item: The file.
            size: H, W of its frames, px.
            frames: Number of frames; 1 for an image.
            pixels: Label -> number of pixels in all frames.
        """
        for label, count in sorted(pixels.items()):
            row = {"file": str(item.path), "name": item.name, "height": size[0], "width": size[1], "frames": frames}
            share = count / (size[0] * size[1] * frames)
            self.rows.append(row | {"label": label, "class": self.classes[label], "pixels": count, "share": share})

    def fail(self, item: Input, error: Exception) -> None:
        """Note why a file, or what is written for it, could not be used."""
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        self.problems.append(Problem(item.name, str(item.path), text))

    def write(self, out: Path) -> None:
        """Write `summary.csv` and `problems.csv` into the folder `out`."""
        columns = ["file", "name", "height", "width", "frames", "label", "class", "pixels", "share"]
        write_csv(out / SUMMARY, pd.DataFrame(self.rows, columns=columns), "%.6f")
        write_problems(out / PROBLEMS, self.problems)


@dataclass(frozen=True)
class FileWriter:
    """Predicts files and writes their results.

    Attributes:
        predictor: The network, with its scales and bias.
        crf: Settings of the dense CRF; None for none.
        workers: Processes of the CRF, on which results do not depend.
        out: Folder of the results.
        summary: Collects what the files show.
        tile: Greatest side of what the network sees at once, px; None for whole images.
    """

    predictor: Predictor
    crf: CrfSettings | None
    workers: int
    out: Path
    summary: Summary
    tile: int | None = None

    def write_images(self, images: Sequence[Input]) -> None:
        """Write the labels and the overlay of each image; one that cannot be used is noted, and the others go on.

        Raises:
            OSError: Nothing can be written there, as on a full disk.
        """
        waiting: deque[Input] = deque()  # images that were read, until their labels are there

        def readable() -> Iterator[NDArray[np.uint8]]:
            for item in images:
                try:
                    pixels = read_image(item.path)
                except DataError as error:
                    self.summary.fail(item, error)
                    continue
                waiting.append(item)
                if has_several_frames(item.path):
                    self.summary.several.append(item)
                yield pixels

        results = label_maps(readable(), self.predictor, self.crf, self.workers, self.tile)
        for result in tqdm(results, "images", len(images), unit="image", disable=None):
            item = waiting.popleft()
            try:
                for path, content in zip(result_paths(item, self.out), _encoded(result), strict=True):
                    write_bytes(path, content)
            except OSError as error:
                if error.errno not in OF_ONE_NAME:
                    raise
                self.summary.fail(item, error)
                continue
            self.summary.add(item, result.labels.shape, 1, label_counts(result.labels))

    def write_video(self, item: Input) -> None:
        """Write a video with its labels; if it cannot be used, that is noted.

        Raises:
            OSError: Nothing can be written there, as on a full disk.
        """
        try:
            self._write_video(item)
        except (DataError, OSError) as error:
            if isinstance(error, OSError) and error.errno and error.errno not in OF_ONE_NAME:
                raise
            self.summary.fail(item, error)

    def _write_video(self, item: Input) -> None:
        video = Video(item.path)
        pixels: Counter[int] = Counter()
        size, frames = (0, 0), 0
        [path] = result_paths(item, self.out)
        with atomic_write(path, ".mp4") as partial, VideoWriter(partial, video.rate) as writer:
            results = label_maps(video, self.predictor, self.crf, self.workers, self.tile)
            for result in tqdm(results, item.name, video.announced or None, unit="frame", disable=None):
                writer.append(overlay(result.pixels, result.labels))
                pixels += label_counts(result.labels)
                size, frames = result.labels.shape, frames + 1
        self.summary.add(item, size, frames, pixels)
        if frames < MIN_FRAMES * video.announced:
            text = f"{item.path}: ends after {frames} of {video.announced} frames; the file is damaged or cut off"
            self.summary.problems.append(Problem(item.name, str(item.path), text))


def result_paths(item: Input, out: Path) -> list[Path]:
    """The files that are written for an input; names may have dots, which `with_suffix` would cut."""
    kinds = [("videos", "mp4")] if item.video else [("masks", "png"), ("overlays", "jpg")]
    return [out / folder / f"{item.name}.{ending}" for folder, ending in kinds]


def results_before(out: Path) -> list[Input]:
    """The files whose results an earlier run wrote into a folder, as its `summary.csv` says; none if it has no such."""
    try:
        table = pd.read_csv(out / SUMMARY, usecols=["file", "name"], dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        return []
    rows = unescape_texts(table.drop_duplicates()).itertuples(index=False)
    return [Input(Path(str(row.file)), str(row.name)) for row in rows if row.file and row.name]


def of_others(inputs: Sequence[Input], before: Sequence[Input]) -> list[Input]:
    """Those of an earlier run's files whose results have the name of another file's now."""
    own = {(item.name, item.video): _as_written(item.path) for item in inputs}
    return [old for old in before if own.get((old.name, old.video), _as_written(old.path)) != _as_written(old.path)]


def label_counts(labels: NDArray[np.uint8]) -> Counter[int]:
    """The number of pixels of each label that occurs.

    >>> label_counts(np.array([[0, 0, 2]], np.uint8))
    Counter({0: 2, 2: 1})
    """
    values, pixels = np.unique(labels, return_counts=True)
    return Counter(dict(zip(values.tolist(), pixels.tolist(), strict=True)))


def _as_written(path: Path) -> str:
    """The path of a file, without links, as tables have it: bytes that are no UTF-8 are escaped."""
    return os.path.realpath(path).encode(errors="surrogateescape").decode(errors="backslashreplace")


def _encoded(result: ImageLabels) -> tuple[bytes, bytes]:
    """The files of an image's labels and of its overlay."""
    return encode_mask(result.labels), _jpeg(overlay(result.pixels, result.labels))


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    _, content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return content.tobytes()
