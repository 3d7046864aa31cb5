"""Own data in each format: the commands of docs/own-data/, on real files and on the demo's, down to masks."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from boxsup.running.plan import arguments as arguments_of_snakemake
from boxsup.running.plan import asked_of, config_of
from helpers import own_data
from helpers.commands import run_boxsup
from helpers.paths import ROOT, real_data
from helpers.workflow_runs import planned

pytestmark = pytest.mark.slow  # Snakemake runs

PAGES = ROOT / "docs/own-data"


def section(page, title):
    return page.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def commands(text):
    """The shell commands of a page or a section of one, in order."""
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


@pytest.fixture
def run(clone, planner, stages):
    """Run a command of a page: what it says."""

    def run(command, *more):
        program, *arguments = [*shlex.split(command, comments=True), *more]
        words = [sys.executable, "-m", program.removeprefix(".venv/bin/"), *arguments]
        if arguments[0] == "run" and "--dry-run" in more:  # Snakemake's plan, by the words that it is called with
            with contextlib.chdir(clone):
                asked = asked_of(config_of(Path(arguments[1])))
                words = arguments_of_snakemake(asked.config, "2", None, True, [])
            words = [sys.executable, "-m", "snakemake", *words, "--", *asked.targets]
        if program == ".venv/bin/boxsup" and arguments[0] != "run":
            with contextlib.chdir(clone):
                done = run_boxsup(*arguments)
        elif "--dry-run" in more:
            done = planner.run(words, clone)
        else:  # Snakemake, or what starts it
            done = subprocess.run(
                words,
                cwd=clone,
                env=os.environ | stages.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return f"{done.stdout}{done.stderr}"

    return run


def place(clone, name, made, form):
    """The files that a page is about, where its commands look for them."""
    folder = clone / "data" / name
    if form == "yolo":
        own_data.write_images(folder / "images", made, "jpg")
        own_data.write_yolo(folder, made)
        own_data.write_masks(folder / "masks", made, list(made)[:4])
    if form == "labelme":
        own_data.write_images(folder, made, "jpg")
        own_data.write_labelme(folder, made)


@pytest.mark.parametrize(
    ("form", "counts"),
    [("coco", (80, 20)), ("voc-xml", (679, 76)), ("yolo", (9, 1)), ("labelme", (9, 1))],
)
def test_the_commands_of_each_page_make_a_plan_that_snakemake_takes(clone, run, form, counts):
    if form == "coco":
        (clone / "data/coco").symlink_to(real_data("coco-mini"))
    elif form == "voc-xml":
        (clone / "data/voc").symlink_to(real_data("voc-mini") / "VOC2012")
    else:
        place(clone, form, own_data.pictures(10), form)
    first, second, *_ = commands((PAGES / f"{form}.md").read_text())
    told = run(first)
    train, val = counts
    assert f"{train + val}: {train} to train on, {val} to evaluate on" in told
    assert "problems     none" in told
    assert second.split("boxsup ")[1] in told  # what it says to run next is what the page says
    jobs = planned(run(second, "--dry-run"))
    assert jobs["catalogue"] == {f"data/own/{split}/images.csv" for split in ("train", "val")}
    assert {"proposals", "overlaps", "labels", "epoch", "predictions", "evaluation", "report"} <= set(jobs)


@pytest.mark.parametrize(
    ("form", "written"), [("yolo", ["yolo/labels/{}.txt", "yolo/data.yaml"]), ("labelme", ["coco.json"])]
)
def test_masks_come_out_in_the_form_that_a_page_says(clone, run, form, written):
    made = own_data.pictures(3, side=64)
    place(clone, form, made, form)
    run(commands((PAGES / f"{form}.md").read_text())[0])
    plan = "--cores 2 --configfile=mine/config.yaml results/own_box/seed-0/epochs/000/model.pt"
    run(f".venv/bin/snakemake {plan}")  # no network is trained here: any that runs will do
    told = run(commands((PAGES / f"{form}.md").read_text())[2])
    assert str(sum(len(each.objects) for each in made.values())) in told
    for name in written:
        assert (clone / "masks" / name.format(next(iter(made)))).stat().st_size


def test_masks_of_some_images_make_a_plan_too(clone, run):
    place(clone, "yolo", own_data.pictures(10), "yolo")
    first, second = commands(section(ROOT / "docs/own-data.md", "Masks of some images"))
    assert "4 images have a true mask: 3 are trained on" in run(first)
    jobs = planned(run(second, "--dry-run"))
    assert jobs["catalogue"] == {f"data/own/{split}/images.csv" for split in ("train", "val", "masks")}
    assert jobs["fixed_masks"] == {"data/own/masks/masks/truth.zarr"}


def test_the_whole_way_from_boxes_to_masks_that_pycocotools_scores(clone, run):
    made = own_data.pictures(6, side=64)
    own_data.write_images(clone / "data/coco/images", made, "jpg")
    own_data.write_coco(clone / "data/coco/annotations/instances_mini.json", made, "jpg", masks=True)
    text = section(PAGES / "coco.md", "How good are they?")
    for command in commands(text):
        run(command)
    assert (clone / "results/short_box/report.html").stat().st_size > 10_000
    scores = pd.read_csv(clone / "results/short_box/seed-0/evaluation/002.csv")
    assert scores["iou"].notna().any()
    [script] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", script], cwd=clone, capture_output=True, text=True, check=True)
    count, iou = re.search(r"(\d+) masks, mean IoU (\S+)", done.stdout).groups()
    assert int(count) == sum(len(each.objects) for each in made.values())
    assert 0.3 < float(iou) <= 1
