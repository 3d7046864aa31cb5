"""Names and paths with spaces, quotes and commands for the shell reach the stages as they are, and nothing is run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from helpers.paths import ROOT
from helpers.workflow_runs import command

pytestmark = pytest.mark.slow  # Snakemake runs

ODD = """it's "odd" $(touch pwned) `touch pwned`; touch pwned & {x}"""
XML = (
    "<annotation><object><name>{name}</name><bndbox><xmin>2</xmin><ymin>3</ymin><xmax>30</xmax><ymax>20</ymax></bndbox>"
    "</object></annotation>"
)
CLASS = ODD.replace("&", "and")


@pytest.fixture
def odd(tmp_path):
    """A folder of an odd name with the project's workflow and a data set, whose image, class and folders are as odd."""
    home = tmp_path / ODD.replace("{x}", "")  # Snakemake itself takes no braces in the folder of a Snakefile
    home.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, home)
    for name in ("workflow", "envs"):
        shutil.copytree(ROOT / name, home / name)
    root = home / f"data {ODD}"
    for folder in ("ImageSets/Segmentation", "JPEGImages", "Annotations"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(root / f"JPEGImages/{ODD}.jpg")
    (root / f"Annotations/{ODD}.xml").write_text(XML.format(name=CLASS))
    (root / f"ImageSets/Segmentation/{ODD}.txt").write_text(f"{ODD}\n")
    split = {"list": ODD, "masks": "SegmentationClass"}
    dataset = {"format": "voc", "root": str(root), "download": False, "splits": {"train": split, "val": split}}
    dataset |= {"classes": [CLASS], "on_problem": "stop", "shards": 1}
    (home / "odd.yaml").write_text(yaml.safe_dump({"datasets": {"odd": dataset}}))
    return home


def test_odd_names_are_names_and_no_commands(odd):
    run = [sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "odd.yaml", "--"]
    targets = ["results/data/odd/train/masks/rectangles.zarr", "results/data/odd/train/overlaps/geodesic/0-of-1.zarr"]
    done = subprocess.run([*run, *targets], cwd=odd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert not list(odd.parent.rglob("pwned"))
    import boxsup

    assert list(boxsup.open_labels(odd / targets[0])) == [ODD]
    assert CLASS in (odd / "results/data/odd/train/classes.csv").read_text().replace('""', '"')


@pytest.mark.parametrize("name", ["a b", "$(touch pwned)", "a;b", "../a", "a\n", "'", ""])
@pytest.mark.parametrize("kind", ["experiments", "datasets", "proposals", "pages"])
def test_a_name_that_becomes_a_folder_is_plain(config, name, kind):
    from boxsup.config.resolve import resolve
    from boxsup.errors import ConfigError

    changed = config | {kind: {**config[kind], name: next(iter(config[kind].values()))}}
    with pytest.raises(ConfigError):
        resolve(changed)


def test_rules_quote_all_that_they_pass():
    fields = []
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for shell in re.findall(r"    shell:\n((?:        .*\n)+)", path.read_text()):
            fields += re.findall(r"\{([^{}]+)\}", shell)
    assert len(fields) > 100
    made = {"params.options", "params.held_out"}  # of several words, quoted where they are made
    assert {field for field in fields if not field.endswith(":q")} <= made


def test_a_configuration_calls_nothing(tmp_path):
    (tmp_path / "evil.yaml").write_text("datasets: !!python/object/apply:os.system ['touch pwned']\n")
    run = command(tmp_path, "--dry-run", configs=(tmp_path / "evil.yaml",))
    done = subprocess.run(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1
    assert not (tmp_path / "pwned").exists()
    assert not (Path.cwd() / "pwned").exists()
