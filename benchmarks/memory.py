"""Peak memory of every stage as the number of images grows: it must be flat.

    python benchmarks/memory.py
    python benchmarks/memory.py --side 3464 --sizes 12 36   # pictures of 12 megapixels

Generated pictures, each stage in a process of its own, at two numbers of images or more. Prints the
peak resident set of each stage in MB, and its growth per 1,000 images between the last two numbers, also over what the
images themselves take as uint8 RGB (the limit of a program that held them all). Buffers of a fixed size fill up with
the first images: 256 label maps; 32 MB of each ragged array, which overlaps take the longest to fill (8 KB an
image of 128 px). The tables of a split and the indices of its stores must grow: what they take an image comes last.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import tracemalloc
from multiprocessing import get_context
from pathlib import Path

import yaml
from common.stages import TABLES, as_json, catalogue_of, stages_of

ROOT = Path(__file__).parents[1]
SPLIT = {"list": "train", "masks": "SegmentationClass"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1280], help="numbers of images")
    parser.add_argument("--side", type=int, default=128, help="about the side of a picture, px [%(default)s]")
    args = parser.parse_args()
    measured = {size: measure(size, args.side) for size in args.sizes}
    peaks = {size: stages for size, (stages, _) in measured.items()}
    first, last = args.sizes[-2:]
    all_images = 3 * args.side**2 * 1000 / 1e6
    print(f"{'stage':24s}" + "".join(f"{size:>8d}" for size in args.sizes) + "  MB per 1,000 more  of all images")
    for stage in peaks[first]:
        growth = (peaks[last][stage] - peaks[first][stage]) / (last - first) * 1000
        row = "".join(f"{peaks[size][stage]:8.0f}" for size in args.sizes)
        print(f"{stage:24s}{row}  {growth:17.1f}  {growth / all_images:13.2f}")
    print(f"tables and indices: {measured[last][1] / 1e3:.1f} KB an image")


def measure(size: int, side: int) -> tuple[dict[str, float], float]:
    """Run every stage on `size` training images: MB by stage, and bytes an image of the tables and indices."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = {name: peak(folder, *arguments) for name, arguments in stages(size, side)}
        with get_context("spawn").Pool(1) as other:  # this process stays small: a child's peak begins at its parent's
            return peaks, other.apply(table_bytes, (Path(folder),)) / size


def table_bytes(folder: Path) -> int:
    """What a stage that reads everything keeps of a split, from its first image on: bytes."""
    from boxsup.catalogue.tables import read_catalogue
    from boxsup.labels.overlaps import Overlaps
    from boxsup.proposals.pool_store import Pools
    from boxsup.store.labels import Labels

    def open_all() -> tuple[object, ...]:
        catalogue = read_catalogue(folder / "train")
        catalogue.boxes_of(catalogue.ids[0])  # makes the index of the boxes
        pools, overlaps = Pools([folder / "pools.zarr"]), Overlaps([folder / "overlaps.zarr"])
        return catalogue, pools, overlaps, Labels(folder / "1.zarr")

    open_all()  # what the first use of a library keeps is no matter of images
    tracemalloc.start()
    kept = open_all()
    size, _ = tracemalloc.get_traced_memory()
    del kept
    return size


def stages(size: int, side: int) -> list[tuple[str, list[str]]]:
    """The stages in order, with the arguments that the workflow would pass."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    defaults, classes = config["defaults"], config["datasets"]["demo"]["classes"]
    shapes = {"seed": 0, "side": side, "train": size, "val": 1, "masks": 1}
    crf = {**defaults["inference"]["crf"], "iterations": 1}
    few = {"rounds": 1, "bilateral_weight": [3, 6], "bilateral_xy": [9, 18], "bilateral_rgb": [3, 6]}
    return [
        ("shapes", ["shapes", "--settings", as_json(shapes), "--classes", as_json(classes), "--out", "tree"]),
        ("catalogue", catalogue_of("tree", SPLIT, classes)),
        *stages_of(
            proposals=config["proposals"]["selective_search"],
            network={"name": "mobilenet_v2", "weights": "none", "sha256": ""},
            training=defaults["training"] | {"batch": 8, "crop": 96, "threads": 1},
            defaults={**defaults, "inference": {**defaults["inference"], "crf": crf}},
        ),
        (
            "crf-search",
            ["crf-search", *TABLES, "--model", "1/model.pt", "--held-out", str(size // 2)]
            + ["--inference", as_json({"threads": 1, "crf": crf, "crf_search": few}), "--out", "search.csv"],
        ),
    ]


def peak(folder: str, *arguments: str) -> float:
    """Peak resident set of one stage and its workers, MB."""
    command = [sys.executable, "-m", "boxsup", *arguments]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        errors = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(errors)
    return usage.ru_maxrss / 1024 * 1.048576


if __name__ == "__main__":
    main()
