"""What share of the time that prediction takes the network is at work: it should wait for no file.

Runs `boxsup validate` and `boxsup predictions` on images of a trained network (by default the README's, `make
experiments`), and prints how much of the time the network is at work, from its first image, or from the CRF's first
label map, before which its processes start, to the end of the command. Where the processes of the CRF are slower than
the network, it must wait for them, as what waits for the CRF fills memory; that is told apart from the rest: reading,
sorting out labels, handing over and storing, as far as they keep the network waiting. All cores are shared: on a CPU
the network's own time grows with what else they do.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import yaml

ROOT = Path(__file__).parents[1]
Spans = list[tuple[float, float]]
NETWORK: Spans = []  # when it was at work
WAITS: Spans = []  # when a label map of the CRF was waited for


class WatchedProcesses(ProcessPoolExecutor):
    """Notes when a result is waited for."""

    def submit(self, *arguments: Any, **keywords: Any) -> Future[Any]:  # noqa: ANN401, D102
        future = super().submit(*arguments, **keywords)
        future.result = noted(future.result, WAITS)  # type: ignore[method-assign]
        return future


def main() -> None:
    # Not above: the CRF's processes import this module too, and torch would be most of their start.
    from boxsup.catalogue.tables import read_catalogue, write_catalogue
    from boxsup.inference.scores import Predictor
    from boxsup.machine import workers

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, default=ROOT / "results/data/voc240/val", help="folder of tables")
    model = ROOT / "results/voc240_box_greedy/seed-0/epochs/012/model.pt"
    parser.add_argument("--model", type=Path, default=model, help="checkpoint")
    parser.add_argument("--images", type=int, default=60, help="spread over the split")
    parser.add_argument("--threads", type=int, default=2, help="of the network on the CPU")
    parser.add_argument("--workers", type=int, default=2, help="processes of the CRF")
    args = parser.parse_args()
    if not args.model.is_file():
        print(f"prediction: {args.model} is not there: `make experiments` trains it, or name another with --model")
        return
    Predictor.log_probabilities = noted(Predictor.log_probabilities, NETWORK)  # type: ignore[method-assign]
    workers.ProcessPoolExecutor = WatchedProcesses  # type: ignore[misc]
    crf = yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]["inference"]["crf"]
    whole = read_catalogue(args.catalogue)
    chosen = np.unique(np.linspace(0, len(whole.ids) - 1, args.images).astype(int))
    print(f"{len(chosen)} images, {args.threads} threads, {args.workers} processes, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        write_catalogue(folder, whole.subset([whole.ids[i] for i in chosen]))
        common, threads = ["--catalogue", folder, "--model", str(args.model)], {"threads": args.threads}
        tell("validate", *common, "--inference", json.dumps(threads), "--out", f"{folder}/val.csv")
        options = ["--inference", json.dumps({**threads, "crf": crf}), "--workers", str(args.workers)]
        tell("predictions", *common, *options, "--out", f"{folder}/predictions.zarr")


def tell(*command: str) -> None:
    """Run one command and print the shares of its time."""
    from boxsup.cli import main as boxsup

    NETWORK.clear()
    WAITS.clear()
    boxsup(command)
    end = perf_counter()
    start = WAITS[0][1] if WAITS else NETWORK[0][0]
    network, either = covered(NETWORK, start), covered([*NETWORK, *WAITS], start)
    shares = [100 * part / (end - start) for part in (network, either - network, end - start - either)]
    print(f"{command[0]:11} {1000 * (end - start) / len(NETWORK):.0f} ms an image: network {shares[0]:.1f} %, waiting "
          f"for the CRF {shares[1]:.1f} %, for anything else {shares[2]:.1f} %; network's share of what is not the "
          f"CRF's: {100 * shares[0] / (100 - shares[1]):.1f} %")  # fmt: skip


def covered(spans: Spans, start: float) -> float:
    """Seconds from `start` on that lie in one of the spans at least."""
    total, reached = 0.0, start
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    return total


def noted(function: Callable[..., Any], spans: Spans) -> Callable[..., Any]:
    """The same function, which also notes when it was at work."""

    def call(*arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        start = perf_counter()
        try:
            return function(*arguments, **keywords)
        finally:
            spans.append((start, perf_counter()))

    return call


if __name__ == "__main__":
    main()
