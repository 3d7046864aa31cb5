"""Time and memory of each stage, from the benchmarks that Snakemake writes beside the logs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.experiments.tree import BENCHMARK


def read_timings(benchmarks: Mapping[str, Sequence[str]], numbers: Mapping[str, Collection[int]]) -> pd.DataFrame:
    """Read the benchmarks that exist, one row per job.

    Args:
        benchmarks: For each stage the files of its benchmarks; `*` in a name stands for any text.
        numbers: For stages whose files are named after epochs or generations, those that count; other files of these
            stages belong to an earlier configuration and are ignored.

    Returns:
        Columns `stage`, `seconds` of wall-clock time, `memory` (the largest resident set in MB) and `processor`
        (seconds of processor time). The last two are NaN if a job was too short to be sampled.
    """
    rows = [
        {"stage": stage, "seconds": table["s"], "memory": table["max_rss"], "processor": table["cpu_time"]}
        for stage, paths in benchmarks.items()
        for path in _files(paths, numbers.get(stage))
        if (table := _last_row(path)) is not None
    ]
    return pd.DataFrame(rows, columns=["stage", "seconds", "memory", "processor"])


def timing_rows(timings: pd.DataFrame) -> list[dict[str, Any]]:
    """One row of texts per stage, with its `share` of the time of all jobs in per cent; the last row sums up all."""
    if timings.empty:
        return []
    total = timings["seconds"].sum()
    rows = [_row(str(stage), jobs, total) for stage, jobs in timings.groupby("stage", sort=False)]
    return [*rows, _row("all", timings, total)]


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [duration(seconds) for seconds in (0.42, 12, 200, 7500)]
    ['0.4 s', '12 s', '3 min 20 s', '2 h 5 min']
    """
    if round(seconds) < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def _row(stage: str, jobs: pd.DataFrame, total: float) -> dict[str, Any]:
    seconds, memory = jobs["seconds"], jobs["memory"].max()
    return {
        "stage": stage,
        "jobs": f"{len(jobs):,}",
        "total": duration(seconds.sum()),
        "mean": duration(seconds.mean()),
        "memory": "–" if pd.isna(memory) else f"{memory:,.0f} MB",
        "share": round(100 * seconds.sum() / max(total, 1e-9), 1),
    }


def _files(paths: Sequence[str], numbers: Collection[int] | None) -> Iterator[Path]:
    for path in map(Path, paths):
        for file in sorted(path.parent.glob(path.name)):
            name = file.name.removesuffix(BENCHMARK)
            if numbers is None or (re.fullmatch(r"\d{3}", name, re.ASCII) and int(name) in numbers):
                yield file


def _last_row(path: Path) -> dict[str, float] | None:
    """The last row of a benchmark; None if the file is not whole, as a killed job may leave it."""
    try:
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        return {name: float(table[name].iloc[-1]) for name in ("s", "max_rss", "cpu_time")}
    except (OSError, ValueError, KeyError, IndexError):
        return None
