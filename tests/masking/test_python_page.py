"""docs/python.md, the script and the notebook of `boxsup.Masker`: run as they stand there."""

from __future__ import annotations

import base64
import re
import runpy

import numpy as np
import pytest
from PIL import Image

from boxsup.demo.shapes import draw_picture
from helpers.paths import ROOT

pytestmark = pytest.mark.slow  # candidates of whole pictures are made

FIRST, RESULTS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(), flags=re.M | re.S)[:2]


def test_the_page_says_what_works(tmp_path, monkeypatch):
    pytest.importorskip("supervision", reason="no supervision (pip install supervision)")
    monkeypatch.chdir(tmp_path)
    picture = draw_picture(0, "page", 1, 120, ("background", "crescent")).image
    Image.fromarray(picture).resize((420, 330)).save("photo.jpg")
    names: dict[str, object] = {}
    exec(FIRST + RESULTS, names)
    assert len(names["masks"]) == 2
    assert names["masks"].labels == ["cat", "dog"]
    written = {path.name for path in tmp_path.iterdir()} - {"photo.jpg", ".boxsup.sha256"}
    assert written == {"mask.png", "masks.png"}


def test_the_script_draws_the_picture_of_the_page(tmp_path, monkeypatch, capsys):
    out = tmp_path / "masks.png"
    monkeypatch.setattr("sys.argv", ["masks.py", "--out", str(out)])
    runpy.run_path(str(ROOT / "examples/masks.py"), run_name="__main__")
    assert capsys.readouterr().out.startswith("ImageMasks(3 boxes")
    with Image.open(out) as ours, Image.open(ROOT / "docs/python.png") as shown:
        assert ours.size == shown.size
        assert np.abs(np.asarray(ours, int) - np.asarray(shown, int)).mean() < 10  # last bits may move an outline


def test_the_notebook_runs_and_shows_masks():
    nbformat = pytest.importorskip("nbformat", reason="no nbclient (pip install nbclient ipykernel)")
    nbclient = pytest.importorskip("nbclient", reason="no nbclient (pip install nbclient ipykernel)")
    pytest.importorskip("ipykernel", reason="no nbclient (pip install nbclient ipykernel)")
    notebook = nbformat.read(ROOT / "examples/masks.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # nothing stale is kept
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT)}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output.data for cell in cells for output in cell.outputs if "data" in output]
    assert sum("<img" in data.get("text/html", "") for data in shown) == 2  # masks, and the batch
    pictures = [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]
    assert all(picture[1:4] == b"PNG" for picture in pictures)
    assert len(pictures) == 2  # masks, and one mask
    printed = "".join(output.text for cell in cells for output in cell.outputs if output.output_type == "stream")
    assert "IoU 0." in printed
