import shutil

import numpy as np
import pytest

from boxsup.contours import bsds
from boxsup.errors import DataError
from helpers.discs import write_annotations


def test_images_come_with_every_annotator(small_bsds):
    assert bsds.image_ids(small_bsds, "train") == ["30", "38"]
    annotated = bsds.read_annotated(small_bsds, "train", "30")
    assert annotated.image.shape == (160, 160, 3)
    assert annotated.segmentations.shape == annotated.boundaries.shape == (2, 160, 160)
    assert np.unique(annotated.segmentations).tolist() == [1, 2]
    assert annotated.boundaries.dtype == bool


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"groundTruth/val: no such folder.*BSDS500"):
        bsds.image_ids(tmp_path, "val")


@pytest.fixture
def damaged(small_bsds, tmp_path):
    return shutil.copytree(small_bsds, tmp_path / "bsds")


def test_a_missing_image_is_named(damaged):
    (damaged / "images/val/50.jpg").unlink()
    with pytest.raises(DataError, match=r"50\.jpg: no such image"):
        bsds.read_annotated(damaged, "val", "50")


def test_a_truncated_image_is_named(damaged):
    path = damaged / "images/val/50.jpg"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"50\.jpg: not a readable image"):
        bsds.read_annotated(damaged, "val", "50")


@pytest.mark.parametrize("keep", [0, 100, 400])
def test_a_truncated_annotation_is_named(damaged, keep):
    path = damaged / "groundTruth/val/50.mat"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"50\.mat: not a readable annotation.*fetch"):
        bsds.read_annotated(damaged, "val", "50")


def test_an_annotation_of_another_image_is_refused(damaged):
    write_annotations(damaged / "groundTruth/val/50.mat", [np.ones((160, 159), np.uint16)])
    with pytest.raises(DataError, match="do not belong together"):
        bsds.read_annotated(damaged, "val", "50")


def test_the_real_data_set_reads(real_bsds):
    assert [len(bsds.image_ids(real_bsds, split)) for split in ("train", "val")] == [200, 100]
    annotated = bsds.read_annotated(real_bsds, "val", bsds.image_ids(real_bsds, "val")[0])
    assert sorted(annotated.image.shape[:2]) == [321, 481]
    assert 4 <= len(annotated.segmentations) <= 9
    assert annotated.boundaries.any(axis=(1, 2)).all()
