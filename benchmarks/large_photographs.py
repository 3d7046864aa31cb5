"""Photographs of 12 megapixels, and 5,000 boxes in one of 4: time, memory and quality of candidates and masks.

    BOXSUP_DATA=DATA python benchmarks/large_photographs.py [--only candidates masks boxes]

Photographs of voc-mini's val are enlarged to 12 megapixels. `candidates`: what mcg takes on them, how many candidates
it finds, and their J_i, beside the photographs as they are and beside a plain enlargement of their superpixels.
`masks`: what `boxsup masks` takes on 20 of them with at most 5 boxes each, two workers. `boxes`: the same for 5,000
boxes of one generated picture. Memory is the sum over all processes of what is theirs (PSS), sampled every second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from boxsup.config.files import project_config
from boxsup.image.boxes import tight_box
from boxsup.image.files import read_image, read_mask
from boxsup.image.scaling import reduced, sampled
from boxsup.proposals.methods import build_settings, make_proposer
from boxsup.proposals.pool import Pool

DATA = Path(os.environ.get("BOXSUP_DATA", "../shared/data")) / "voc-mini/VOC2012"
MEGAPIXELS, SIDE, BOXES, VOID = 12, 2000, 5000, 255


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    measures = {"candidates": candidates, "masks": masks, "boxes": many_boxes}
    parser.add_argument("--only", nargs="+", choices=list(measures), default=list(measures))
    args = parser.parse_args()
    for name in args.only:
        if name != "boxes" and not DATA.is_dir():
            print(f"{name}: skipped, since {DATA} is not there; set BOXSUP_DATA")
        else:
            measures[name]()


def photographs(count: int) -> list[str]:
    """The ids of photographs of val, evenly spaced."""
    ids = (DATA / "ImageSets/Segmentation/val.txt").read_text().split()
    return ids[:: max(1, len(ids) // count)][:count]


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photograph of 12 megapixels."""
    factor = (MEGAPIXELS * 1e6 / image[..., 0].size) ** 0.5
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def candidates() -> None:
    """Candidates of 8 photographs, as they are and large, each kind in a process of its own."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        own, large = (pool.apply(proposed, (is_large,)) for is_large in (False, True))
    for name, (seconds, count, megabytes, quality) in (("as they are", own), (f"{MEGAPIXELS} megapixels", large)):
        row = f"{seconds:.2f} s, {count:.0f} candidates, {megabytes:,.0f} MB more than the imports"
        print(f"mcg, {name}: {row}, J_i {quality[0]:.4f}, of superpixels enlarged plainly {quality[1]:.4f}")
    print(f"ratio of time: {large[0] / own[0]:.2f}; difference of J_i: {large[3][0] - own[3][0]:+.4f}")


def proposed(large: bool) -> tuple[float, float, float, tuple[float, float]]:
    """Seconds of a core and candidates per image, MB of memory, and J_i, sharp and plain."""
    cv2.setNumThreads(1)
    propose = make_proposer(build_settings(project_config()["proposals"]["mcg"], "mcg"))
    first = read_image(DATA / f"JPEGImages/{photographs(1)[0]}.jpg")
    propose(reduced(first, 16, 16), "")  # loads everything
    before, seconds, counts, best = resident(), 0.0, [], []
    for image_id in photographs(8):
        small = read_image(DATA / f"JPEGImages/{image_id}.jpg")
        image = enlarged(small) if large else small
        start = time.process_time()
        pool = propose(image, image_id)
        seconds += time.process_time() - start
        counts.append(len(pool))
        objects = sampled(read_mask(DATA / f"SegmentationObject/{image_id}.png"), pool.superpixels.shape)
        plain = sampled(sampled(pool.superpixels, small.shape[:2]), pool.superpixels.shape) if large else None
        best += best_overlaps(pool, objects, plain)
    mean = np.mean(best, axis=0)
    return seconds / len(counts), float(np.mean(counts)), resident() - before, (float(mean[0]), float(mean[1]))


def best_overlaps(
    pool: Pool, objects: NDArray[np.uint8], plain: NDArray[np.uint16] | None
) -> list[tuple[float, float]]:
    """The IoU of each object with its best candidate: by the pool's superpixels, and by others with their numbers."""
    members, found = pool.matrix().astype(np.float32), []
    for number in set(np.unique(objects)) - {0, VOID}:
        pair = []
        for superpixels in (pool.superpixels, pool.superpixels if plain is None else plain):
            counts = [
                np.bincount(superpixels[of], minlength=pool.regions) for of in (objects == number, objects < VOID)
            ]
            common, area = (members @ count for count in counts)
            pair.append(float((common / (area + counts[0].sum() - common)).max()))
        found.append((pair[0], pair[1]))
    return found


def resident() -> float:
    """The greatest memory of this process so far, MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def masks() -> None:
    """`boxsup masks` on 20 photographs of 12 megapixels."""
    with tempfile.TemporaryDirectory() as folder:
        count, boxes = write_photographs(Path(folder), 20)
        report(Path(folder), f"masks of {boxes} boxes in {count} photographs of {MEGAPIXELS} megapixels", count)


def many_boxes() -> None:
    """`boxsup masks` on one picture of 4 megapixels with 5,000 boxes."""
    with tempfile.TemporaryDirectory() as folder:
        write_picture(Path(folder))
        title = f"masks of {BOXES:,} boxes in a picture of {SIDE}×{SIDE}"
        report(Path(folder), title, 1, "--format", "coco")  # VOC's numbers of objects end at 254


def report(folder: Path, title: str, images: int, *more: str) -> None:
    """Run `boxsup masks` and print what it took."""
    words = ["masks", "--images", "images", "--boxes", "boxes.json", "--out", "out", "--workers", "2", *more]
    start, most = time.perf_counter(), 0.0
    with subprocess.Popen(
        [sys.executable, "-m", "boxsup", *words], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as run:
        while run.poll() is None:
            most = max(most, sum(map(proportional, processes(run.pid))))
            time.sleep(1.0)
        messages = run.stderr.read() if run.stderr else ""
    if run.returncode:
        sys.exit(messages)
    seconds = time.perf_counter() - start
    print(f"{title}: {seconds:.0f} s, {seconds / images:.2f} s an image, {most:,.0f} MB in all processes")


def processes(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    for child in children:
        yield from processes(int(child))


def proportional(pid: int) -> float:
    """The memory of a process, MB; what it shares with others counts in part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def write_photographs(folder: Path, count: int) -> tuple[int, int]:
    """Write large photographs and the boxes of their objects as COCO has them; the numbers of both."""
    (folder / "images").mkdir()
    images, annotations = [], []
    for image_id in photographs(count):
        image = enlarged(read_image(DATA / f"JPEGImages/{image_id}.jpg"))
        Image.fromarray(image).save(folder / f"images/{image_id}.jpg", quality=92)
        objects = sampled(read_mask(DATA / f"SegmentationObject/{image_id}.png"), image.shape[:2])
        images.append((image_id, *image.shape[:2]))
        numbers = sorted(set(np.unique(objects)) - {0, VOID})[:5]
        annotations += [(len(images), tight_box(objects == number)) for number in numbers]
    write_boxes(folder, images, annotations)
    return len(images), len(annotations)


def write_picture(folder: Path) -> None:
    """Write a picture of coloured rectangles, and their boxes."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 60, (SIDE, SIDE, 3), np.uint8)
    annotations = []
    for _ in range(BOXES):
        (x, y), (width, height) = random.integers(0, SIDE - 60, 2), random.integers(8, 60, 2)
        pixels[y : y + height, x : x + width] = random.integers(60, 255, 3)
        annotations.append((1, (int(x), int(y), int(x + width), int(y + height))))
    (folder / "images").mkdir()
    Image.fromarray(pixels).save(folder / "images/one.jpg")
    write_boxes(folder, [("one", SIDE, SIDE)], annotations)


def write_boxes(
    folder: Path, images: list[tuple[str, int, int]], boxes: list[tuple[int, tuple[int, ...] | None]]
) -> None:
    """Write COCO's JSON of one category."""
    records = [
        {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for number, (image, (x0, y0, x1, y1)) in enumerate(((image, box) for image, box in boxes if box), start=1)
    ]
    files = [
        {"id": number, "file_name": f"{name}.jpg", "height": height, "width": width}
        for number, (name, height, width) in enumerate(images, start=1)
    ]
    content = {"images": files, "annotations": records, "categories": [{"id": 1, "name": "thing"}]}
    (folder / "boxes.json").write_text(json.dumps(content))


if __name__ == "__main__":
    main()
