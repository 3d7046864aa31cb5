"""`boxsup proposals evaluate`: measure the candidates of a split against its objects, by the protocol of MCG."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from boxsup.catalogue.tables import Catalogue, ImageRow, check_ids, read_catalogue
from boxsup.commands.outputs import add_output_arguments
from boxsup.commands.split_arguments import add_catalogue_argument
from boxsup.errors import DataError
from boxsup.evaluation.proposals import Matches, concatenate, match_objects, objects_table, summary_table
from boxsup.evaluation.tables import read_table, write_table
from boxsup.machine.bars import tqdm
from boxsup.proposals.pool_store import Pools, store_bytes

EXAMPLE = (
    "boxsup proposals evaluate --catalogue results/data/demo/train --proposals "
    "results/data/demo/train/proposals/mcg/0-of-1.zarr --out evaluation"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_catalogue_argument(parser)
    parser.add_argument("--proposals", type=Path, nargs="+", required=True, help=".zarr folders of all shards")
    parser.add_argument(
        "--timings", type=Path, nargs="*", default=[], help="the tables of `boxsup proposals make --timings`"
    )
    add_output_arguments(parser, "folder of objects.csv and summary.csv", ("objects.csv", "summary.csv"))


def run(*, catalogue: Path, proposals: Sequence[Path], timings: Sequence[Path], out: Path) -> None:
    """Write `objects.csv`, one row per object, and `summary.csv`, one row per budget.

    The columns are those of `boxsup.evaluation.proposals`. The summary also has `images` and `objects` (numbers),
    `seconds` (mean time of the method per image, empty without `--timings`) and `bytes` (mean size on disk per image).
    Images without an object mask are left out.
    """
    pools = Pools(proposals)
    images = _with_objects(read_catalogue(catalogue))
    check_ids([row.image for row in images], pools, "proposals")
    matches, candidates = [], []
    for row, pool_size, matched in _matches(images, pools):
        matches.append((row.image, matched))
        candidates.append(pool_size)
    objects = pd.concat([objects_table(image, matched) for image, matched in matches], ignore_index=True)
    if objects.empty:
        raise DataError(
            f"the object masks of {len(images)} images show no object: there is nothing to evaluate against"
        )
    summary = summary_table(concatenate([matched for _, matched in matches]), candidates)
    summary["images"], summary["objects"] = len(images), len(objects)
    summary["seconds"] = _seconds(timings, [row.image for row in images])
    summary["bytes"] = round(sum(map(store_bytes, proposals)) / len(pools))
    write_table(out / "objects.csv", objects)
    write_table(out / "summary.csv", summary)
    _print(summary)


def _with_objects(catalogue: Catalogue) -> list[ImageRow]:
    images = [row for row in catalogue.rows() if row.objects]
    if not images:
        raise DataError(
            "none of the split's images has an object mask: there is nothing to evaluate against; "
            "boxsup looks for them in SegmentationObject"
        )
    return images


def _matches(images: Sequence[ImageRow], pools: Pools) -> Iterator[tuple[ImageRow, int, Matches]]:
    """For each image its number of candidates and the matches of its objects."""
    for row in tqdm(images, "proposals evaluate", unit="image", disable=None):
        pool = pools[row.image]
        try:
            matches = match_objects(pool, row.object_mask(), row.true_mask() if row.mask else None)
        except ValueError as error:
            raise DataError(f"{row.image}: {error}; were both made from this catalogue?") from error
        yield row, len(pool), matches


def _seconds(timings: Sequence[Path], images: Sequence[str]) -> float:
    """Mean seconds of the method over the images; NaN if the time of one is not known."""
    if not timings:
        return float("nan")
    table = pd.concat([read_table(path, text=["image"]) for path in timings])
    seconds = table.drop_duplicates("image").set_index("image")["seconds"].reindex(pd.Index(images))
    return float(seconds.mean(skipna=False))


def _print(summary: pd.DataFrame) -> None:
    last = summary.iloc[-1]
    j_c = "not measured (no object has a known class)" if pd.isna(last["j_c"]) else f"{last['j_c']:.3f}"
    print(
        f"proposals evaluate: {last['objects']} objects in {last['images']} images, {last['candidates']:.0f} "
        f"candidates per image: J_i {last['j_i']:.3f}, J_c {j_c}, "
        f"recall at IoU 0.5 {last['recall_50']:.3f}, at 0.7 {last['recall_70']:.3f}",
        file=sys.stderr,
    )
