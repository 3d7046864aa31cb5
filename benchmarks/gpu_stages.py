"""Seconds of the commands that ask a network, on photographs: an epoch, a generation, predictions with the CRF.

    python benchmarks/gpu_stages.py --network deeplab_4x4 --images 200 --batch 20 --gpus 1

`benchmarks/gpu.sh` calls it and watches the GPU meanwhile. Each command is a process of its own, as in the workflow, so
that its seconds hold starting, reading the checkpoint and writing. Photographs are those of `voc-mini/VOC2012` in the
folder that BOXSUP_DATA names; nothing is measured without them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from common.stages import catalogue_of, stages_of
from scaling import DATA, ROOT

WITH_WORKERS = ("labels by the network", "label-quality", "epoch", "predictions", "evaluation")
ASKED = ("epoch", "labels by the network", "predictions")
LEFT_OUT = ("objects", "fixed-masks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="mobilenet_v2")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--crop", type=int, default=321)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpus", type=int, default=1)
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    training = config["defaults"]["training"] | {"batch": args.batch, "crop": args.crop, "threads": 1}
    stages = stages_of(
        proposals=config["proposals"]["selective_search"],  # faster to make: here they are no result
        network={"name": args.network, "weights": "none", "sha256": ""},
        training=training | {"gpus": args.gpus},
        defaults=config["defaults"],
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tree/ImageSets/Segmentation").mkdir(parents=True)
        for kind in ("JPEGImages", "Annotations", "SegmentationClass"):
            (folder / "tree" / kind).symlink_to((DATA / kind).resolve())
        ids = (DATA / "ImageSets/Segmentation/train.txt").read_text().split()[: args.images]
        (folder / "tree/ImageSets/Segmentation/part.txt").write_text("\n".join(ids) + "\n")
        split = {"list": "part", "masks": "SegmentationClass", "links": True}
        listed = ("catalogue", catalogue_of("tree", split, config["datasets"]["voc"]["classes"]))
        for stage, arguments in [listed, *stages]:
            if stage not in LEFT_OUT:
                workers = ["--workers", str(args.workers)] if stage in WITH_WORKERS else []
                start = time.perf_counter()
                command = [sys.executable, "-m", "boxsup", *arguments, *workers]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(f"{stage}: {done.stderr}")
                seconds = time.perf_counter() - start
                if stage in ASKED:
                    print(
                        f"{args.network}, {args.gpus} GPU: {stage}: {seconds:.1f} s, {len(ids) / seconds:.1f} images/s"
                    )


if __name__ == "__main__":
    main()
