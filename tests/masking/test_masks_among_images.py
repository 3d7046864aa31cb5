"""`boxsup masks` with its results among the images or the boxes: a second run writes the same bytes."""

from pathlib import Path

import pytest

from helpers import own_data
from helpers.commands import run_boxsup
from helpers.networks import write_object_network

pytestmark = pytest.mark.slow  # candidates are made and networks run

WRITERS = {
    "coco": lambda folder, made: own_data.write_coco(folder / "boxes.json", made),
    "voc_xml": own_data.write_voc_xml,
    "yolo": own_data.write_yolo,
    "labelme": own_data.write_labelme,
}
BOXES = {"coco": "in/boxes.json", "yolo": "in/labels"}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("out", ["in/masks", "in/sub/masks"])
@pytest.mark.parametrize("form", WRITERS)
def test_results_become_no_inputs(tmp_path, form, out):
    """One folder for all: photographs, one of them in a subfolder, annotations and results."""
    made = own_data.pictures(2)
    first, second = ({image: made[image]} for image in made)
    own_data.write_images(tmp_path / "in", first)
    own_data.write_images(tmp_path / "in/sub", second)
    WRITERS[form](tmp_path / "in", made)
    if form == "coco":
        file = tmp_path / "in/boxes.json"
        file.write_text(file.read_text().replace('"picture_01.png"', '"sub/picture_01.png"'))
    network = write_object_network(tmp_path / "objects.pt")
    given = ["masks", "--images", tmp_path / "in", "--boxes", tmp_path / BOXES.get(form, "in")]
    given += ["--objects", network, "--proposals", "selective_search", "--look", "--out", tmp_path / out]
    ended = run_boxsup(*given)
    assert ended.returncode == 0, ended.stderr
    before = content(tmp_path / out)
    for _ in range(2):
        ended = run_boxsup(*given)
        assert ended.returncode == 0, ended.stderr
        assert "2 images, 2 of them done before" in ended.stderr
        assert content(tmp_path / out) == before
