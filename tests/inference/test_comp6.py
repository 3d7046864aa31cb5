"""The archive for the VOC evaluation server."""

import tarfile

import numpy as np
import pytest
from PIL import Image

from boxsup.cli import main
from boxsup.image.palette import voc_palette
from boxsup.store.labels import labels_writer

IMAGES = ["2008_000006", "2008_000011"]
SIZES = np.array([[30, 40], [25, 21]])


def store(path, classes=21):
    attributes = {"classes": ["background", *(f"class {i}" for i in range(1, classes))]}
    with labels_writer(path, IMAGES, SIZES, attributes, ("labels", "labels_crf")) as writer:
        for image, (height, width) in zip(IMAGES, SIZES, strict=True):
            labels = (np.arange(height * width) % 21).astype(np.uint8).reshape(height, width)
            writer.append(image, labels=np.zeros_like(labels), labels_crf=labels)
    return str(path)


@pytest.mark.parametrize(("stack", "most"), [("labels_crf", 20), ("labels", 0)])
def test_it_holds_palette_pngs_where_the_server_looks_for_them(tmp_path, stack, most):
    predictions = store(tmp_path / "p.zarr")
    main(["comp6", "--predictions", predictions, "--stack", stack, "--out", f"{tmp_path}/c.tar"])
    with tarfile.open(tmp_path / "c.tar") as archive:
        folder = "results/VOC2012/Segmentation/comp6_test_cls"
        assert archive.getnames() == [f"{folder}/{image}.png" for image in IMAGES]
        for member, (height, width) in zip(archive, SIZES, strict=True):
            with Image.open(archive.extractfile(member)) as picture:
                assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (width, height))
                assert picture.getpalette()[:63] == voc_palette()[:21].ravel().tolist()
                assert np.asarray(picture).max() == most


def test_equal_predictions_give_equal_bytes(tmp_path):
    predictions = store(tmp_path / "p.zarr")
    for name in ("a", "b"):
        main(["comp6", "--predictions", predictions, "--split", "val", "--out", f"{tmp_path}/{name}.tar"])
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_predictions_of_other_classes_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["comp6", "--predictions", store(tmp_path / "p.zarr", 7), "--out", f"{tmp_path}/c.tar"])
    assert "the server takes VOC's 21 classes, these are 7" in capsys.readouterr().err
    assert not (tmp_path / "c.tar").exists()
