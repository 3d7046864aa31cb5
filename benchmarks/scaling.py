"""What a run costs as the number of images grows, stage by stage, and what COCO's 123,287 images would cost.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --write        # docs/results/scaling.csv, scaling_run.csv and scaling.png
    python benchmarks/scaling.py --again        # what follows from the measurements in docs/results/scaling.csv
    python benchmarks/scaling.py --again --images 10582 --predicted 1449        # VOC 2012 with SBD's masks

Every stage of an experiment runs as a command on the first 60, 120 and 240 photographs of `voc-mini/VOC2012`'s
`train.txt`, in the folder that BOXSUP_DATA names; nothing is measured without it. Seconds are those of processors, so
that a busy machine changes them less; the network is MobileNetV2 at 321 px, on the CPU. A straight line through the
three sizes gives what a stage costs by itself and what an image adds; the largest distance from it is printed, since a
stage that is not linear would show there. The cost of a run of 45 epochs is that line at 123,287 images, 5,000 of them
predicted: an extrapolation, not a measurement.

With a GPU the network's time is left out, for none was at hand: an epoch costs what reading and augmenting its images
do, a generation what it does without a network: its boxes choose in as many processes as there are cores, or as fast as
one process hands images over to them, if that takes longer. Those hours are what a run takes at least.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from common.stages import catalogue_of, stages_of
from matplotlib import pyplot as plt
from numpy.typing import NDArray

from boxsup.config.params import epoch_settings

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data")) / "voc-mini" / "VOC2012"
RESULTS = ROOT / "docs" / "results"
COCO, PREDICTED, EPOCHS = 123_287, 5_000, 45
SHARDS = 64
WARMUP = 2  # generations of a run that ask no network
# How often a run does what is measured here once.
TIMES = {
    "labels by overlap": WARMUP,
    "labels by the network": EPOCHS - WARMUP,
    "label-quality": EPOCHS,
    "epoch": EPOCHS,
    "objects": 2,  # a network a fold
}
EVALUATED = ("predictions", "evaluation")
SHARDED = ("proposals", "overlaps", "fixed-masks")  # jobs that run side by side
CORES = 8  # of the machine with a GPU
READING = "images of an epoch"  # what an epoch does but for the network
# Stages whose workers use all of them.
ON_CORES = ("predictions", "evaluation", "label-quality", "labels by overlap", READING)
# What one process does for each image beside its workers, s: benchmarks/parallel_labels.py, handing over.
IN_ONE = {"labels by overlap": 0.0017}
WITHOUT_NETWORK = {"epoch": READING, "objects": READING, "labels by the network": "labels by overlap"}
READ = """
import json, sys
from pathlib import Path
from boxsup.catalogue.tables import read_catalogue
from boxsup.config.build import parse
from boxsup.config.training import TrainingSettings
from boxsup.training.data import EpochData, batches
settings = parse(TrainingSettings, sys.argv[1], "training")
for _ in batches(EpochData(read_catalogue(Path("train")), Path("1.zarr"), settings, 0, 1), settings, 0, 1, 0):
    pass
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[60, 120, 240], help="numbers of images, three or more")
    parser.add_argument("--write", action="store_true", help="keep the tables and the figure")
    parser.add_argument("--again", action="store_true", help="measure nothing, read docs/results/scaling.csv")
    parser.add_argument("--images", type=int, default=COCO, help="images of the run that is foretold [%(default)s]")
    parser.add_argument("--predicted", type=int, default=PREDICTED, help="images that it predicts [%(default)s]")
    args = parser.parse_args()
    if not (args.again or DATA.is_dir()):
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    if args.again:
        table = pd.read_csv(RESULTS / "scaling.csv")
    else:
        table = pd.concat([measure(size) for size in args.sizes], ignore_index=True)
    run = run_of(table, args.images, args.predicted)
    print(table.to_string(index=False, float_format="%.2f"))
    print(run.to_string(index=False, float_format="%.3f"))
    total = run.sum(numeric_only=True)
    print(f"{args.images:,} images, {EPOCHS} epochs: {total['hours_1_core']:,.0f} hours of one core; at least "
          f"{total['hours_gpu']:,.1f} with {CORES} cores and a GPU, {total['hours_cluster']:,.1f} with {SHARDS} shards "
          f"too; {total['gigabytes']:,.0f} GB, {total['files']:,.0f} files")  # fmt: skip
    if args.write:
        table.round(3).to_csv(RESULTS / "scaling.csv", index=False, lineterminator="\n")
        run.round(4).to_csv(RESULTS / "scaling_run.csv", index=False, lineterminator="\n")
        plot(table, RESULTS / "scaling.png")


def measure(size: int) -> pd.DataFrame:
    """A row a stage: `images`, `seconds` of processors, `peak_mb`, and what it wrote: `megabytes`, `files`."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    defaults, classes = config["defaults"], config["datasets"]["voc"]["classes"]
    split = {"list": "part", "masks": "SegmentationClass", "links": True}
    training = defaults["training"] | {"batch": 8, "crop": 321, "threads": 1}
    stages = stages_of(
        proposals=config["proposals"]["mcg"],
        network={"name": "mobilenet_v2", "weights": "none", "sha256": ""},
        training=training,
        defaults=defaults,
    )
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tree/ImageSets/Segmentation").mkdir(parents=True)
        for kind in ("JPEGImages", "Annotations", "SegmentationClass"):
            (folder / "tree" / kind).symlink_to((DATA / kind).resolve())
        ids = (DATA / "ImageSets/Segmentation/train.txt").read_text().split()[:size]
        (folder / "tree/ImageSets/Segmentation/part.txt").write_text("\n".join(ids) + "\n")
        before = written(folder)
        for stage, arguments in [("catalogue", catalogue_of("tree", split, classes)), *stages]:
            seconds, peak = cost(folder, ["-m", "boxsup", *arguments])
            after = written(folder)
            row = {"stage": stage, "images": len(ids), "seconds": seconds, "peak_mb": peak}
            rows.append(row | {"megabytes": (after[0] - before[0]) / 1e6, "files": after[1] - before[1]})
            before = after
        seconds, peak = cost(folder, ["-c", READ, json.dumps(epoch_settings(training))])
        rows.append(
            {"stage": READING, "images": len(ids), "seconds": seconds, "peak_mb": peak, "megabytes": 0, "files": 0}
        )
    return pd.DataFrame(rows)


def cost(folder: Path, arguments: list[str]) -> tuple[float, float]:
    """Seconds of processors and the peak resident set in MB of one stage and its workers."""
    with subprocess.Popen([sys.executable, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        errors = process.stderr.read() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(errors)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024 * 1.048576


def written(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files in a folder, links not followed."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files), len(files)


def run_of(table: pd.DataFrame, images: int, predicted: int) -> pd.DataFrame:
    """A row a stage: its line (`seconds` of its own, `seconds_an_image`) and how far from it the measurements are.

    What a run of `images`, of which `predicted` are evaluated, is by the line, of all the times that the stage runs:
    `hours_1_core`; `hours_gpu` and `hours_cluster`, without the network's; `gigabytes`, `files`.
    """
    lines = {stage: line(own, "seconds") for stage, own in table.groupby("stage")}
    rows = []
    for stage, own in table[table["stage"] != READING].groupby("stage", sort=False):
        slope, start = lines[stage]
        distance = np.abs(own["seconds"] - (start + slope * own["images"])).max() / own["seconds"].max()
        size, times = (predicted if stage in EVALUATED else images), TIMES.get(str(stage), 1)
        jobs = SHARDS if stage in SHARDED else times
        alone = WITHOUT_NETWORK.get(str(stage), stage)
        starts, hours = jobs * max(start, 0) / 3600, times * size / 3600
        fed = lines[alone][0] * hours
        in_turn = starts + max(fed / shared(alone), IN_ONE.get(alone, 0) * hours)
        last = own.iloc[-1]
        rows.append(
            {
                "stage": stage,
                "seconds": start,
                "seconds_an_image": slope,
                "off_the_line": distance,
                "hours_1_core": starts + slope * hours,
                "hours_gpu": (starts + fed) / CORES if stage in SHARDED else in_turn,
                "hours_cluster": (starts + fed) / SHARDS if stage in SHARDED else in_turn,
                "gigabytes": max(0, np.polyval(line(own, "megabytes"), size)) * times / 1e3,
                "files": jobs * last["files"],
            }
        )
    return pd.DataFrame(rows)


def line(own: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Slope and start of a stage's `column` by the number of images."""
    return np.polyfit(own["images"], own[column], 1)


def shared(stage: str) -> int:
    """Among how many cores of the machine with a GPU a stage's work is shared."""
    return CORES if stage in ON_CORES else 1


def plot(table: pd.DataFrame, out: Path) -> None:
    """Seconds of processors, with the lines, and peak memory, by the number of images."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for number, (stage, own) in enumerate(table.groupby("stage", sort=False)):
        colour = plt.get_cmap("tab20")(number)
        ends = np.array([0, own["images"].max()])
        left.plot(own["images"], own["seconds"], "o", color=colour, markersize=4, label=stage)
        left.plot(ends, np.polyval(line(own, "seconds"), ends), color=colour, linewidth=0.8)
        right.plot(own["images"], own["peak_mb"], "o-", color=colour, markersize=4, linewidth=0.8)
    left.set(xlabel="images", ylabel="seconds of processors", ylim=(0, None), xlim=(0, None))
    right.set(xlabel="images", ylabel="peak memory, MB", ylim=(0, None), xlim=(0, None))
    left.legend(fontsize=7)
    figure.savefig(out, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
