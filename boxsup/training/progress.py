"""How an epoch's progress is shown: a bar on a terminal, lines in a log, and TensorBoard's events."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import TracebackType

import pandas as pd
import torch
from tqdm import tqdm

from boxsup.training.epoch import Step

LINES = 10  # lines of progress in a log


class Progress:
    """A bar with loss and images/s on a terminal, plain lines in a log, and TensorBoard's events if it is installed."""

    def __init__(self, epoch: int, iterations: int, batch: int, tensorboard: Path | None, shown: bool = True) -> None:
        """Follow one epoch.

        Args:
            epoch: Number of the epoch, from 1.
            iterations: Number of batches.
            batch: Images in a batch.
            tensorboard: Folder of the events; None for none.
            shown: Whether this process prints: one of several does.
        """
        self._steps: list[Step] = []
        self._iterations, self._batch, self._shown = iterations, batch, shown
        terminal = None if shown else io.StringIO()
        self._bar = tqdm(total=iterations, desc=f"epoch {epoch}", unit="batch", file=terminal, disable=None)
        self._every = -(-iterations // LINES)
        self._events = _events(tensorboard, (epoch - 1) * iterations) if tensorboard else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._events is not None:
            self._events.close()

    def step(self, step: Step) -> None:
        """Record one iteration and show it."""
        self._steps.append(step)
        done = len(self._steps)
        recent = self._steps[-self._every :]
        text = f"loss {sum(s.loss for s in recent) / len(recent):.3f}, {done * self._batch / step.seconds:.1f} images/s"
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update()
        if self._shown and self._bar.disable and (done % self._every == 0 or done == self._iterations):
            print(f"epoch {step.epoch}: batch {done} of {self._iterations}, {text}", file=sys.stderr, flush=True)
        if self._events is not None:
            self._events.add_scalar("loss", step.loss, step.iteration)
            self._events.add_scalar("rate", step.rate, step.iteration)

    def table(self) -> pd.DataFrame:
        """One row per iteration, without seconds, so that equal runs give equal tables."""
        columns = ["epoch", "iteration", "loss", "rate"]
        return pd.DataFrame([{name: getattr(step, name) for name in columns} for step in self._steps])


def _events(folder: Path, iteration: int) -> torch.utils.tensorboard.SummaryWriter | None:
    """A writer of events that hides those of an earlier run from `iteration` on; None without the package."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=iteration)
