"""What the two jobs of an epoch cost beside their work: `boxsup labels` beside its updates, `boxsup epoch` beside its
steps.

Runs the jobs as the workflow does, each in a process of its own, on generated pictures, and prints the seconds of their
parts, those of processors in brackets, and how many are not work. Whole and parts are of the same run. Work is the time
in `choose_in_order` (with the wait for the network's forward pass) and in `train_epoch` (with reading and augmenting,
as with `workers: 0`). A busy machine changes the seconds of processors less than those of the clock, yet twofold where
two processors are one core.
"""  # noqa: D205

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, Catalogue, write_catalogue
from boxsup.config.params import canonical, epoch_settings, generation_settings

ROOT = Path(__file__).parents[1]
CLASSES = ("background", "object")
# The owner of the function that does the work, and its name, by job.
WORK = {"labels": "boxsup.labels.supervised:choose_in_order", "epoch": "boxsup.commands.epoch:train_epoch"}
# `python -m boxsup …` that also says how long it imported and worked.
TIMED = """
import gc, importlib, json, runpy, sys, time
gc.disable()  # as `boxsup.__main__` does before it imports
start = time.perf_counter()
import boxsup.cli  # which sets the environment, before torch reads it
module, _, name = sys.argv.pop(1).partition(":")
owner = importlib.import_module(module)
import boxsup.network.mobilenet, boxsup.inference.scores
imported = time.perf_counter() - start, time.process_time()
worked, work = [], getattr(owner, name)
def timed(call, *arguments, **options):
    begin = time.perf_counter(), time.process_time()
    try:
        return call(*arguments, **options)
    finally:
        worked.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
def results(items):
    try:
        while True:
            yield timed(next, items)
    except StopIteration:
        return
def timed_work(*arguments, **options):
    result = timed(work, *arguments, **options)
    return result if result is None else results(result)
setattr(owner, name, timed_work)
runpy.run_module("boxsup", run_name="__main__")
print(json.dumps({"work": [sum(part) for part in zip(*worked)], "imports": imported}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--side", type=int, default=257, help="of pictures and crops, in pixels")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    print(f"{args.images} images of {args.side}×{args.side} px, batches of 8, MobileNetV2, {args.threads} threads")
    beside = np.zeros(2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_split(folder, args.images, args.side)
        for job, arguments in prepare(folder, args.side, args.threads).items():
            parts = timed(job, arguments)
            said = (f"{part} {seconds:.2f} s ({own:.2f})" for part, (seconds, own) in parts.items())
            print(f"{job:7s}" + ", ".join(said), flush=True)
            beside += parts["whole"] - parts["work"]
    print(f"beside the work of both: {beside[0]:.2f} s; {beside[1]:.2f} s of processors")


def timed(job: str, arguments: list[str]) -> dict[str, NDArray[np.float64]]:
    """Seconds of a job, and those of processors: the whole, its work, its imports, and what is left: reading, writing,
    start and exit.
    """  # noqa: D205
    start, before = time.perf_counter(), of_children()
    run = subprocess.run(
        [sys.executable, "-c", TIMED, WORK[job], *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    whole = np.array([time.perf_counter() - start, of_children() - before])
    parts = {name: np.array(values) for name, values in json.loads(run.stdout.splitlines()[-1]).items()}
    return {"whole": whole, **parts, "rest": whole - sum(parts.values())}


def of_children() -> float:
    """Seconds of processors that processes have taken which this one started and which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def draw_split(folder: Path, count: int, side: int) -> None:
    """Noise with a bright square each, and its box."""
    random = np.random.default_rng(0)
    rows = [(f"{i:04d}", str(folder / f"{i:04d}.jpg"), side, side, "", "") for i in range(count)]
    images = pd.DataFrame(rows, columns=["image", "path", "height", "width", "mask", "objects"])
    corners, extent = random.integers(0, side // 2, (count, 2)), side // 3
    for (_, path, *_), (y, x) in zip(rows, corners, strict=True):
        pixels = random.normal(100, 20, (side, side, 3))
        pixels[y : y + extent, x : x + extent] += 80
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    boxes = pd.DataFrame(
        [(row[0], 1, x, y, x + extent, y + extent, 0, 0) for row, (y, x) in zip(rows, corners, strict=True)],
        columns=list(BOX_COLUMNS),
    )
    write_catalogue(folder / "catalogue", Catalogue(images, boxes, CLASSES))


def prepare(folder: Path, side: int, threads: int) -> dict[str, list[str]]:
    """The arguments of both jobs of the second epoch, after all that goes before."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    defaults = config["defaults"]
    training = canonical(epoch_settings(defaults["training"] | {"batch": 8, "crop": side, "threads": threads}))
    common = ["--catalogue", str(folder / "catalogue")]
    run = [*common, "--seed", "0"]
    pools = ["--proposals", str(folder / "pools.zarr"), "--overlaps", str(folder / "overlaps.zarr")]
    network = canonical({"name": "mobilenet_v2", "weights": "none", "sha256": ""})
    update = canonical(generation_settings(defaults["update"]))
    labels = ["labels", *run, "--settings", update, *pools, "--threads", str(threads)]
    first, second = str(folder / "001.zarr"), str(folder / "002.zarr")
    model = str(folder / "000/model.pt")
    proposals = canonical(config["proposals"]["mcg"])
    for arguments in (
        ["proposals", "make", *common, "--settings", proposals, "--out", str(folder / "pools.zarr")],
        ["overlaps", *common, "--proposals", str(folder / "pools.zarr"), "--out", str(folder / "overlaps.zarr")],
        ["network", *run, "--settings", network, "--out", model],
        [*labels, "--generation", "1", "--out", first],
    ):
        subprocess.run([sys.executable, "-m", "boxsup", *arguments], check=True, capture_output=True)
    settings = ["--training", training, "--schedule", canonical(defaults["schedule"])]
    return {
        "labels": [*labels, "--generation", "2", "--model", model, "--out", second],
        "epoch": ["epoch", *run, "--labels", first, "--model", model, *settings, "--epoch", "1"]
        + ["--out", str(folder / "001")],
    }


if __name__ == "__main__":
    main()
