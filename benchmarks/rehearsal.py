"""The paper's main run at its full number of images, and what two small runs had foretold of it.

    python benchmarks/rehearsal.py --folder FOLDER
    python benchmarks/rehearsal.py --folder FOLDER --parts 64    # a small run alone

A tree in the layout of VOC 2012 with SBD's masks is made in FOLDER: lists `train` (1,464), `trainaug` (10,582) and
`val` (1,449), their pictures, annotations and masks. Pixels are photographs of `voc-mini` and `voc-2k` in the folder
that BOXSUP_DATA names, each under several ids and `--side` px long, for a machine without a GPU; nothing is measured
without them. `snakemake results/voc_semi/report.html` then runs as it is typed for the real data, with VGG-16 from
random weights, all 45 epochs cut to two, the second of which asks the network; and the same for a 32nd and an eighth of
the images. A straight line through the seconds of the two small runs, rule by rule, foretells the full one.

What is done is not done again: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import yaml
from PIL import Image

from boxsup.config.files import project_config
from boxsup.image.files import read_image, read_mask, write_mask
from boxsup.machine.bars import tqdm

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "docs" / "results"
TRAIN, TRAINAUG, VAL = 1_464, 10_582, 1_449  # lengths of VOC's and SBD's lists
EPOCHS, OBJECT_EPOCHS = 2, 3


@dataclass(frozen=True)
class Photograph:
    """A real photograph: its tree, its id, and the folder of its mask."""

    tree: Path
    image: str
    masks: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the tree and the results; some 3 GB")
    parser.add_argument("--side", type=int, default=64, help="longer side of a picture, px")
    parser.add_argument("--crop", type=int, default=33, help="side of the crops that VGG-16 learns from, px")
    parser.add_argument("--parts", type=int, nargs="+", default=[32, 8, 1], help="runs: a 32nd, an eighth, all images")
    parser.add_argument("--cores", default="2", help="as Snakemake's")
    parser.add_argument("--write", action="store_true", help="keep the table")
    args = parser.parse_args()
    if not (DATA / "voc-mini").is_dir() or not (DATA / "voc-2k").is_dir():
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini and voc-2k")
        return
    folder = args.folder.resolve()
    make_tree(folder / "VOCdevkit" / "VOC2012", args.side, sorted(args.parts))
    configuration = folder / "rehearsal.yaml"
    configuration.write_text(yaml.safe_dump(configuration_of(folder, args.crop, args.parts)))
    for part in sorted(args.parts, reverse=True):
        targets = [f"results/{named('voc_semi', part)}/report.html"]
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory"]
        command += [str(folder), "--cores", args.cores, "--configfile", str(configuration), "--", *targets]
        subprocess.run(command, check=True)
    table = pd.DataFrame(rows_of(folder / "results" / "logs", args.parts))
    print(table.to_string(index=False, float_format="%.1f"))
    if args.write:
        table.round(2).to_csv(RESULTS / "rehearsal.csv", index=False, lineterminator="\n")


def named(name: str, part: int) -> str:
    """The data set or experiment of one part of the images: `voc`, `voc_16`."""
    return name if part == 1 else f"{name}_{part}"


def make_tree(root: Path, side: int, parts: Sequence[int]) -> None:
    """The tree, with shorter lists for the small runs; nothing where it is complete, judging by its lists."""
    lists = root / "ImageSets" / "Segmentation"
    for name in ("JPEGImages", "Annotations", "SegmentationClass", "SegmentationClassAug"):
        (root / name).mkdir(parents=True, exist_ok=True)
    lists.mkdir(parents=True, exist_ok=True)
    mini = photographs("voc-mini", "trainaug", "SegmentationClass")
    more = photographs("voc-2k", "train", "SegmentationClassAug")
    seen = photographs("voc-mini", "val", "SegmentationClass")
    ids = {
        "train": [f"2007_{number:06d}" for number in range(TRAIN)],
        "sbd": [f"2008_{number:06d}" for number in range(TRAINAUG - TRAIN)],
        "val": [f"2009_{number:06d}" for number in range(VAL)],
    }
    pixels = {"train": mini, "sbd": mini + more, "val": seen}
    made = {
        "train": ids["train"],
        "trainaug": sorted(ids["train"] + ids["sbd"]),
        "val": ids["val"],
    }
    if (lists / "val.txt").exists() and all((lists / f"val_{part}.txt").exists() for part in parts if part > 1):
        return
    for kind, names in ids.items():
        masks = "SegmentationClassAug" if kind == "sbd" else "SegmentationClass"
        for number, name in enumerate(tqdm(names, kind, disable=None)):
            write_small(pixels[kind][number % len(pixels[kind])], root, name, masks, side)
    for part in parts:
        for name, names in made.items():
            (lists / f"{named(name, part)}.txt").write_text("".join(f"{one}\n" for one in names[::part]))


def photographs(data: str, name: str, masks: str) -> list[Photograph]:
    """Those of a list of `voc-mini` or `voc-2k`, whose masks are in a folder `masks`."""
    tree = DATA / data / "VOC2012"
    ids = (tree / "ImageSets/Segmentation" / f"{name}.txt").read_text().split()
    return [Photograph(tree, image, masks) for image in ids]


def write_small(photograph: Photograph, root: Path, name: str, masks: str, side: int) -> None:
    """A photograph, its boxes and its mask, smaller and under another id."""
    pixels = read_image(str(photograph.tree / "JPEGImages" / f"{photograph.image}.jpg"))
    mask = read_mask(str(photograph.tree / photograph.masks / f"{photograph.image}.png"))
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    Image.fromarray(small).save(root / "JPEGImages" / f"{name}.jpg", quality=95)
    write_mask(
        root / masks / f"{name}.png", np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    )
    annotation = ET.parse(photograph.tree / "Annotations" / f"{photograph.image}.xml").getroot()
    for tag, length in zip(("width", "height"), size, strict=True):
        element(annotation, f"size/{tag}").text = str(length)
    for box in annotation.iter("bndbox"):
        for axis, length in zip("xy", size, strict=True):
            low, high = element(box, f"{axis}min"), element(box, f"{axis}max")
            first = min(length, max(1, round((float(low.text or "") - 1) * scale) + 1))
            last = min(length, max(first, round(float(high.text or "") * scale)))
            low.text, high.text = str(first), str(last)
    ET.ElementTree(annotation).write(root / "Annotations" / f"{name}.xml")


def element(parent: ET.Element, path: str) -> ET.Element:
    """What an annotation has at a path."""
    found = parent.find(path)
    assert found is not None, path
    return found


def configuration_of(folder: Path, crop: int, parts: Sequence[int]) -> dict[str, Any]:
    """What differs from `config.yaml`: where the data are, the size, the epochs; and the small runs."""
    config = project_config()
    voc, semi = config["datasets"]["voc"], config["experiments"]["voc_semi"]
    less = {
        "epochs": EPOCHS,
        "network": {"name": "deeplab_4x4", "weights": "none"},
        "training": {"crop": crop, "threads": 2},
        "update": {"warmup": 1},
        "objects": {"epochs": OBJECT_EPOCHS},
    }
    datasets, experiments = {}, {}
    for part in parts:
        splits = {
            name: split | {"list": named(split["list"], part)}
            for name, split in voc["splits"].items()
            if name != "test"
        }
        own = {"root": str(folder / "VOCdevkit/VOC2012"), "download": False, "shards": -(-voc["shards"] // part)}
        datasets[named("voc", part)] = (voc | own | {"splits": splits}) if part > 1 else own
        experiments[named("voc_semi", part)] = semi | less | {"dataset": named("voc", part)}
    return {"datasets": datasets, "experiments": experiments}


def rows_of(logs: Path, parts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """A row a rule: jobs, seconds and peak memory of each run, and the full one's share of its forecast."""
    measured = {part: by_rule(logs, part) for part in sorted(parts)}
    for rule in sorted(set().union(*measured.values())):
        row: dict[str, Any] = {"rule": rule}
        for part, own in measured.items():
            jobs = own.get(rule, pd.DataFrame({"s": [], "max_rss": []}))
            row |= {f"jobs_{part}": len(jobs), f"seconds_{part}": jobs["s"].sum(), f"mb_{part}": jobs["max_rss"].max()}
        yield row | forecast(row, sorted(parts))


def forecast(row: Mapping[str, Any], parts: Sequence[int]) -> dict[str, float]:
    """What a line through the seconds of two small runs foretells of the full one, and its share of what that took."""
    if len(parts) != 3 or parts[0] != 1:
        return {}
    full, near, far = (row[f"seconds_{part}"] for part in parts)
    slope = (near - far) / (1 / parts[1] - 1 / parts[2])
    foretold = near + slope * (1 - 1 / parts[1])
    return {"foretold": foretold, "took_by_foretold": full / foretold}


def by_rule(logs: Path, part: int) -> dict[str, pd.DataFrame]:
    """What Snakemake measured of each job of a run, by rule."""
    names = {named("voc", part), named("voc_semi", part)}
    found: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(logs.rglob("*.benchmark.tsv")):
        place = path.relative_to(logs).parts
        if names & {one.removesuffix(".benchmark.tsv") for one in place[1:]}:
            found.setdefault(place[0], []).append(pd.read_csv(path, sep="\t", na_values="-"))
    return {rule: pd.concat(tables) for rule, tables in found.items()}


if __name__ == "__main__":
    main()
