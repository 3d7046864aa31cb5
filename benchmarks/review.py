"""What `boxsup review` says of the masks that nobody looked at, by simulated reviewers; and how fast its page is there.

    python benchmarks/review.py [--folder results/review] [--reviewers 100]

makes the masks of voc-mini's val once, by `boxsup masks` without a model. Each reviewer gets two thirds of the images,
decides on the first 30 (and 60) boxes in the order of the page, and gets an estimate of the share of right masks among
the others: IoU with the true object of 0.7 or more. A careful reviewer draws the true mask. A careless one is mistaken
about the IoU by a deviation of 0.05. With `--page`, the first paint of a page with 5,000 boxes is timed in Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
from common.true_masks import mask_iou, true_object

from boxsup.cli import main as boxsup
from boxsup.image.files import read_mask
from boxsup.masking.made import MADE, read_made
from boxsup.masking.parts import masked_objects
from boxsup.random import generator
from boxsup.review.estimate import LEVEL, RIGHT, estimate
from boxsup.review.order import review_order

PART = 2 / 3  # of the images, for each reviewer
MISTAKEN = 0.05  # deviation of the IoU that a careless reviewer sees


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("results/review"), help="where masks are kept")
    parser.add_argument("--reviewers", type=int, default=100)
    parser.add_argument("--page", action="store_true", help="time the page, too")
    args = parser.parse_args()
    tree = Path(os.environ.get("BOXSUP_DATA", "../shared/data"), "voc-mini/VOC2012")
    if tree.is_dir():
        boxes = judged(tree, args.folder)
        print(
            f"{len(boxes)} boxes of {boxes['image'].nunique()} images; {(boxes['iou'] >= RIGHT).mean():.1%} are right"
        )
        for decisions in (30, 60):
            for name, deviation in (("careful", 0.0), ("careless", MISTAKEN)):
                print_reviews(name, boxes, decisions, args.reviewers, deviation)
    else:
        print(f"review: {tree} is not there")
    if args.page:
        time_page(args.folder)


def judged(tree: Path, folder: Path) -> pd.DataFrame:
    """The masks of val: image, score, and IoU with the true object."""
    out, table = folder / "masks", folder / "judged.csv"
    if table.exists():
        return pd.read_csv(table, dtype={"image": str})
    if not (out / MADE).exists():
        for name, ending in (("JPEGImages", "jpg"), ("Annotations", "xml")):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for image in (tree / "ImageSets/Segmentation/val.txt").read_text().split():
                shutil.copy(tree / name / f"{image}.{ending}", folder / name)
        given = ["--images", f"{folder}/JPEGImages", "--boxes", f"{folder}/Annotations", "--format", "coco"]
        boxsup(["masks", *given, "--out", str(out)])
    rows = []
    for part in read_made(out).read_parts():
        objects = read_mask(str(tree / "SegmentationObject" / f"{part.record.image}.png"))
        for *_, item in masked_objects(part):
            thing = true_object(np.array(item.box), objects)
            if thing is not None:
                rows.append((part.record.image, item.score, mask_iou(item.pixels, thing, objects)))
    boxes = pd.DataFrame(rows, columns=["image", "score", "iou"])
    boxes.to_csv(table, index=False)
    return boxes


def print_reviews(name: str, boxes: pd.DataFrame, decisions: int, reviewers: int, deviation: float) -> None:
    """How often the interval covers the truth, and how wide it is."""
    covered, widths, errors, naive = [], [], [], []
    for reviewer in range(reviewers):
        draws = generator(reviewer, "reviewer")
        images = boxes["image"].unique()
        own = boxes[boxes["image"].isin(draws.choice(images, round(PART * len(images)), replace=False))]
        scores, iou = own["score"].to_numpy(), own["iou"].to_numpy()
        order, _ = review_order(scores.tolist(), reviewer)
        seen, rest = order[:decisions], order[decisions:]
        right = iou + draws.normal(0, deviation, len(iou)) >= RIGHT
        truth = float((iou[rest] >= RIGHT).mean())
        found = estimate(scores[seen].tolist(), right[seen].tolist(), scores[rest].tolist())
        covered.append(found.low <= truth <= found.high)
        widths.append(found.high - found.low)
        errors.append(found.share - truth)
        naive.append(right[seen].mean() - truth)
    print(
        f"{name} reviewers, {decisions} decisions: the {LEVEL:.0%} interval covers the true share {sum(covered)} times "
        f"in {reviewers}; mean width {np.mean(widths):.3f}, mean error {np.mean(errors):+.3f} "
        f"(of the share among those decided on: {np.mean(naive):+.3f}), mean of its size {np.abs(errors).mean():.3f}"
    )


def time_page(folder: Path) -> None:
    """Print when a page with 5,000 boxes has drawn its first box, counted from the call of its address."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from boxsup.review.ahead import Ahead
    from boxsup.review.app import make_server
    from boxsup.review.of_masks import subject_of_masks
    from boxsup.review.session import Session
    from helpers.browser import Browser, find_browser
    from helpers.masks_folder import write_masks_folder

    program = find_browser()
    if program is None:
        print("review: no Chromium to time the page in")
        return
    shutil.rmtree(folder / "page", ignore_errors=True)
    start = time.perf_counter()
    subject = subject_of_masks(write_masks_folder(folder / "page", 50, copies=28, side=64))
    print(f"{len(subject.boxes):,} boxes made and read in {time.perf_counter() - start:.1f} s")
    ahead = Ahead(subject.look, 1)
    server, address = make_server(Session(subject, ahead, 0.9), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = Browser(program, folder / "profile")
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    drawn = "new Promise(end => {const id = setInterval(() => document.body?.dataset.shown && (clearInterval(id), " \
        "end(performance.now())), 5)})"  # fmt: skip
    for attempt in range(3):
        browser.visit(address)
        shown = browser.value(drawn)
        print(f"attempt {attempt + 1}: first paint {browser.value(paint):.0f} ms, the first box {shown:.0f} ms")
    browser.close()
    ahead.close()
    server.shutdown()


if __name__ == "__main__":
    main()
