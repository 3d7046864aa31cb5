"""What an epoch's job costs beside its training: the wall time of `boxsup epoch` against the time inside its steps.

Runs the job as the workflow does, in a process of its own, on generated pictures, and prints the seconds of its parts
and the ratio of the whole to the training. Whole and parts are of the same run; training holds reading and augmenting,
as it does with `workers: 0`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from boxsup.catalogue.tables import BOX_COLUMNS, Catalogue, write_catalogue
from boxsup.config import canonical
from boxsup.store.labels import creating_labels

ROOT = Path(__file__).parents[1]
CLASSES = ("background", "object")
# `python -m boxsup epoch …` that also says what of its time it imported, loaded, trained and wrote.
TIMED = """
import json, runpy, sys, time
start = time.perf_counter()
import boxsup.network.mobilenet
import boxsup.training.commands.epoch as command
imported = time.perf_counter()
train, marks = command.train_epoch, []
def timed(*arguments):
    marks.append(time.perf_counter())
    train(*arguments)
    marks.append(time.perf_counter())
command.train_epoch = timed
runpy.run_module("boxsup", run_name="__main__")
end = time.perf_counter()
print(json.dumps({"imports": imported - start, "loading": marks[0] - imported, "training": marks[1] - marks[0],
                  "writing": end - marks[1]}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--side", type=int, default=257, help="of pictures and crops, in pixels")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_split(folder, args.images, args.side)
        arguments = prepare(folder, args.side, args.threads)
        start = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", TIMED, *arguments], check=True, capture_output=True, text=True)
        whole = time.perf_counter() - start
    parts = json.loads(run.stdout)
    parts["start and exit"] = whole - sum(parts.values())
    print(f"{args.images} images of {args.side}×{args.side} px, batches of 8, MobileNetV2, {args.threads} threads")
    print(f"{'the whole job':15s} {whole:6.2f} s")
    for part, seconds in parts.items():
        print(f"  {part:14s} {seconds:5.2f} s")
    print(f"whole / training: {whole / parts['training']:.2f}")


def draw_split(folder: Path, count: int, side: int) -> None:
    """Noise with a bright square each, and its labels."""
    random = np.random.default_rng(0)
    rows = [(f"{i:04d}", str(folder / f"{i:04d}.jpg"), side, side, "", "") for i in range(count)]
    images = pd.DataFrame(rows, columns=["image", "path", "height", "width", "mask", "objects"])
    catalogue = Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), CLASSES)
    write_catalogue(folder / "catalogue", catalogue)
    with creating_labels(folder / "labels.zarr", catalogue.ids, catalogue.sizes, {}) as writer:
        for row in catalogue.rows():
            labels = np.zeros((side, side), np.uint8)
            y, x = random.integers(0, side // 2, 2)
            labels[y : y + side // 3, x : x + side // 3] = 1
            pixels = random.normal(100, 20, (side, side, 3)) + 80 * labels[..., None]
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(row.path, quality=90)
            writer.append(row.image, labels=labels)


def prepare(folder: Path, side: int, threads: int) -> list[str]:
    """The arguments of the epoch, after making the network that it starts from."""
    defaults = yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]
    training = defaults["training"] | {"batch": 8, "crop": side, "threads": threads}
    del training["workers"]
    network = canonical({"name": "mobilenet_v2", "weights": "none", "sha256": ""})
    common = ["--catalogue", str(folder / "catalogue"), "--seed", "0"]
    start = ["network", *common, "--settings", network, "--out", str(folder / "000/model.pt")]
    subprocess.run([sys.executable, "-m", "boxsup", *start], check=True, capture_output=True)
    files = ["--labels", str(folder / "labels.zarr"), "--model", str(folder / "000/model.pt")]
    settings = ["--training", canonical(training), "--schedule", canonical(defaults["schedule"])]
    return ["epoch", *common, *files, *settings, "--epoch", "1", "--out", str(folder / "001")]


if __name__ == "__main__":
    main()
