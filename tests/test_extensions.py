"""What CONTRIBUTING.md says of adding things holds: each is added here as it says, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from boxsup import proposals
from boxsup.catalogue.tables import BOX_COLUMNS, IMAGE_COLUMNS, Catalogue, write_catalogue
from boxsup.config.fields import setting
from boxsup.config.proposals import ProposalSettings
from boxsup.proposals import methods
from boxsup.proposals.pool_store import Pools
from helpers.commands import run_boxsup
from helpers.paths import ROOT

METHOD = """
import numpy as np

from boxsup.proposals.selection import select

PACKAGES = ("pillow",)


def proposer(settings):
    def propose(image, image_id):
        columns = np.broadcast_to(np.arange(image.shape[1]) // settings.width, image.shape[:2])
        return select(columns, np.eye(columns.max() + 1, dtype=bool), settings)

    return propose
"""


class StripesSettings(ProposalSettings):
    """Each candidate is a stripe of the image."""

    method: Literal["stripes"]
    width: int = setting(meaning="of a stripe")


@pytest.fixture
def split(tmp_path) -> Path:
    """The tables of two pictures."""
    rows = []
    for name in ("a", "b"):
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / f"{name}.png")
        rows.append((name, str(tmp_path / f"{name}.png"), 20, 40, "", ""))
    tables = pd.DataFrame(rows, columns=list(IMAGE_COLUMNS)), pd.DataFrame(columns=list(BOX_COLUMNS))
    write_catalogue(tmp_path / "split", Catalogue(*tables, ("background", "thing")))
    return tmp_path / "split"


def test_a_proposal_method_is_a_module_and_a_model_of_its_settings(split, tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code/stripes.py").write_text(METHOD)
    monkeypatch.setattr(proposals, "__path__", [*proposals.__path__, str(tmp_path / "code")])
    monkeypatch.setitem(methods.METHODS, "stripes", StripesSettings)
    shared = {"min_area": 0.01, "max_area": 0.9, "nms": 0.9, "max_candidates": 99, "seed": 0}
    settings, out = json.dumps({"method": "stripes", "width": 10, **shared}), tmp_path / "pools.zarr"
    done = run_boxsup("proposals", "make", "--catalogue", split, "--settings", settings, "--out", out)
    assert done.returncode == 0, done.stderr
    pools = Pools([out])
    assert [len(pools[image]) for image in ("a", "b")] == [4, 4]
    assert "pillow" in json.loads((out / "zarr.json").read_text())["attributes"]["versions"]


READER = """
from functools import partial

from boxsup.catalogue.readers.folder import Annotations, read_folder
from boxsup.catalogue.readers.segments import AnnotatedObject
from boxsup.catalogue.records import Box
from boxsup.config.build import parse
from boxsup.config.datasets import FolderSplit

ENDING = ".dots"


def read_split(root, classes, settings):
    split = parse(FolderSplit, settings, "split")
    return read_folder(root, split, classes, Annotations(ENDING, partial(read_dots, classes)))


def read_dots(classes, content, height, width, drawn):
    objects = []
    for line in content.decode().splitlines():
        name, x, y = line.split()
        objects.append(AnnotatedObject(Box(classes.index(name), int(x), int(y), int(x) + 1, int(y) + 1), None))
    return objects, []
"""
MODEL = '''
class DotsData(FilesDataSet):
    """A folder of images and one of dots."""

    format: Literal["dots"]
    splits: dict[Name, FolderSplit] = setting(meaning="by name", min_length=1)


Part = '''


COMMAND = """
import argparse
from pathlib import Path

from boxsup.commands.outputs import add_output_arguments
from boxsup.store.atomic import write_text

EXAMPLE = "boxsup greet --name world --out greeting.txt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="who is greeted")
    add_output_arguments(parser, "the file to write")


def run(*, name: str, out: Path) -> None:
    write_text(out, f"hello {name}\\n")
"""
ROW = """ROWS = (
    Stage("greet", "a greeting", version=1, logs="{name}", memory=100, minutes=1),"""
RULE = """

rule greet:
    output:
        "results/greetings/{name}.txt",
    log:
        log_of("greet"),
    benchmark:
        benchmark_of("greet")
    resources:
        **asks("greet"),
    params:
        version=STAGES["greet"].version,
    shell:
        "boxsup greet --name {wildcards.name:q} --out {output:q} > {log:q} 2>&1"
"""


@pytest.mark.slow
def test_a_stage_is_a_command_a_row_and_a_rule(tmp_path):
    code = tmp_path / "code"
    for folder in ("boxsup", "workflow"):
        shutil.copytree(ROOT / folder, code / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / file, code / file)
    (code / "boxsup/commands/greet.py").write_text(COMMAND)
    stages, rules = code / "boxsup/stages.py", code / "workflow/rules/report.smk"
    stages.write_text(stages.read_text().replace("ROWS = (", ROW))
    rules.write_text(rules.read_text() + RULE)
    run = [sys.executable, "-m", "snakemake", "--cores", "1", "--", "results/greetings/world.txt"]
    environment = os.environ | {"PYTHONPATH": str(code)}
    done = subprocess.run(run, cwd=code, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (code / "results/greetings/world.txt").read_text() == "hello world\n"
    assert (code / "results/logs/greet/world.log").exists()


@pytest.mark.slow
def test_a_reader_is_a_module_and_a_model_of_its_settings(tmp_path):
    shutil.copytree(ROOT / "boxsup", tmp_path / "code/boxsup", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "code/boxsup/catalogue/readers/dots.py").write_text(READER)
    models = tmp_path / "code/boxsup/config/datasets.py"
    text = models.read_text().replace("\nPart = ", MODEL).replace("| LabelMeData |", "| LabelMeData | DotsData |")
    models.write_text(text)
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/dots").mkdir()
    for name, dots in (("a", "cat 3 4\n"), ("b", "")):
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / f"data/images/{name}.png")
        (tmp_path / f"data/dots/{name}.dots").write_text(dots)
    split = {"images": "images", "annotations": "dots", "masks": "none"}
    options = ["--format", "dots", "--root", "data", "--split", json.dumps(split), "--classes", '["cat"]']
    for command in ("inventory", "catalogue"):
        done = subprocess.run(
            [sys.executable, "-m", "boxsup", command, *options, "--on-problem", "stop", "--out", "tables"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "code")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert command != "inventory" or "2 images, 4 files" in done.stderr
    boxes = pd.read_csv(tmp_path / "tables/boxes.csv")
    assert boxes[["image", "x0", "y0", "x1", "y1"]].to_numpy().tolist() == [["a", 3, 4, 4, 5]]
