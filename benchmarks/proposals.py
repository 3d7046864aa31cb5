"""Quality, time and size of the proposal methods on real photographs, beside OpenCV's Selective Search (boxes only).

    python benchmarks/proposals.py --every 12
    python benchmarks/proposals.py --write        # docs/results/proposals.csv and .png

Photographs and object masks are those of `voc-mini/VOC2012`, a tree in VOC layout, in the folder that BOXSUP_DATA
names; nothing is measured without it. All programs run on one thread, in turn on the same images, so that a busy
machine slows all of them. What is measured, and how: `boxsup.evaluation.proposals`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

from boxsup.evaluation.proposals import Matches, concatenate, match_objects, summary_table
from boxsup.evaluation.tables import write_table
from boxsup.image.boxes import box_iou
from boxsup.image.files import read_image, read_mask
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.proposals.pool_store import pools_writer, store_bytes
from boxsup.proposals.selection import WARM_UP, Proposer
from boxsup.random import generator
from boxsup.report.proposals.curves import write_png
from boxsup.report.proposals.results import published, rows_at

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("BOXSUP_DATA", ROOT.parent / "shared" / "data")) / "voc-mini" / "VOC2012"
RESULTS = ROOT / "docs" / "results"
BUDGETS = ("100", "500", "1000")
COLUMNS = ("method", "images", "candidates", "j_i", "j_c", "recall_50", "recall_70", "recall_85", "seconds", "bytes")
OPENCV = "OpenCV Selective Search, fast"


def main() -> None:
    """Measure, print the tables and, with --write, keep them."""
    proposals = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["proposals"]
    args = _arguments(proposals)
    if not DATA.is_dir():
        print(f"skipped: no photographs at {DATA}; set BOXSUP_DATA to a folder with voc-mini/VOC2012")
        return
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    ids = (DATA / "ImageSets" / "Segmentation" / "val.txt").read_text().split()[:: args.every]
    proposers = {name: make_proposer(build_settings(proposals[name], name)) for name in args.names}
    with tempfile.TemporaryDirectory() as folder:
        measured, boxes, theirs = measure(ids, proposers, Path(folder))
    summaries = {name: summarise(found, len(ids)) for name, found in measured.items()}
    print_methods(summaries, len(boxes), len(ids))
    print_boxes(measured, summaries, boxes, theirs, len(ids))
    if args.write:
        RESULTS.mkdir(parents=True, exist_ok=True)
        write_table(RESULTS / "proposals.csv", pd.concat([kept(*item) for item in summaries.items()]))
        write_png(RESULTS / "proposals.png", summaries, published(), f"{len(ids)} images of VOC val")


@dataclass
class Measured:
    """What one method has done so far: matches and number of candidates of each image, seconds, bytes of the store."""

    matches: list[Matches] = field(default_factory=list)
    candidates: list[int] = field(default_factory=list)
    seconds: float = 0.0
    bytes: int = 0


def measure(
    ids: list[str], proposers: dict[str, Proposer], folder: Path
) -> tuple[dict[str, Measured], NDArray[np.float64], float]:
    """Run every method and OpenCV on every image in turn.

    Returns:
        What each method did; the objects' best box IoU with OpenCV's boxes; OpenCV's seconds.
    """
    measured = {name: Measured() for name in proposers}
    for propose in proposers.values():  # the first calls load compiled code: not counted
        propose(generator(0, "warm").integers(0, 256, (64, 64, 3), np.uint8), WARM_UP)
    best, theirs = [], 0.0
    with ExitStack() as stack:
        writers = {name: stack.enter_context(store(folder / name, ids)) for name in proposers}
        for image_id, image, objects, classes in pictures(ids):
            for name, propose in proposers.items():
                pool, seconds = timed(propose, image, image_id)
                writers[name].append(image_id, pool)
                measured[name].matches.append(match_objects(pool, objects, classes))
                measured[name].candidates.append(len(pool))
                measured[name].seconds += seconds
            boxes, seconds = timed(opencv_selective_search, image)
            theirs += seconds
            own = next(iter(measured.values())).matches[-1].boxes
            best.append(box_iou(own, boxes).max(axis=1, initial=0.0))
    for name, found in measured.items():
        found.bytes = store_bytes(folder / name)
    return measured, np.concatenate(best), theirs


def pictures(ids: list[str]) -> Iterator[tuple[str, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]:
    """Id, photograph, object mask and class mask of each image."""
    for image_id in ids:
        masks = (read_mask(DATA / f"Segmentation{kind}" / f"{image_id}.png") for kind in ("Object", "Class"))
        yield image_id, read_image(DATA / "JPEGImages" / f"{image_id}.jpg"), *masks


def store(path: Path, ids: list[str]) -> Any:  # noqa: ANN401 - a context manager of PoolsWriter
    """A store of pools to write; the images' sizes are taken from their files."""
    sizes = [Image.open(DATA / "JPEGImages" / f"{image_id}.jpg").size[::-1] for image_id in ids]
    return pools_writer(path, ids, np.array(sizes), {})


def timed(work: Callable[..., Any], *arguments: object) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work(*arguments)
    return result, time.perf_counter() - start


def opencv_selective_search(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """N×4 half-open boxes of OpenCV's "fast" mode."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    search.switchToSelectiveSearchFast()
    x, y, width, height = np.asarray(search.process(), np.int64).T
    return np.stack([x, y, x + width, y + height], axis=1)


def summarise(found: Measured, images: int) -> pd.DataFrame:
    """One row a budget, like `summary.csv`, indexed by budget."""
    table = summary_table(concatenate(found.matches), found.candidates).set_index("budget")
    return table.assign(images=images, seconds=found.seconds / images, bytes=round(found.bytes / images))


def kept(name: str, summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of a method in docs/results: at 100, 500 and 1,000 candidates, and at all of them."""
    return rows_at(summary, BUDGETS).assign(method=name)[list(COLUMNS)]


def print_methods(summaries: dict[str, pd.DataFrame], objects: int, images: int) -> None:
    print(f"{objects} objects in {images} images of VOC val, one thread")
    print("| method | candidates | J_i | J_c | recall .5 | .7 | .85 | s/image | KB/image |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, summary in summaries.items():
        for _, row in rows_at(summary, BUDGETS).iterrows():
            values = " | ".join(f"{row[key]:.3f}" for key in COLUMNS[3:8])
            print(f"| {name} | {row['candidates']:.0f} | {values} | {row['seconds']:.3f} | {row['bytes'] / 1e3:.1f} |")


def print_boxes(
    measured: dict[str, Measured],
    summaries: dict[str, pd.DataFrame],
    boxes: NDArray[np.float64],
    theirs: float,
    images: int,
) -> None:
    """Tight boxes of all candidates beside OpenCV's boxes, and the ratio of seconds."""
    print("\n| boxes | recall .5 | .7 | mean best IoU | s/image | seconds / OpenCV's |\n|---|---|---|---|---|---|")
    rows = {name: concatenate(found.matches).box_iou[:, -1] for name, found in measured.items()}
    seconds = {name: summary["seconds"].iloc[-1] for name, summary in summaries.items()} | {OPENCV: theirs / images}
    for name, best in {**rows, OPENCV: boxes}.items():
        recalls = f"{(best > 0.5).mean():.3f} | {(best > 0.7).mean():.3f} | {best.mean():.3f}"
        print(f"| {name} | {recalls} | {seconds[name]:.3f} | {seconds[name] / seconds[OPENCV]:.2f} |")


def _arguments(proposals: dict[str, dict[str, Any]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    own = [name for name, settings in proposals.items() if settings["method"] != "imported"]
    parser.add_argument("names", nargs="*", default=own, help="settings in config.yaml [all but imported]")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only every K-th image")
    parser.add_argument("--write", action="store_true", help="keep table and picture in docs/results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
