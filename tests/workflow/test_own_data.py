"""Own data in each format: the commands of docs/own-data.md, on real files and on the demo's, down to a report."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import own_data
import pandas as pd
import pytest
from paths import DATA, ROOT
from pycocotools.coco import COCO
from workflow_runs import planned

from boxsup.catalogue.tables import read_catalogue

PAGE = ROOT / "docs/own-data.md"
BIN = Path(sys.executable).parent


def commands(section):
    """The shell commands of a section of the page, in order."""
    text = PAGE.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.fixture
def clone(tmp_path):
    """What of a clone the commands need."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").mkdir()
    return tmp_path


def run(clone, command, *more):
    program, *arguments = shlex.split(command, comments=True)
    assert program.startswith(".venv/bin/")
    module = {"boxsup": "boxsup", "snakemake": "snakemake", "python": None}[program.removeprefix(".venv/bin/")]
    start = [sys.executable, "-m", module] if module else [sys.executable]
    done = subprocess.run(
        [*start, *arguments, *more], cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def place(clone, name, made, form):
    """The files that a section is about, where its commands look for them."""
    folder = clone / "data" / name
    if form == "yolo":
        own_data.write_images(folder / "images", made, "jpg")
        own_data.write_yolo(folder, made)
        own_data.write_masks(folder / "masks", made, list(made)[:4])
    if form == "labelme":
        own_data.write_images(folder, made, "jpg")
        own_data.write_labelme(folder, made)


def real(name):
    root = DATA / name
    if not root.is_dir():
        pytest.skip(f"real photographs are not at {root}; set BOXSUP_DATA")
    return root


@pytest.mark.parametrize(
    ("section", "counts"),
    [("COCO", (80, 20)), ("VOC XML", (679, 76)), ("YOLO", (9, 1)), ("LabelMe", (9, 1))],
)
def test_the_commands_of_each_format_make_a_plan_that_snakemake_takes(clone, section, counts):
    if section == "COCO":
        (clone / "data/coco").symlink_to(real("coco-mini"))
    elif section == "VOC XML":
        (clone / "data/voc").symlink_to(real("voc-mini") / "VOC2012")
    else:
        place(clone, section.lower(), own_data.pictures(10), section.lower())
    first, second, *_ = commands(section)
    told = run(clone, first)
    train, val = counts
    assert f"{train + val}: {train} to train on, {val} to evaluate on" in told
    assert "problems     none" in told
    assert second.split("results/")[1] in told  # what it says to run next is what the page says
    jobs = planned(run(clone, second, "--dry-run"))
    assert jobs["catalogue"] == {f"data/own/{split}/images.csv" for split in ("train", "val")}
    assert {"proposals", "overlaps", "labels", "epoch", "predictions", "evaluation", "report"} <= set(jobs)


def test_masks_of_some_images_make_a_plan_too(clone):
    place(clone, "yolo", own_data.pictures(10), "yolo")
    first, second = commands("Masks of some images")
    assert "4 images have a true mask: 3 are trained on" in run(clone, first)
    jobs = planned(run(clone, second, "--dry-run"))
    assert jobs["catalogue"] == {f"data/own/{split}/images.csv" for split in ("train", "val", "masks")}
    assert jobs["fixed_masks"] == {"data/own/masks/masks/truth.zarr"}


def test_boxes_alone_end_in_a_report_and_in_masks(clone):
    place(clone, "yolo", own_data.pictures(6, side=64), "yolo")
    first, second, *_ = commands("YOLO")
    run(clone, first, "--epochs", "1")
    run(clone, second)
    assert (clone / "results/own_box/report.html").stat().st_size > 10_000
    scores = pd.read_csv(clone / "results/own_box/seed-0/evaluation/001.csv")
    assert scores["iou"].isna().all()  # no image has a true mask
    assert len(read_catalogue(clone / "results/data/own/train").boxes) > 0
    (masks,) = commands("Masks for your boxes")
    run(clone, masks)
    table = pd.read_csv(clone / "mine/masks/boxes.csv")
    objects = COCO(str(clone / "mine/masks/coco.json"))
    assert len(table) == len(objects.anns) > 0
    assert all(objects.annToMask(record).any() for record in objects.anns.values())
