"""The wheel is whole: built, installed in a new environment, and run there outside of any clone, without a compiler."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from helpers import own_data
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # programs, and Snakemake runs

SOURCES = ("boxsup", "workflow", "profiles", "envs", "Snakefile", "config.yaml", "pyproject.toml", "MANIFEST.in")
TEXTS = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff")
WITHIN = (
    "Snakefile",
    "config.yaml",
    "config/schema.json",
    "py.typed",
    "profiles/default/config.yaml",
    "envs/small.yaml",
)
MOST = 5e6  # bytes, of which the two networks that are shipped take 4.0e6
# The shortest run: no candidates, no weights from elsewhere.
SHORT = {
    "supervision: {masks: none, boxes: boxsup}": "supervision: {masks: none, boxes: rectangles}",
    "{name: mobilenet_v2_8s}": "{name: mobilenet_v2_8s, weights: none}",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the sources as they stand."""
    folder = tmp_path_factory.mktemp("sources")
    for name in (*SOURCES, *TEXTS):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "dist", "."]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("no package index, from which the build takes setuptools")
    assert done.returncode == 0, done.stderr
    [built] = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of a new environment with the wheel, beside the packages that are installed here."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run(install, check=True, capture_output=True)
    [own] = folder.glob("lib/python*/site-packages")
    # A folder that a .pth file names is searched; the .pth files in it, such as an editable installation's, are not.
    (own / "shared.pth").write_text(f"{Path(yaml.__file__).parents[1]}\n")
    (own / "pydensecrf.py").write_text("raise ImportError('as where no compiler built it')\n")
    return python


@pytest.fixture
def run(python, tmp_path):
    """Run a command of the package in an empty folder, in an environment that leads to no clone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BOXSUP"))}

    def run(*words):
        command = [python.with_name("boxsup"), *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done

    return run


def test_the_wheel_holds_the_workflow_and_is_small(wheel):
    assert wheel.stat().st_size <= MOST
    names = zipfile.ZipFile(wheel).namelist()
    rules = [f"workflow/{path.relative_to(ROOT / 'workflow')}" for path in (ROOT / "workflow").rglob("*.*")]
    assert [name for name in [*WITHIN, "workflow/Snakefile", *rules] if f"boxsup/{name}" not in names] == []
    assert [name for name in names if not name.startswith(("boxsup/", "boxsup-"))] == []
    assert [name for name in names if "__pycache__" in name] == []
    launcher = zipfile.ZipFile(wheel).getinfo("boxsup/running/launcher/boxsup")
    assert launcher.external_attr >> 16 & 0o111 == 0o111  # jobs in environments of their own start it


def test_boxes_become_a_page_outside_of_any_clone(run, python, tmp_path):
    made = own_data.pictures(3, side=64)
    own_data.write_images(tmp_path / "photos", made)
    own_data.write_yolo(tmp_path, made)
    said = run("init", "mine", "--images", "photos", "--boxes", "labels", "--epochs", "1").stderr
    assert said.splitlines()[-1].endswith("boxsup run mine")
    assert "would run " in run("run", "mine", "--dry-run").stdout
    config = tmp_path / "mine/config.yaml"
    text = config.read_text()
    assert "crf: {iterations: 0}" in text
    for old, new in SHORT.items():
        assert old in text
        text = text.replace(old, new)
    config.write_text(text)
    done = run("run", "mine", "--cores", "2")
    assert done.stderr.splitlines()[-1].startswith("done in ")
    assert (tmp_path / "results/own_box/report.html").stat().st_size > 10_000
    assert str(ROOT) not in (tmp_path / "results/commands.json").read_text()
    run("run", "mine", "--", "--report", "report.zip")
    pages = zipfile.ZipFile(tmp_path / "report.zip").read("report/report.html").decode()
    for what in ("page", "IoU of each class, epoch 001", "loss and rate, epoch 001"):
        assert f'"what": "{what}"' in pages
