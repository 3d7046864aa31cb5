"""What the tables of a split and the indices of its stores take of each job, in MB and seconds, as images grow.

    python benchmarks/million.py --images 100000
    python benchmarks/million.py --images 1000000 --jobs shard inventory

No pictures: N rows of images of 1×1 px with three boxes each, and real stores of candidates, overlaps and label maps in
64 shards. Each job does what its command does with tables and indices before and beside its pictures, in a process of
its own. Megabytes are its peak beyond that of the same job on 1,000 images; seconds are those of processors. `plan` is
Snakemake's dry run of 64 shards and 45 epochs over 2 N files (links to a few) when nothing changed; its megabytes are
the whole peak.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SHARDS, EPOCHS, BOXES = 64, 45, 3
FEW = 1_000  # images of the job that is subtracted
CLASSES = ("background", "cat", "dog")
LINKS = 50_000  # to one file; a file system allows some 65,000


def image_of(number: int) -> str:
    """The id of an image, as long as one of COCO."""
    return f"{number:012d}"


# --- making a split ---------------------------------------------------------------------------------------------------


def write_tables(folder: Path, images: int) -> None:
    """The tables of a split, as `boxsup catalogue` makes them of checked images."""
    from boxsup.catalogue.check import to_catalogue
    from boxsup.catalogue.records import Box, Record
    from boxsup.catalogue.tables import write_catalogue

    def records() -> Iterator[Record]:
        boxes = [Box(1 + index % 2, 0, 0, 1, 1) for index in range(BOXES)]
        for number in range(images):
            name = image_of(number)
            yield Record(
                name, f"/data/set/images/train/{name}.jpg", 1, 1, f"/data/set/masks/train/{name}.png", "", boxes
            )

    write_catalogue(folder, to_catalogue(records(), CLASSES))


def write_stores(folder: Path, images: int) -> None:
    """Shards of candidates and overlaps, and a generation of label maps."""
    from boxsup.catalogue.tables import shard_bounds
    from boxsup.labels.overlaps import overlaps_writer
    from boxsup.proposals.pool import Pool
    from boxsup.proposals.pool_store import pools_writer
    from boxsup.store.labels import labels_writer

    pool = Pool(np.zeros((1, 1), np.uint16), np.full((1, 1), 128, np.uint8), np.ones(1, np.float32))
    for index in range(SHARDS):
        ids = list(map(image_of, range(*shard_bounds(images, index, SHARDS))))
        with pools_writer(folder / f"pools/{index}.zarr", ids, np.ones((len(ids), 2)), {}) as pools:
            for image in ids:
                pools.append(image, pool)
        with overlaps_writer(folder / f"overlaps/{index}.zarr", ids, {}) as overlaps:
            for _ in ids:
                overlaps.append(np.ones((BOXES, 1), np.float32))
    ids, one = list(map(image_of, range(images))), np.ones((1, 1), np.uint8)
    with labels_writer(folder / "labels.zarr", ids, np.ones((images, 2), np.int64), {"generation": 1}) as labels:
        for image in ids:
            labels.append(image, labels=one)
        labels.table("chosen", np.zeros(images * BOXES, np.int32))
        labels.table("true_mask", np.zeros(images, np.uint8))


def write_files(folder: Path, images: int) -> None:
    """Two files an image in folders, and the inventory of them."""
    from boxsup.catalogue.changes import FIRST, SplitFiles
    from boxsup.catalogue.inventory import write_inventory

    for kind, ending in (("images", "jpg"), ("annotations", "xml")):
        (folder / "data" / kind).mkdir(parents=True)
        source = ""
        for number in range(images):
            path = f"{folder}/data/{kind}/{image_of(number)}.{ending}"
            if number % LINKS:
                os.link(source, path)
            else:
                source = path
                Path(source).write_text(kind)
    split = SplitFiles(folder, "voc_xml", folder / "data", CLASSES, json.dumps(split_of("images")), "stop")
    write_inventory(folder, split.take_inventory(FIRST, None))


def split_of(images: str) -> dict[str, str]:
    """The settings of a split."""
    return {"images": images, "annotations": "annotations", "masks": "none"}


# --- what jobs do with tables and indices -----------------------------------------------------------------------------


def arguments(folder: Path) -> None:
    """Every command looks for outputs that are inputs."""
    from boxsup.commands.outputs import inputs_of

    assert list(inputs_of(argparse.Namespace(written=(), catalogue=folder)))


def shard(folder: Path) -> None:
    """A shard of candidates or overlaps takes its rows."""
    from boxsup.catalogue.split_tables import SplitTables

    rows = SplitTables(folder).shard(SHARDS // 2, SHARDS)
    assert sum(len(rows.boxes_of(image)) for image in rows.ids) == BOXES * len(rows.ids)


def inventory(folder: Path) -> None:
    """A shard records the files that it was made from."""
    from boxsup.catalogue.inventory import read_inventory
    from boxsup.catalogue.split_tables import SplitTables

    ids = SplitTables(folder).shard(SHARDS // 2, SHARDS).ids
    found = read_inventory(folder, ids)
    assert found
    assert found.image_hash(ids)


def labels(folder: Path) -> None:
    """A generation opens its stores, and follows the rows of images and boxes."""
    from boxsup.catalogue.split_tables import SplitTables
    from boxsup.catalogue.tables import boxes_digest, check_ids
    from boxsup.labels.overlaps import Overlaps
    from boxsup.proposals.pool_store import Pools

    split = SplitTables(folder)
    assert len(split.sizes) == len(split)
    pools, overlaps = (
        store([folder / f"{name}/{index}.zarr" for index in range(SHARDS)], 8)
        for name, store in (("pools", Pools), ("overlaps", Overlaps))
    )
    for store in (pools, overlaps):
        check_ids(split.ids, store, "stores")
    boxes_digest(split)
    assert sum(len(part.boxes_of(row.image)) for part in split.parts() for row in part.rows()) == split.box_count
    assert len(pools[split.ids[-1]]) == len(overlaps[split.ids[0]][0]) == 1


def quality(folder: Path) -> None:
    """What `boxsup label-quality` compares."""
    from boxsup.catalogue.split_tables import SplitTables
    from boxsup.catalogue.tables import corners_of
    from boxsup.store.labels import Labels

    split, generation = SplitTables(folder), Labels(folder / "labels.zarr")
    chosen = generation.table("chosen")
    assert all(image == other for image, other in zip(generation, split.ids, strict=True))
    parts = ((part, row) for part in split.parts() for row in part.rows())
    assert sum(len(corners_of(part.boxes_of(row.image))) for part, row in parts) == len(chosen)


def epoch(folder: Path) -> None:
    """An epoch draws its order and takes the rows and label maps of its first images."""
    import yaml

    from boxsup.catalogue.split_tables import SplitTables
    from boxsup.config.build import parse
    from boxsup.config.params import epoch_settings
    from boxsup.config.training import TrainingSettings
    from boxsup.store.labels import Labels
    from boxsup.training.data import EpochData, batch_order

    defaults = yaml.safe_load((ROOT / "config.yaml").read_text())["defaults"]
    settings = parse(TrainingSettings, json.dumps(epoch_settings(defaults["training"])), "training")
    split = SplitTables(folder)
    data, maps = EpochData(split, folder / "labels.zarr", settings, 0, 1), Labels(folder / "labels.zarr")
    for index in batch_order(data, settings, 0, 1).ravel()[:200].tolist():
        assert maps[split.row(index).image].shape == (1, 1)


JOBS = {job.__name__: job for job in (arguments, shard, inventory, labels, quality, epoch)}


# --- plan -------------------------------------------------------------------------------------------------------------


def plan(folder: Path) -> tuple[float, float]:
    """Processor seconds and MB of a dry run in which nothing changed; all outputs are there, empty."""
    import yaml

    (folder / "data/few").mkdir(exist_ok=True)
    os.link(folder / f"data/images/{image_of(0)}.jpg", folder / f"data/few/{image_of(0)}.jpg")
    dataset = {"format": "voc_xml", "root": str(folder / "data"), "classes": list(CLASSES[1:]), "shards": SHARDS}
    dataset["on_problem"] = "stop"
    splits = {"train": split_of("images"), "val": split_of("few")}
    experiment = {"dataset": "many", "train": "train", "val": "val", "epochs": EPOCHS, "seeds": [0]}
    supervision = {"supervision": {"masks": "none", "boxes": "boxsup"}}
    config = {"datasets": {"many": dataset | {"splits": splits}}, "experiments": {"many": experiment | supervision}}
    (folder / "many.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(ROOT / "config.yaml"), str(folder / "many.yaml"), "--cores", "1", "--quiet", "all"]
    target = ["--", "results/many/report.html"]
    train = folder / "results/data/many/train"
    train.mkdir(parents=True)
    for name in ("images.csv", "boxes.csv", "classes.csv", "inventory.json", ".seen.json"):
        if (folder / name).exists():
            (folder / name).rename(train / name)
    listed = cost([*command, "--summary", *target])[2]
    for line in listed.splitlines()[1:]:
        path = folder / line.split("\t")[0]
        if path.suffix in ("", ".zarr"):
            path.mkdir(parents=True, exist_ok=True)
            (path / ".snakemake_timestamp").touch()
        elif not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    cost([*command, "--touch", *target])
    seconds, peak, text = cost([*command, "--dry-run", *target])
    print(text.strip()[-300:])
    return seconds, peak


def cost(command: list[str]) -> tuple[float, float, str]:
    """Processor seconds and peak MB of a command, and what it wrote."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        text = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(text)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024 * 1.048576, text


def measured(part: str, folder: Path, images: int) -> tuple[float, float]:
    """Processor seconds and peak MB of a part, in a process of its own."""
    here = [sys.executable, __file__, "--images", str(images), "--part", part, "--folder", str(folder)]
    seconds, peak, _ = cost(here)
    return seconds, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--jobs", nargs="+", default=["tables", *JOBS, "plan"], help="which, of: %(default)s")
    parser.add_argument("--part", help="do one part in this process")
    parser.add_argument("--folder", type=Path, help="its folder")
    args = parser.parse_args()
    made = {"tables": write_tables, "stores": write_stores, "files": write_files}
    if args.part in made:
        made[args.part](args.folder, args.images)
    elif args.part:
        JOBS[args.part](args.folder)
    else:
        compare(args.images, args.jobs)


def compare(images: int, jobs: list[str]) -> None:
    """Print a row for each job."""
    with tempfile.TemporaryDirectory() as name:
        folders = {count: Path(name, str(count)) for count in (FEW, images)}
        tables = {}
        for count, folder in folders.items():
            folder.mkdir()
            tables[count] = measured("tables", folder, count)
            if {"labels", "quality", "epoch"} & set(jobs):
                measured("stores", folder, count)
            if {"inventory", "plan"} & set(jobs):
                measured("files", folder, count)
        for job in jobs:
            if job == "plan":
                print(f"plan: {'{:.1f} s, {:.0f} MB'.format(*plan(folders[images]))}")
                continue
            few, many = (
                tables[count] if job == "tables" else measured(job, folder, count) for count, folder in folders.items()
            )
            print(f"{job}: {many[0]:.1f} s, {many[0] - few[0]:.1f} s of them for the images; "
                  f"{many[1] - few[1]:.0f} MB for {images:,} images", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
