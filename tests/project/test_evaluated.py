"""The images that `boxsup init --val` names: those that are meant, and no others of the same file name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from boxsup.project.evaluated import named_images


@pytest.fixture
def photos(tmp_path):
    """Image id -> its file: two cameras, names with dots, one at the top."""
    files = {}
    for name in ("cam1/0001.jpg", "cam2/0001.jpg", "cam2/0002.jpg", "IMG.001.jpg", "IMG.jpg", "0003.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        files["__".join(Path(name).with_suffix("").parts)] = path
    return files


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ("cam1/0001.jpg", "cam1__0001"),
        ("cam2/0001", "cam2__0001"),  # as in VOC's lists
        ("cam2__0001", "cam2__0001"),
        ("photos/cam1/0001.jpg", "cam1__0001"),  # from the folder above
        ("../photos/cam1/0001.jpg", "cam1__0001"),
        ("0002.jpg", "cam2__0002"),
        ("0002", "cam2__0002"),
        ("IMG.001", "IMG.001"),  # .001 is no ending
        ("IMG.001.jpg", "IMG.001"),
        ("IMG", "IMG"),
        ("IMG.003", None),
        ("0001.jpg", None),  # of which camera?
        ("valid/0003.png", None),  # of another folder
        ("/elsewhere/photos/0003.png", None),
        ("0003.jpg", None),
    ],
)
def test_a_line_names_one_image_or_none(photos, tmp_path, line, image):
    chosen, missing = named_images(tmp_path / "val.txt", [line], photos, tmp_path / "photos")
    assert (chosen, missing) == (({image}, []) if image else (set(), [line]))


def test_an_absolute_line_names_the_image_that_is_there(photos, tmp_path):
    line = str(photos["IMG"])
    assert named_images(tmp_path / "val.txt", [line], photos, tmp_path / "photos") == ({"IMG"}, [])


def test_a_name_at_the_top_is_exact(photos, tmp_path):
    (tmp_path / "photos/cam1/0003.png").touch()
    files = {**photos, "cam1__0003": tmp_path / "photos/cam1/0003.png"}
    assert named_images(tmp_path / "val.txt", ["0003.png"], files, tmp_path / "photos")[0] == {"0003"}


def test_a_folder_names_its_own_images_or_those_of_which_it_has_copies(photos, tmp_path):
    """Not other photographs of the same file names, as `frame_0.jpg` of another camera."""
    inside = [str(photos["cam2__0001"]), str(photos["cam2__0002"])]
    assert named_images(tmp_path / "photos/cam2", inside, photos, tmp_path / "photos") == (
        {"cam2__0001", "cam2__0002"}, [])  # fmt: skip
    other = tmp_path / "valid"
    other.mkdir()
    shutil.copy(photos["cam2__0001"], other / "0001.jpg")
    (other / "IMG.jpg").write_text("another photograph")
    names = [str(other / name) for name in ("0001.jpg", "IMG.jpg")]
    assert named_images(other, names, photos, tmp_path / "photos") == ({"cam2__0001"}, [names[1]])
