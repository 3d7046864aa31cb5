"""Peak memory of every stage that works on boxes as the boxes of one image grow: it must not grow with boxes × pixels.

One generated picture of 1,000×1,000 with 10, 400 and 4,000 boxes, each stage in a process of its own. Prints the peak
resident set in MB. A mask of the picture takes 1 MB, the network's scores of a label 4 MB; what may grow are tables of
box × candidate.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import yaml
from common.stages import TABLES, as_json
from memory import ROOT, peak
from PIL import Image

from boxsup.config.params import generation_settings

SIDE, LARGEST = 1000, 60
CLASSES = ["background", "disc", "square"]


def main() -> None:
    """Run every stage on each number of boxes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, nargs="+", default=[10, 400, 4000], help="numbers of boxes")
    args = parser.parse_args()
    measured = {count: measure(count) for count in args.boxes}
    print(f"{'stage':24s}" + "".join(f"{count:>8d}" for count in args.boxes))
    for stage in measured[args.boxes[0]]:
        print(f"{stage:24s}" + "".join(f"{measured[count][stage]:8.0f}" for count in args.boxes))


def measure(count: int) -> dict[str, float]:
    """MB of each stage for an image with so many boxes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), count)
        return {name: peak(folder, *arguments) for name, arguments in stages()}


def write(folder: Path, count: int) -> None:
    """A picture of coloured rectangles, and its boxes as COCO has them."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
    annotations = []
    for number in range(count):
        (x, y), (width, height) = random.integers(0, SIDE - LARGEST, 2), random.integers(8, LARGEST, 2)
        pixels[y : y + height, x : x + width] = random.integers(60, 255, 3)
        box = [int(side) for side in (x, y, width, height)]
        annotations.append({"id": number + 1, "image_id": 1, "category_id": 1 + number % 2, "bbox": box})
    (folder / "images").mkdir()
    Image.fromarray(pixels).save(folder / "images" / "one.png")
    content = {
        "images": [{"id": 1, "file_name": "one.png", "height": SIDE, "width": SIDE}],
        "annotations": [{**record, "iscrowd": 0} for record in annotations],
        "categories": [{"id": label, "name": name} for label, name in enumerate(CLASSES) if label],
    }
    (folder / "boxes.json").write_text(json.dumps(content))


def stages() -> list[tuple[str, list[str]]]:
    """The stages in order, with their arguments."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    split = as_json({"images": "images", "annotations": "boxes.json", "masks": "none"})
    network = as_json({"name": "mobilenet_v2", "weights": "none", "sha256": ""})
    update = as_json(generation_settings(config["defaults"]["update"]))
    pools = ["--proposals", "pools/0-of-1.zarr", "--overlaps", "overlaps.zarr"]
    labels = ["labels", *TABLES, "--seed", "0", "--settings", update, *pools, "--threads", "1"]
    read = ["--format", "coco", "--root", ".", "--split", split, "--classes", as_json(CLASSES[1:])]
    mcg = as_json(config["proposals"]["mcg"])
    return [
        ("catalogue", ["catalogue", *read, "--on-problem", "stop", "--megapixels", "1", "--out", "train"]),
        ("proposals", ["proposals", "make", *TABLES, "--settings", mcg, "--out", "pools/0-of-1.zarr"]),
        ("overlaps", ["overlaps", *TABLES, "--proposals", "pools/0-of-1.zarr", "--out", "overlaps.zarr"]),
        ("rectangles", ["fixed-masks", *TABLES, "--kind", "rectangles", "--out", "rectangles.zarr"]),
        ("labels by overlap", [*labels, "--generation", "1", "--out", "1.zarr"]),
        ("network", ["network", *TABLES, "--seed", "0", "--settings", network, "--out", "model.pt"]),
        ("labels by the network", [*labels, "--generation", "2", "--model", "model.pt", "--out", "2.zarr"]),
        ("label-quality", ["label-quality", *TABLES, "--labels", "2.zarr", "--out", "2.csv"]),
        ("show", ["show", "2.zarr", "one", "--out", "show"]),
        (
            "masks, three formats",
            ["masks", "--images", "images", "--boxes", "boxes.json", "--model", "model.pt"]
            + ["--workers", "1", "--format", "coco", "coco_polygons", "yolo", "--out", "masks"],
        ),
    ]


if __name__ == "__main__":
    main()
