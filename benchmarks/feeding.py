"""Images a second that one core reads, augments, chooses for and refines, against what a GPU would ask for.

    python benchmarks/feeding.py
    python benchmarks/feeding.py --images 40 --peak 989 --share 0.4

No GPU is needed: what one would ask for is computed, and is an assumption, not a measurement. Torch counts a network's
floating-point operations for an image, and a step of training has three times those of its forward pass. The GPU does
`--share` of its peak: 989 TFLOPS, dense, in bfloat16, is what NVIDIA's data sheet of the H100 SXM says, and 0.4 of it
is what large convolutions reach at best. A generation asks for one image at a time and reaches less. So these figures
are upper bounds.

What a core does is measured on photographs of `voc-mini/VOC2012` in the folder that BOXSUP_DATA names, in seconds of
processors: a busy machine changes them less, yet twofold where two processors are one core. The last column is how many
cores keep the GPU busy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import yaml
from common.stages import catalogue_of
from torch.utils.flop_counter import FlopCounterMode

from boxsup.catalogue.tables import Catalogue, read_catalogue
from boxsup.config.build import build, parse
from boxsup.config.inference import CrfSettings
from boxsup.config.params import canonical, epoch_settings, generation_settings
from boxsup.config.training import TrainingSettings
from boxsup.config.update import UpdateSettings
from boxsup.inference.crf import refine_labels, relevant_labels
from boxsup.labels.in_processes import COLUMNS, Asked, Sources, made_of
from boxsup.labels.layers import parts_read
from boxsup.network import build_network
from boxsup.training.data import EpochData

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data")) / "voc-mini" / "VOC2012"
NETWORKS = ("deeplab_4x4", "deeplab_v2_resnet101")
CROP, SIZE = 321, (375, 500)  # px
STEP = 3  # forward passes that a step of training takes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--peak", type=float, default=989.0, help="of the GPU, TFLOPS")
    parser.add_argument("--share", type=float, default=0.4, help="of it that a network reaches")
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        rates = rates_of_a_core(Path(folder), args.images)
    rate = args.peak * args.share * 1e12
    asked = {name: (rate / STEP / flops(name, (CROP, CROP)), rate / flops(name, SIZE)) for name in NETWORKS}
    print("a core, images/s:" + "".join(f" {name} {value:.0f}," for name, value in rates.items()).rstrip(","))
    print(f"a GPU of {args.peak:g} TFLOPS at {args.share:g} of its peak asks for, and so many cores give:")
    for name, (training, scoring) in asked.items():
        print(f"{name}: {training:.0f} crops/s in training ({training / rates['epoch']:.1f} cores), "
              f"{scoring:.0f} images/s in a generation ({scoring / rates['generation']:.1f} cores); "
              f"predictions with the CRF as fast as that: {scoring / rates['CRF']:.0f} cores")  # fmt: skip


def flops(name: str, size: tuple[int, int]) -> float:
    """Floating-point operations of a forward pass on an image of a size, px."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build_network(name, 21).eval()(torch.zeros(1, 3, *size))
    return float(counter.get_total_flops())


def rates_of_a_core(folder: Path, count: int) -> dict[str, float]:
    """Images a second of what a core does for an epoch, for a generation, and for predictions."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    split = split_of(folder, count, config["datasets"]["voc"]["classes"])
    made = folder / "1.zarr"
    update = generation_settings(config["defaults"]["update"])
    common = ["--catalogue", str(folder / "train")]
    pools, overlaps = folder / "pools.zarr", folder / "overlaps.zarr"
    stores = ["--proposals", str(pools), "--overlaps", str(overlaps)]
    for arguments in (
        ["proposals", "make", *common, "--settings", canonical(config["proposals"]["mcg"]), "--out", str(pools)],
        ["overlaps", *common, "--proposals", str(pools), "--out", str(overlaps)],
        ["labels", *common, "--generation", "1", "--seed", "0", "--settings", json.dumps(update), *stores]
        + ["--out", str(made)],
    ):
        subprocess.run([sys.executable, "-m", "boxsup", *arguments], cwd=folder, check=True, capture_output=True)
    training = build(TrainingSettings, epoch_settings(config["defaults"]["training"]), "training")
    data = EpochData(split, made, training.changed(crop=CROP), 0, 1)
    choosing = parse(UpdateSettings, json.dumps(update), "update")
    opened = Sources([pools], [overlaps], [], choosing, 0, 1, 8).open()
    asked = [asked_of(split, index, choosing) for index in range(count)]
    crf = build(CrfSettings, config["defaults"]["inference"]["crf"], "crf")
    refined = [refined_of(split, index, crf) for index in range(min(count, 8))]
    rows = list(split.rows())
    rates = {
        "reading": rate(lambda row: row.photo(), rows),
        "reading and augmenting": rate(data.__getitem__, range(count)),
        "choosing": rate(lambda own: made_of(opened, own), asked),
        "CRF": rate(lambda own: refine_labels(*own, crf), refined),
    }
    return rates | {
        "epoch": rates["reading and augmenting"],
        "generation": 1 / (1 / rates["reading"] + 1 / rates["choosing"]),
    }


def split_of(folder: Path, count: int, classes: list[str]) -> Catalogue:
    """The first photographs of `train.txt`, in tables."""
    (folder / "tree/ImageSets/Segmentation").mkdir(parents=True)
    for kind in ("JPEGImages", "Annotations", "SegmentationClass"):
        (folder / "tree" / kind).symlink_to((DATA / kind).resolve())
    ids = (DATA / "ImageSets/Segmentation/train.txt").read_text().split()[:count]
    (folder / "tree/ImageSets/Segmentation/part.txt").write_text("\n".join(ids) + "\n")
    arguments = catalogue_of("tree", {"list": "part", "masks": "SegmentationClass", "links": True}, classes)
    subprocess.run([sys.executable, "-m", "boxsup", *arguments], cwd=folder, check=True, capture_output=True)
    split = read_catalogue(folder / "train")
    absolute = {name: [str(folder / path) if path else "" for path in split.images[name]] for name in ("path", "mask")}
    return Catalogue(split.images.assign(**absolute), split.boxes, split.classes)


def scores_of(split: Catalogue, index: int) -> np.ndarray:
    """Scores as smooth as a network's, C×H×W, of random logits at stride 8, with the background and two classes."""
    height, width = split.sizes[index]
    torch.manual_seed(index)
    logits = 3 * torch.randn(1, len(split.classes), height // 8 + 1, width // 8 + 1)
    logits[:, 3:] -= 20
    enlarged = torch.nn.functional.interpolate(logits, (int(height), int(width)), mode="bilinear")
    return np.asarray(enlarged.log_softmax(dim=1)[0].numpy())


def asked_of(split: Catalogue, index: int, settings: UpdateSettings) -> Asked:
    """An image as a process in which boxes choose gets it."""
    row = list(split.rows())[index]
    boxes, scores = split.boxes_of(row.image), scores_of(split, index)
    parts = parts_read(boxes, row.height, row.width, settings)
    cut = [np.array(scores[part.window], order="C") for part in parts]
    values = boxes[COLUMNS].to_numpy(np.int64)
    return Asked(row, boxes.index.to_numpy(np.int64), values, parts, cut)


def refined_of(split: Catalogue, index: int, settings: CrfSettings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image, its scores and their labels, as a process of the CRF gets them."""
    scores = scores_of(split, index)
    labels = relevant_labels(scores, settings)
    return list(split.rows())[index].photo(), scores[labels], labels


def rate(work: Callable[[T], object], items: Iterable[T]) -> float:
    """Items a second of one core, after a first one that is not counted."""
    first, *others = items
    work(first)
    start = time.process_time()
    for item in others:
        work(item)
    return len(others) / (time.process_time() - start)


if __name__ == "__main__":
    main()
