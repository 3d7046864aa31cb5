"""What each stage took, from the benchmarks that Snakemake writes beside the logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from boxsup.experiments.tree import BENCHMARK


def read_timings(places: Mapping[str, Sequence[str]], epochs: int) -> pd.DataFrame:
    """The benchmarks that are there, a row a job.

    Args:
        places: Stage -> folders of benchmarks, and benchmarks.
        epochs: The last epoch: files named after a later one are of a longer run.

    Returns:
        `stage`; `seconds` of wall-clock time; `memory`, the greatest resident set in MB, and `processor`, seconds of
        it, NaN where a job was too short to be sampled. In the order of `places`.
    """
    rows = [
        {"stage": stage, "seconds": table["s"], "memory": table["max_rss"], "processor": table["cpu_time"]}
        for stage, paths in places.items()
        for path in _files(paths, epochs)
        if (table := _last_row(path)) is not None
    ]
    return pd.DataFrame(rows, columns=["stage", "seconds", "memory", "processor"])


def timing_rows(timings: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a stage, as text, with the `share` of the time of all jobs in per cent; the last row is of all."""
    if timings.empty:
        return []
    total = timings["seconds"].sum()
    rows = [_row(str(stage), jobs, total) for stage, jobs in timings.groupby("stage", sort=False)]
    return [*rows, _row("all", timings, total)]


def duration(seconds: float) -> str:
    """Seconds as people say them: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
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


def _files(paths: Sequence[str], epochs: int) -> Iterator[Path]:
    for path in map(Path, paths):
        for file in sorted(path.glob(f"*{BENCHMARK}")) if path.is_dir() else [path]:
            name = file.name.removesuffix(BENCHMARK)
            if file.exists() and not (re.fullmatch(r"\d{3}", name) and int(name) > epochs):
                yield file


def _last_row(path: Path) -> dict[str, float] | None:
    """A benchmark's row; None where the file is no benchmark: a job that was killed leaves none or a part of one."""
    try:
        table = pd.read_csv(path, sep="\t", na_values=["-", "NA"])
        return {name: float(table[name].iloc[-1]) for name in ("s", "max_rss", "cpu_time")}
    except (OSError, ValueError, KeyError, IndexError):
        return None
