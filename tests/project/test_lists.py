"""No image may be trained on and evaluated on: `boxsup run` checks the lists, which users may edit."""

from __future__ import annotations

import pytest
import yaml

from boxsup.errors import DataError
from boxsup.project.lists import check_lists


@pytest.fixture
def config(tmp_path):
    """A configuration with two lists of the images of a folder."""
    files = {"images": "photos", "annotations": "boxes"}
    splits = {role: {**files, "list": f"{role}.txt"} for role in ("train", "val")}
    (tmp_path / "train.txt").write_text("cam1/a.jpg\nb.png\n")
    (tmp_path / "val.txt").write_text("c.jpg\nd.jpg\n")
    content = {
        "datasets": {"own": {"root": str(tmp_path), "splits": splits}},
        "experiments": {"own_box": {"dataset": "own", "train": "train", "val": "val"}},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    return tmp_path / "config.yaml"


def test_lists_without_a_common_image_pass(config):
    check_lists(config)


@pytest.mark.parametrize("line", ["b.png", "./b.png", "b", "a.jpg"])  # by name, a.jpg is the same image in any folder
def test_an_image_in_both_lists_is_refused(config, line):
    (config.parent / "val.txt").write_text(f"c.jpg\n{line}\n")
    with pytest.raises(
        DataError, match=r"own_box: 1 of the 2 images of val\.txt are in train\.txt, too, such as [ab]: "
    ):
        check_lists(config)


def test_folders_count_where_ids_have_them(config):
    content = yaml.safe_load(config.read_text())
    for split in content["datasets"]["own"]["splits"].values():
        split["ids"] = "path"
    config.write_text(yaml.safe_dump(content))
    (config.parent / "val.txt").write_text("cam2/a.jpg\n")
    check_lists(config)
    (config.parent / "val.txt").write_text("cam1/a.jpg\n")
    with pytest.raises(DataError, match="such as cam1__a"):
        check_lists(config)


def test_lists_of_other_images_are_not_compared(config):
    content = yaml.safe_load(config.read_text())
    content["datasets"]["own"]["splits"]["val"]["images"] = "others"
    config.write_text(yaml.safe_dump(content))
    (config.parent / "val.txt").write_text("b.png\n")
    check_lists(config)
