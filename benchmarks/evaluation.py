"""Confusion matrices of label maps at VOC's size against torchmetrics'; the matrices must be equal.

Both count 21 classes in 375×500 pixels with void left out. Prints milliseconds an image of each and their ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torchmetrics.functional.classification import multiclass_confusion_matrix

from boxsup.evaluation.confusion import confusion_matrix

CLASSES, SHAPE = 21, (375, 500)


def label_map(random: np.random.Generator, void: float) -> np.ndarray:
    """Patches of labels, some of void."""
    small = random.integers(0, CLASSES, (15, 20), np.uint8)
    small[random.random(small.shape) < void] = 255
    return small.repeat(25, axis=0).repeat(25, axis=1)


def timed(work: Callable[[], np.ndarray], repeats: int) -> tuple[float, np.ndarray]:
    """The least milliseconds of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return 1000 * min(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    random = np.random.default_rng(0)
    truth, prediction = label_map(random, 0.05), label_map(random, 0.0)
    tensors = torch.from_numpy(prediction).long(), torch.from_numpy(truth).long()

    def theirs() -> np.ndarray:
        return multiclass_confusion_matrix(*tensors, CLASSES, ignore_index=255).numpy()

    ours, matrix = timed(lambda: confusion_matrix(truth, prediction, CLASSES), args.repeats)
    other, expected = timed(theirs, args.repeats)
    assert (matrix[:, :CLASSES] == expected).all()
    print(f"ours {ours:.2f} ms, torchmetrics {other:.2f} ms an image: {other / ours:.1f} times as fast")


if __name__ == "__main__":
    main()
