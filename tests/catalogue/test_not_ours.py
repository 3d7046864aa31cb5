"""Results among a user's files: what boxsup wrote is no image and no annotation, and nothing else is left out."""

import json
import shutil

import pytest

from boxsup.again import Start, record
from boxsup.catalogue.readers.image_files import all_names, images_below
from boxsup.catalogue.readers.not_ours import ours_below, without_ours
from boxsup.catalogue.sources import open_source
from boxsup.errors import DataError
from boxsup.store.atomic import atomic_write, write_bytes
from boxsup.store.ownership import claiming
from helpers import own_data


@pytest.fixture
def photos(tmp_path):
    """Two photographs, one in a subfolder."""
    for name in ("a.jpg", "cam/b.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"a photograph")
    return tmp_path / "photos"


def write(base, *names, folder=None):
    """Write files as a command does, one by one, and perhaps a folder as a whole."""
    with claiming(overwrite=True) as claims:
        claims.add([base / name for name in names], base)
        for name in names:
            write_bytes(base / name, b"a result")
        if folder:
            claims.add([base / folder])
            with atomic_write(base / folder) as partial:
                partial.mkdir()
                write_bytes(partial / "deep" / "a.png", b"a result")


def test_results_in_a_folder_of_their_own_are_left_out(photos):
    write(photos / "out", "contact.jpg", "overlays/a.jpg", folder="voc")
    assert images_below(photos) == ["a.jpg", "cam/b.jpg"]
    assert ours_below(photos) == ["out"]


def test_photographs_beside_results_are_read(photos):
    """`--out photos/cam`: that folder has a manifest, and is the user's."""
    write(photos / "cam", "a.png", "masks/b.png", folder="voc")
    (photos / "cam/masks/c.jpg").write_bytes(b"a photograph that was put there")
    assert images_below(photos) == ["a.jpg", "cam/b.jpg", "cam/masks/c.jpg"]
    assert ours_below(photos) == ["cam"]


def test_what_a_folder_that_is_named_holds_is_read(photos):
    """A person names the folder of results itself: masks to train on, labels to go on with."""
    write(photos, "masks/a.png", folder="voc")
    assert images_below(photos / "masks") == ["a.png"]
    assert images_below(photos / "voc") == ["deep/a.png"]
    shutil.copytree(photos / "voc", photos.parent / "copy")
    assert images_below(photos.parent / "copy") == ["deep/a.png"]
    assert ours_below(photos) == ["masks", "voc"]


def test_a_result_that_was_corrected_is_no_photograph_under_its_dated_name_either(photos):
    write(photos / "out", "a.png", folder="voc")
    (photos / "out/a.png").write_bytes(b"corrected")
    (photos / "out/voc/deep/a.png").write_bytes(b"corrected")
    assert images_below(photos) == ["a.jpg", "cam/b.jpg"]
    write(photos / "out", "a.png", folder="voc")
    assert len(list(photos.glob("out/*T*"))) == 2
    assert images_below(photos) == ["a.jpg", "cam/b.jpg"]


def test_results_of_the_workflow_keep_no_manifest_and_are_left_out(photos):
    pictures = photos / "results/own_box/pictures"
    pictures.mkdir(parents=True)
    (pictures / "a.jpg").write_bytes(b"a result")
    record(photos / "results", ["own_box", "data/own"], Start("Snakefile"))
    assert images_below(photos) == ["a.jpg", "cam/b.jpg"]
    (photos / "results/commands.json").write_text(json.dumps({"a": "somebody else's"}))
    assert images_below(photos) == ["a.jpg", "cam/b.jpg", "results/own_box/pictures/a.jpg"]


def test_files_that_a_pattern_found_are_judged_as_in_a_walk(photos):
    write(photos / "out", "overlays/a.jpg", folder="voc")
    every = sorted(photos.rglob("*.*g"))
    assert len(every) == 4
    assert without_ours(every, photos) == [photos / "a.jpg", photos / "cam/b.jpg"]
    assert without_ours(every, photos / "out/voc") == [*every[:3], photos / "out/voc/deep/a.png"]


def test_where_nothing_is_left_the_folder_to_name_is_said(photos):
    write(photos.parent / "all/out", folder="voc")
    with pytest.raises(DataError, match=r"holds no image; .*is not read, as in .*all/out/voc: name that folder itself"):
        all_names(photos.parent / "all")


@pytest.mark.parametrize("form", ["voc_xml", "yolo", "labelme"])
def test_copies_among_annotations_are_no_annotations_and_it_is_said(tmp_path, form):
    made = own_data.pictures(3)
    own_data.write_images(tmp_path / "in", made)
    {"voc_xml": own_data.write_voc_xml, "yolo": own_data.write_yolo, "labelme": own_data.write_labelme}[form](
        tmp_path / "in", made
    )
    before = open_source(tmp_path / "in", tmp_path / "in")
    with claiming(overwrite=False) as claims:
        claims.add([tmp_path / "in/out/copy"])
        with atomic_write(tmp_path / "in/out/copy") as partial:
            shutil.copytree(tmp_path / "in", partial, ignore=shutil.ignore_patterns("out"))
    after = open_source(tmp_path / "in", tmp_path / "in")
    assert after.files() == before.files()
    assert list(after.listing().ids) == list(before.listing().ids)
    assert before.ids == after.ids
    assert before.notes == ((f"the classes are named by {before.data}",) if before.data else ())
    assert after.notes == (
        *before.notes,
        f"what boxsup wrote among your files is not read: in {tmp_path}/in/out/copy",
    )
