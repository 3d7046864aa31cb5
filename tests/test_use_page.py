"""docs/use.md: its commands and its Python, run as they stand there."""

import contextlib
import os
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from boxsup.cli import main
from boxsup.inference.video import VideoWriter
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from helpers.networks import network_that_has_seen
from helpers.paths import ROOT
from helpers.small_split import CLASSES, draw

pytestmark = pytest.mark.slow  # every command of the page runs

PAGE = (ROOT / "docs" / "use.md").read_text()
XML = (
    "<annotation><object><name>{name}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    "</object></annotation>"
)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Photographs, a clip, annotations and a model under the names that the page gives them."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    pytest.importorskip("safetensors")
    folder = tmp_path_factory.mktemp("use")
    (folder / "photos").mkdir()
    (folder / "annotations").mkdir()
    pictures = [draw(seed, 80, 96) for seed in range(3)]
    for (pixels, labels), name in zip(pictures, "abc", strict=True):
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.jpg", quality=95)
        rows, columns = np.nonzero((labels > 0) & (labels < 255))
        box = (columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1)
        xml = XML.format(*box, name=CLASSES[labels[rows[0], columns[0]]])
        (folder / "annotations" / f"{name}.xml").write_text(xml)
    with VideoWriter(folder / "clip.mp4", 10.0) as writer:
        for pixels, _ in pictures:
            writer.append(pixels)
    network = network_that_has_seen(pixels for pixels, _ in pictures)
    save_checkpoint(folder / "model.pt", Checkpoint("mobilenet_v2", CLASSES, network, 1, {}))
    return folder


@pytest.fixture(scope="module")
def done(here):
    """The folder after every command of the page, but for the one that installs a script."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if " > " not in line]
    assert len(lines) >= 5
    photos = sorted(path.relative_to(here).as_posix() for path in (here / "photos").iterdir())
    with contextlib.chdir(here):
        for line in lines:
            boxsup, *words = shlex.split(line)
            assert boxsup == ".venv/bin/boxsup"
            main([part for word in words for part in (photos if word == "photos/*.jpg" else [word])])
    return here


def test_the_commands_make_what_the_page_says(done):
    made = {path.relative_to(done).as_posix() for path in done.rglob("*") if path.is_file()}
    assert {
        "predicted/masks/a.png",
        "predicted/overlays/a.jpg",
        "predicted/summary.csv",
        "predicted/problems.csv",
        "refined/videos/clip.mp4",
        "masks/voc/SegmentationClass/a.png",
        "masks/voc/SegmentationObject/a.png",
        "masks/coco.json",
        "masks/boxes.csv",
        "masks/parts/a.json",
        "model.onnx",
        "model.onnx.json",
        "model.pt2",
        "model.pt2.json",
        "hub/model.safetensors",
        "hub/config.json",
        "hub/README.md",
    } <= made


def test_the_python_runs(done):
    for code in blocks("python"):
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        result = subprocess.run(
            [sys.executable, "-c", code],
            cwd=done,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
