"""Images a second of an epoch, against the same network fed from memory, and against torchvision's way of training.

    python benchmarks/training.py
    python benchmarks/training.py --images 160 --threads 2 --workers 0

Photographs with their true masks, a network from random weights (MobileNetV2 if no other is named), one batch size and
crop for all, on the device that there is. Each has a process of its own; their epochs run in turn, a first one
unmeasured, and the best of each counts:

* ours: `train_epoch` on what `boxsup epoch` reads: JPEGs and a store of labels, scaled, cut and mirrored at random.
* memory, the limit: `train_epoch` on the same batches, made before the clock starts.
* torchvision: the loop of its reference for segmentation, written with `torchvision.transforms.v2`: pictures and masks
  opened by Pillow, resized, mirrored, cut and normalised as tensors, `DataLoader`, SGD, a step of the rate a batch.

Photographs are those of `voc-mini/VOC2012` in the folder that BOXSUP_DATA names; nothing is measured without them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue
from boxsup.config.build import build
from boxsup.config.params import epoch_settings
from boxsup.config.training import ScheduleSettings, TrainingSettings
from boxsup.image import VOID
from boxsup.image.files import read_mask
from boxsup.machine.devices import device
from boxsup.machine.environment import set_environment
from boxsup.machine.memory import keep_freed_memory
from boxsup.network import build_network as build_network
from boxsup.network.images import IMAGENET
from boxsup.store.labels import labels_writer
from boxsup.training.data import EpochData, batches
from boxsup.training.epoch import make_optimizer, train_epoch
from boxsup.training.sgd import SGD

ROOT = Path(__file__).parents[1]
train: Callable[[], None]
network: str
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data")) / "voc-mini" / "VOC2012"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=80)
    parser.add_argument("--crop", type=int, default=321)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    parser.add_argument("--workers", type=int, default=0, help="processes that read, of both loaders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", default="mobilenet_v2", help="as `network.name` of a configuration")
    args = parser.parse_args()
    set_environment()  # as `boxsup` does, for the processes that train
    if not DATA.is_dir():
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        store = Path(folder, "labels.zarr")
        write_labels(store, photographs(args.images))
        runs = {
            name: stack.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare, initargs=(name, store, args))
            )
            for name in ("ours", "memory", "torchvision")
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(1 + args.rounds):
            for name, process in runs.items():
                seconds[name].append(process.submit(epoch).result())
    images = args.images // args.batch * args.batch
    speed = {name: images / min(own[1:]) for name, own in seconds.items()}
    print(f"{args.network}, {device()}, {images} images, crops of {args.crop} px, batches of {args.batch}, "
          f"{args.threads} threads, {args.workers} workers")  # fmt: skip
    for name, value in speed.items():
        print(f"{name:12s} {value:7.2f} images/s")
    print(f"ours / memory: {speed['ours'] / speed['memory']:.3f}")
    print(f"ours / torchvision: {speed['ours'] / speed['torchvision']:.2f}")


def prepare(name: str, store: Path, args: argparse.Namespace) -> None:
    """Get ready for `epoch` in a process of its own."""
    global train, network
    network = args.network
    torch.set_num_threads(args.threads)
    if name != "torchvision":
        keep_freed_memory()  # as `boxsup` does
    defaults = yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]
    settings = build(TrainingSettings, epoch_settings(defaults["training"]), "training")
    settings = settings.changed(batch=args.batch, crop=args.crop, threads=args.threads)
    schedule = build(ScheduleSettings, defaults["schedule"], "schedule")
    catalogue = photographs(args.images)
    data = EpochData(catalogue, store, settings, 0, 1)
    iterations = args.images // args.batch
    memory = list(batches(data, settings, 0, 1, 0)) if name == "memory" else []
    theirs = DataLoader(
        Reference(catalogue, settings),
        args.batch,
        shuffle=True,
        num_workers=args.workers,
        drop_last=True,
        persistent_workers=args.workers > 0,
    )
    train = {
        "ours": lambda: train_ours(batches(data, settings, 0, 1, args.workers), iterations, settings, schedule),
        "memory": lambda: train_ours(memory, iterations, settings, schedule),
        "torchvision": lambda: train_theirs(theirs, settings),
    }[name]


def epoch() -> float:
    """Seconds of one epoch."""
    start = time.perf_counter()
    train()
    return time.perf_counter() - start


def write_labels(store: Path, catalogue: Catalogue) -> None:
    """The true masks as a generation."""
    with labels_writer(store, catalogue.ids, catalogue.sizes, {}) as writer:
        for row in catalogue.rows():
            writer.append(row.image, labels=read_mask(row.mask))


def photographs(count: int) -> Catalogue:
    """The first photographs of `train.txt`, with their true masks."""
    rows = []
    for image in (DATA / "ImageSets/Segmentation/train.txt").read_text().split()[:count]:
        path, mask = DATA / "JPEGImages" / f"{image}.jpg", DATA / "SegmentationClass" / f"{image}.png"
        with Image.open(path) as opened:
            rows.append((image, str(path), opened.height, opened.width, str(mask), ""))
    classes = yaml.safe_load((ROOT / "config.yaml").read_text())["datasets"]["voc"]["classes"]
    images = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS))
    return Catalogue(images, pd.DataFrame(columns=list(BOX_COLUMNS)), ("background", *classes))


def fresh(settings: TrainingSettings) -> tuple[torch.nn.Module, SGD]:
    torch.manual_seed(0)
    model = build_network(network, 21).to(device(), memory_format=torch.channels_last)
    return model, make_optimizer(model, settings)


def train_ours(
    data: DataLoader[tuple[Tensor, Tensor]] | list[tuple[Tensor, Tensor]],
    iterations: int,
    settings: TrainingSettings,
    schedule: ScheduleSettings,
) -> None:
    model, optimizer = fresh(settings)
    train_epoch(model, optimizer, data, iterations, settings, schedule, 0, 1, on_step=lambda step: None)


class Reference(Dataset[tuple[Tensor, Tensor]]):
    """Photographs as torchvision's reference for segmentation takes them."""

    def __init__(self, catalogue: Catalogue, settings: TrainingSettings) -> None:
        self._files = [(row.path, row.mask) for row in catalogue.rows()]
        low, high = settings.scale
        self._scale, self._crop = (low, high), settings.crop
        self._mirror = v2.RandomHorizontalFlip(0.5)
        self._cut = v2.RandomCrop(
            settings.crop, pad_if_needed=True, fill={tv_tensors.Image: 0, tv_tensors.Mask: VOID, "others": 0}
        )
        self._as_numbers = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(*IMAGENET)])

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        path, mask_path = self._files[index]
        image = v2.functional.pil_to_tensor(Image.open(path).convert("RGB"))
        mask = torch.from_numpy(np.array(Image.open(mask_path)))[None]
        size = max(1, round(min(image.shape[1:]) * float(torch.empty(1).uniform_(*self._scale))))
        pair = tv_tensors.Image(image), tv_tensors.Mask(mask)
        if size != min(image.shape[1:]):
            pair = v2.functional.resize(pair[0], [size], antialias=True), v2.functional.resize(pair[1], [size])
        cut_image, cut_mask = self._cut(*self._mirror(*pair))
        return self._as_numbers(cut_image), cut_mask[0].long()


def train_theirs(data: DataLoader[tuple[Tensor, Tensor]], settings: TrainingSettings) -> None:
    """The loop of the reference: loss at full size, void left out, the rate set after each batch."""
    model, ours = fresh(settings)
    optimizer = torch.optim.SGD(
        ours.param_groups, lr=settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    rate = torch.optim.lr_scheduler.PolynomialLR(optimizer, len(data), power=0.9)
    model.train()
    for images, labels in data:
        moved = images.to(device(), memory_format=torch.channels_last), labels.to(device())
        logits = functional.interpolate(model(moved[0]), moved[1].shape[1:], mode="bilinear", align_corners=False)
        loss = functional.cross_entropy(logits, moved[1], ignore_index=VOID)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        loss.item()  # their meter prints it


if __name__ == "__main__":
    main()
