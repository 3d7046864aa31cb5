"""The dense CRF over real photographs against pydensecrf called the plain way: all classes, one process.

Scores come from a trained network (by default the README's, `make experiments`), worked out before the clock starts.
Ours is what `boxsup predictions` does: only the labels that matter in an image enter, in worker processes, whose start
counts too. Prints seconds an image of both, and of ours in this process alone; the ratios on the wall and of the
processor; and the mean IoU against the true masks. On a busy machine, whose cores are not all ours, the processor's
time is what to look at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from pydensecrf import densecrf
from pydensecrf.utils import unary_from_softmax

from boxsup.config.build import build
from boxsup.config.inference import CrfSettings
from boxsup.inference.crf import refine_labels, relevant_labels
from boxsup.machine.workers import map_in_processes

ROOT = Path(__file__).parents[1]


def plain(image: NDArray[np.uint8], scores: NDArray[np.float32], settings: CrfSettings) -> NDArray[np.uint8]:
    """As pydensecrf's own example does it."""
    classes, height, width = scores.shape
    crf = densecrf.DenseCRF2D(width, height, classes)
    crf.setUnaryEnergy(unary_from_softmax(np.exp(scores)))
    crf.addPairwiseGaussian(sxy=settings.spatial_xy, compat=settings.spatial_weight)
    crf.addPairwiseBilateral(
        sxy=settings.bilateral_xy,
        srgb=settings.bilateral_rgb,
        rgbim=np.ascontiguousarray(image).copy(),
        compat=settings.bilateral_weight,
    )
    marginals = np.array(crf.inference(settings.iterations))
    return marginals.argmax(axis=0).reshape(height, width).astype(np.uint8)


def main() -> None:
    # Not above: workers import this module too, and torch would be most of their start.
    from boxsup.catalogue.tables import read_catalogue
    from boxsup.evaluation.confusion import confusion_matrix, mean_iou
    from boxsup.image.files import read_image, read_mask
    from boxsup.inference.scores import Predictor

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, default=ROOT / "results/data/voc240/val", help="folder of tables")
    model = ROOT / "results/voc240_box_greedy/seed-0/epochs/012/model.pt"
    parser.add_argument("--model", type=Path, default=model, help="checkpoint")
    parser.add_argument("--images", type=int, default=60, help="spread over the split; their scores stay in memory")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if not args.model.is_file():
        print(f"crf: {args.model} is not there: `make experiments` trains it, or name another with --model")
        return
    settings = build(
        CrfSettings, yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]["inference"]["crf"], ""
    )
    catalogue, predictor = read_catalogue(args.catalogue), Predictor(args.model, args.workers)
    rows = [list(catalogue.rows())[i] for i in np.linspace(0, len(catalogue.ids) - 1, args.images).astype(int)]
    scored = [
        (pixels, predictor.log_probabilities(pixels).cpu().numpy()) for pixels in (read_image(r.path) for r in rows)
    ]
    kept = [relevant_labels(scores, settings) for _, scores in scored]

    calls = [(pixels, scores[which], which, settings) for (pixels, scores), which in zip(scored, kept, strict=True)]
    truths, classes = [read_mask(row.mask) for row in rows], len(catalogue.classes)
    seconds, processor = {}, {}
    works: dict[str, Callable[[], Iterable[NDArray[np.uint8]]]] = {
        "plain": lambda: (plain(*pair, settings) for pair in scored),
        "ours": lambda: map_in_processes(refine_labels, calls, args.workers),
        "alone": lambda: (refine_labels(*call) for call in calls),  # ours in this process, whose time can be told
    }
    for name, work in works.items():
        start, busy = time.perf_counter(), time.process_time()
        maps = list(work())
        seconds[name] = (time.perf_counter() - start) / len(rows)
        processor[name] = (time.process_time() - busy) / len(rows)
        confusion = sum(confusion_matrix(truth, labels, classes) for truth, labels in zip(truths, maps, strict=True))
        print(f"{name:6} {seconds[name]:.3f} s an image, mean IoU {100 * mean_iou(confusion):.2f} %")
    labels = np.mean([len(which) for which in kept])
    ratios = seconds["plain"] / seconds["ours"], processor["plain"] / processor["alone"]
    print(f"{ratios[0]:.1f} times the throughput, {ratios[1]:.1f} times that of a processor: {labels:.1f} of {classes} "
          f"labels an image, {args.workers} processes, {len(rows)} images")  # fmt: skip


if __name__ == "__main__":
    main()
