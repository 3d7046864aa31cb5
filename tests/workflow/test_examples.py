"""The scripts in `examples/`, run as a user runs them, on the tiny demo."""

import re
import runpy

import pytest
from PIL import Image

import boxsup
from helpers.paths import ROOT
from helpers.workflow_runs import RUN

pytestmark = pytest.mark.slow  # Snakemake runs


@pytest.fixture
def example(demo, monkeypatch, capsys):
    """Run a script of the gallery in the demo's folder; its output."""
    monkeypatch.chdir(demo)

    def run(name, *arguments):
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_generations_stand_side_by_side(example, tmp_path):
    out = tmp_path / "generations.png"
    assert example("generations.py", "--out", out).strip() == str(out)
    with Image.open(out) as picture:
        width, height = picture.size
    assert width > 3 * height  # boxes, two generations and the true mask
    example("generations.py", f"results/{RUN}", "train_0000", "train_0001", "--ends", "--out", out)
    with Image.open(out) as picture:
        assert picture.size[0] == width  # of two generations both are ends
        assert picture.size[1] > 1.8 * height


def test_the_choice_of_every_box_is_told_by_weight(example):
    lines = example("choice.py").splitlines()
    assert lines[1].split()[:3] == ["λ", "box", "rank"]
    assert lines[1].split()[-1] == "IoU"
    weights = [line.split()[0] for line in lines[2:]]
    assert sorted(set(weights)) == ["0.000", "0.500", "2.000"]
    assert len(weights) % 15 == 0  # five candidates of each box by each of three weights


def test_a_network_segments_an_image(example, demo, tmp_path):
    out = tmp_path / "segment.png"
    lines = example("segment.py", "--out", out).splitlines()
    assert lines[-1] == str(out)
    shares = [float(line.split()[-2]) for line in lines[:-1]]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    with Image.open(out) as picture, Image.open(demo / "results/data/demo/tree/JPEGImages/val_0001.jpg") as photo:
        assert picture.size == photo.size


def test_a_model_and_labels_as_docs_python_says(demo, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(), flags=re.M | re.S)
    monkeypatch.chdir(tmp_path)
    code = blocks[-1].replace("012.zarr", "001.zarr").replace('"results/', f'"{demo}/results/')
    names = {"boxsup": boxsup}
    exec(code, names)
    assert sum(names["prediction"].shares.values()) == pytest.approx(1)
    assert {path.name for path in tmp_path.glob("*.png")} == {"labels.png", "train_0003.png"}
