"""How much faster `boxsup labels` is if boxes choose in 8 processes and not in one, and what bounds that.

    python benchmarks/parallel_labels.py
    python benchmarks/parallel_labels.py --sleep 0      # on a machine with a core for each process

Where there are fewer cores than processes, a sleep in each image's choice stands for its work: a sleeping process needs
no core. What is measured then is whether anything else holds the processes up: taking images, handing them over, their
order, and the main process, which collects and writes. What is not measured is what cores share: memory bandwidth,
caches, clock rates. The pictures are small, so that their true work is short beside the sleep.

Each process notes when it has finished an image. A rate is over the images that are finished after every process has
finished its first one, since starting takes seconds, which at COCO's size are nothing. The end counts, where some
processes have no image left. The stores of both runs must have the same bytes.

The other bound is the main process, of which there is one. So its seconds of processors for an image are measured, too:
for a generation whose scores come from a network, with images of 500×375 px, three boxes and two classes. Three ways to
hand scores over are compared: what boxes cover of each class (what `boxsup labels` does), sums over superpixels made in
the main process, and the scores of all classes.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from epoch_overhead import draw_split
from numpy.typing import NDArray

from boxsup.catalogue.tables import BOX_COLUMNS
from boxsup.cli import main as main_of_boxsup
from boxsup.commands import workers_argument
from boxsup.config.build import build
from boxsup.config.params import canonical, generation_settings
from boxsup.config.update import UpdateSettings
from boxsup.labels import supervised
from boxsup.labels.generation import ChosenLabels, LabelUpdate
from boxsup.labels.in_processes import Made, Sources
from boxsup.labels.layers import parts_read
from boxsup.machine import workers

ROOT = Path(__file__).parents[1]
BATCH = 2  # images that a process takes at once here
HEIGHT, WIDTH, CLASSES = 375, 500, 21


@dataclass(frozen=True)
class SlowUpdate(LabelUpdate):
    """An update that sleeps for each image, and notes when it is done."""

    sleep: float = 0.0
    notes: Path = Path()

    def labels(self, image: str, height: int, width: int, boxes: pd.DataFrame) -> ChosenLabels:
        """Choose, sleep, and add the time to the notes of this process."""
        time.sleep(self.sleep)
        made = super().labels(image, height, width, boxes)
        with (self.notes / str(os.getpid())).open("a") as file:
            print(time.time(), file=file)
        return made


@dataclass(frozen=True)
class SlowSources(Sources):
    """Sources of an update that sleeps."""

    sleep: float = 0.0
    notes: Path = Path()

    def open(self) -> LabelUpdate:
        """Open the stores."""
        return SlowUpdate(**vars(super().open()), sleep=self.sleep, notes=self.notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--side", type=int, default=65, help="of pictures, px")
    parser.add_argument("--sleep", type=float, default=0.25, help="seconds in the choice of each image")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, args.images, args.side)
        rates, made = {}, []
        for count in (1, args.processes):
            notes = run(folder, count, args.sleep)
            rates[count] = rate(notes)
            made.append(contents(folder / f"{count}.zarr"))
            print(f"{count} processes: {rates[count]:.2f} images/s, {args.sleep:g} s of each a sleep", flush=True)
        if made[0] != made[1]:
            sys.exit("the stores differ")
    print(f"{args.processes} processes against 1: {rates[args.processes] / rates[1]:.2f} times, the same bytes")
    print_hand_over()


def prepare(folder: Path, images: int, side: int) -> None:
    """Pictures, their candidates and overlaps."""
    draw_split(folder, images, side)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    common = ["--catalogue", str(folder / "catalogue")]
    settings = canonical(config["proposals"]["mcg"])
    for arguments in (
        ["proposals", "make", *common, "--settings", settings, "--out", str(folder / "pools.zarr")],
        ["overlaps", *common, "--proposals", str(folder / "pools.zarr"), "--out", str(folder / "overlaps.zarr")],
    ):
        subprocess.run([sys.executable, "-m", "boxsup", *arguments], check=True, capture_output=True)


def run(folder: Path, count: int, sleep: float) -> Path:
    """A generation by overlap in some processes; the folder of what they noted."""
    notes = folder / f"notes{count}"
    notes.mkdir()
    workers.WORTH_STARTING = 1e-9  # as if there were images enough for each process
    choose = supervised.choose_in_order

    def noted(images: Any, sources: Sources, update: LabelUpdate, count_: int) -> Iterator[Made]:  # noqa: ANN401
        slow = SlowSources(**{**vars(sources), "batch": BATCH}, sleep=sleep, notes=notes)
        return choose(images, slow, slow.open(), count_)

    supervised.choose_in_order = noted  # type: ignore[assignment]
    update = generation_settings(yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]["update"])
    own = ["--catalogue", folder / "catalogue", "--generation", "1", "--seed", "0", "--settings", json.dumps(update)]
    own += ["--proposals", folder / "pools.zarr", "--overlaps", folder / "overlaps.zarr", "--workers", count]
    workers_argument.processors = lambda: count  # as if there were a processor for each
    main_of_boxsup(["labels", *map(str, own), "--out", str(folder / f"{count}.zarr")])
    supervised.choose_in_order = choose
    return notes


def rate(notes: Path) -> float:
    """Images a second, after every process has finished one."""
    times = [list(map(float, path.read_text().split())) for path in notes.iterdir()]
    start, end = max(own[0] for own in times), max(own[-1] for own in times)
    return sum(moment > start for own in times for moment in own) / (end - start)


def contents(store: Path) -> dict[Path, bytes]:
    """The files of a store."""
    return {path.relative_to(store): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def print_hand_over() -> None:
    """What it takes the main process to hand over what the network sees of an image, by three ways."""
    random = np.random.default_rng(0)
    scores = np.log(random.dirichlet(np.ones(CLASSES), (HEIGHT, WIDTH)).transpose(2, 0, 1)).astype(np.float32)
    superpixels = (np.arange(HEIGHT)[:, None] // 17 * 30 + np.arange(WIDTH) // 17).astype(np.uint16)
    corners = [(7, 50, 40, 350, 300), (7, 100, 100, 300, 350), (12, 10, 90, 90, 200)]
    boxes = pd.DataFrame([("a", *own, 0, 0) for own in corners], columns=list(BOX_COLUMNS))
    update = yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]["update"]
    settings = build(UpdateSettings, generation_settings(update), "update")

    def covered() -> list[NDArray[np.float32]]:
        return [np.array(scores[part.window], order="C") for part in parts_read(boxes, HEIGHT, WIDTH, settings)]

    def sums() -> list[NDArray[np.float64]]:
        made = []
        for class_id, x0, y0, x1, y1 in corners:
            inside = scores[class_id, y0:y1, x0:x1]
            odds = inside - np.log1p(-np.minimum(np.exp(inside), 1 - 1e-4))
            made.append(np.bincount(superpixels[y0:y1, x0:x1].ravel(), odds.ravel()))
        return made

    ways: dict[str, Callable[[], Any]] = {
        "what boxes cover of each class": covered,
        "sums over superpixels, without reading these": sums,
        "all classes at all pixels": lambda: scores,
    }
    for name, way in ways.items():
        seconds, size = measured(way)
        print(f"handing over {name}: {1e3 * seconds:.2f} ms of the main process, {size / 1e6:.2f} MB an image")


def measured(way: Callable[[], Any]) -> tuple[float, int]:
    """Seconds of processors to make and to pickle what is handed over, the least of 20, and its bytes."""
    best = float("inf")
    for _ in range(20):
        start = time.process_time()
        pickled = pickle.dumps(way(), pickle.HIGHEST_PROTOCOL)
        best = min(best, time.process_time() - start)
    return best, len(pickled)


if __name__ == "__main__":
    main()
