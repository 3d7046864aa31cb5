"""Where no compiler builds pydensecrf2: everything else works, and who asks for a CRF is told what to do instead."""

import os
import subprocess
import sys

import numpy as np
import pytest
import yaml

from boxsup.errors import BoxSupError
from boxsup.inference.crf import dense_crf, has_crf, refine_labels
from boxsup.inference.labelling import crf_settings
from boxsup.inference.maps import label_maps
from boxsup.labels.bbox_seg import bbox_seg
from helpers import own_data
from helpers.commands import run_boxsup
from helpers.workflow_runs import TARGET, command

ADVICE = ["pip install pydensecrf2", "--no-crf", "inference: {crf: {iterations: 0}}", "grabcut in place of bbox_seg"]
HIDDEN = "raise ImportError('no pydensecrf here')\n"
IMPORTS = """
import importlib, pkgutil, boxsup
for module in pkgutil.walk_packages(boxsup.__path__, "boxsup."):
    if not module.name.startswith(("boxsup.profiles", "boxsup.envs", "boxsup.running.plugin")):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


@pytest.fixture
def hidden(monkeypatch):
    """This process without the library."""
    monkeypatch.setitem(sys.modules, "pydensecrf", None)


def in_one_line(message):
    assert "\n" not in message.strip()
    assert [advice for advice in ADVICE if advice not in message] == []


def test_a_crf_without_its_library_names_the_alternatives(hidden):
    image, scores = np.zeros((4, 4, 3), np.uint8), np.log(np.full((2, 4, 4), 0.5, np.float32))
    assert not has_crf()
    with pytest.raises(BoxSupError) as raised:
        dense_crf(image, scores, crf_settings())
    in_one_line(str(raised.value))
    with pytest.raises(BoxSupError, match="pydensecrf2"):
        bbox_seg(image, np.array([[1, 1, 3, 3]]), np.array([1]))
    with pytest.raises(BoxSupError, match="pydensecrf2"):  # before the first image is read
        next(label_maps(iter(()), None, crf_settings(), 1))


def test_no_iteration_is_no_crf(hidden):
    scores = np.log(np.random.default_rng(0).dirichlet(np.ones(3), (5, 6)).transpose(2, 0, 1)).astype(np.float32)
    labels = refine_labels(
        np.zeros((5, 6, 3), np.uint8), scores, np.array([0, 2, 7]), crf_settings().changed(iterations=0)
    )
    np.testing.assert_array_equal(labels, np.array([0, 2, 7])[scores.argmax(axis=0)])


def test_masks_by_a_crf_are_refused_before_anything_is_read(hidden):
    done = run_boxsup("fixed-masks", "--catalogue", "nowhere", "--kind", "bbox_seg", "--out", "masks.zarr")
    assert done.returncode == 1
    in_one_line(done.stderr)


def test_init_writes_a_configuration_without_crf(hidden, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = own_data.pictures(3, side=64)
    own_data.write_images(tmp_path / "photos", made)
    own_data.write_yolo(tmp_path, made)
    done = run_boxsup("init", "mine", "--images", "photos", "--boxes", "labels")
    assert done.returncode == 0, done.stderr
    own = yaml.safe_load((tmp_path / "mine/config.yaml").read_text())
    assert own["experiments"]["own_box"]["inference"]["crf"] == {"iterations": 0}


@pytest.mark.slow
def test_every_module_is_imported_without_the_library(tmp_path):
    (tmp_path / "pydensecrf.py").write_text(HIDDEN)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", IMPORTS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_run_that_needs_a_crf_is_refused_before_its_first_job(tmp_path):
    (tmp_path / "pydensecrf.py").write_text(HIDDEN)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    words = command(tmp_path / "here", TARGET)
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("boxsup: error: ")]
    in_one_line(line)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "here/results").exists()
