"""Photographs of more megapixels than stages work on: reduced where that suffices, whole where people see results."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import boxsup
from boxsup.catalogue.tables import read_catalogue
from boxsup.cli import main
from boxsup.config.files import block, project_config
from boxsup.config.proposals import MEGAPIXELS
from boxsup.errors import DataError
from boxsup.image.files import read_image, read_mask, write_mask
from boxsup.image.scaling import sampled, working_size
from boxsup.network.checkpoint import Checkpoint, save_checkpoint
from boxsup.proposals.methods import build_settings, make_proposer
from helpers.networks import network_that_has_seen
from helpers.small_split import CLASSES as CLASSES_OF_NETWORK
from helpers.small_split import draw

HEIGHT, WIDTH = 1200, 1700
BOX = (420, 310, 1180, 1010)
XML = """<annotation><object><name>leaf</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>
</bndbox></object></annotation>"""


def leaf():
    """H×W, true on an ellipse that is tilted and has a notch, and that fills BOX."""
    x0, y0, x1, y1 = BOX
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    u, v = (x - (x0 + x1) / 2 + 0.5) / ((x1 - x0) / 2), (y - (y0 + y1) / 2 + 0.5) / ((y1 - y0) / 2)
    return (u**2 + v**2 <= 1) & ~((v < 0) & (np.abs(u) < -0.45 * v))


def photograph(mask):
    """A noisy leaf before a noisy background with a slope of light."""
    random = np.random.default_rng(0)
    ground = np.array([90, 120, 150]) + 40 * np.mgrid[:HEIGHT, :WIDTH][1][..., None] / WIDTH
    noise = cv2.resize(random.normal(0, 14, (HEIGHT // 4, WIDTH // 4, 3)), (WIDTH, HEIGHT))
    colours = np.where(mask[..., None], np.array([190, 150, 60]), ground) + noise + random.normal(0, 5, ground.shape)
    return np.clip(colours, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """One photograph of two megapixels in VOC layout, with its box, its mask and its object mask."""
    root = tmp_path_factory.mktemp("large") / "tree"
    for folder in ("ImageSets/Segmentation", "JPEGImages", "Annotations", "SegmentationClass", "SegmentationObject"):
        (root / folder).mkdir(parents=True)
    mask = leaf()
    Image.fromarray(photograph(mask)).save(root / "JPEGImages/a.jpg", quality=92)
    for folder in ("SegmentationClass", "SegmentationObject"):
        write_mask(root / folder / "a.png", mask.astype(np.uint8))
    (root / "Annotations/a.xml").write_text(XML.format(BOX[0] + 1, BOX[1] + 1, BOX[2], BOX[3]))
    (root / "ImageSets/Segmentation/train.txt").write_text("a\n")
    return root


def tables(tree, out, *more):
    split = json.dumps({"list": "train", "masks": "SegmentationClass"})
    arguments = ["catalogue", "--format", "voc", "--root", str(tree), "--split", split, "--classes", '["leaf"]']
    main([*arguments, "--on-problem", "stop", "--out", str(out), *more])
    return read_catalogue(out)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_tables_have_the_working_size_and_its_boxes(tree, tmp_path, capsys):
    catalogue = tables(tree, tmp_path / "tables")
    assert "1 image of more than 0.31 megapixels reduced" in capsys.readouterr().err
    (row,) = catalogue.rows()
    assert (row.height, row.width) == working_size(HEIGHT, WIDTH, MEGAPIXELS)
    assert 0.99 * MEGAPIXELS < row.height * row.width / 1e6 <= MEGAPIXELS
    (box,) = catalogue.boxes_of("a")[["x0", "y0", "x1", "y1"]].to_numpy()
    exact = np.array(BOX) * row.width / WIDTH
    assert (np.abs(box - exact) <= 1.01).all()
    photo, mask = row.photo(), row.true_mask()
    assert photo.shape == (row.height, row.width, 3)
    np.testing.assert_array_equal(row.object_mask(), mask)
    y, x = np.nonzero(mask)
    assert (box[:2] <= (x.min(), y.min())).all()
    assert (box[2:] > (x.max(), y.max())).all()
    whole = cv2.resize(read_image(row.path), (row.width, row.height), interpolation=cv2.INTER_AREA)
    assert np.abs(photo.astype(int) - whole).mean() < 2  # decoded at one of the JPEG's own scales


def test_a_data_set_may_be_worked_on_at_full_size(tree, tmp_path, capsys):
    (row,) = tables(tree, tmp_path / "tables", "--megapixels", "2.1").rows()
    assert (row.height, row.width) == (HEIGHT, WIDTH)
    assert "reduced" not in capsys.readouterr().err
    np.testing.assert_array_equal(row.photo(), read_image(row.path))


@pytest.mark.parametrize("size", [(HEIGHT + 1, WIDTH), (600, 840), (601, 850)])
def test_a_file_that_has_changed_since_is_not_squeezed(tree, size):
    with pytest.raises(DataError, match="it has changed, make the catalogue again"):
        read_image(tree / "JPEGImages/a.jpg", size)
    with pytest.raises(DataError, match="it has changed, make the catalogue again"):
        read_mask(tree / "SegmentationClass/a.png", size)


@pytest.mark.slow
def test_candidates_of_a_large_image_are_sharp(tree):
    """They are as many as of the reduced image, and their borders are finer than its pixels."""
    settings = build_settings(block(project_config(None), "proposals")["mcg"], "mcg")
    image, truth = read_image(tree / "JPEGImages/a.jpg"), leaf()
    pool = make_proposer(settings)(image, "a")
    assert pool.superpixels.shape == (HEIGHT, WIDTH)
    small = make_proposer(settings)(read_image(tree / "JPEGImages/a.jpg", working_size(HEIGHT, WIDTH, 0.31)), "a")
    assert len(pool) > 0.8 * len(small)
    best = max(iou(pool.mask(number), truth) for number in range(len(pool)))
    coarse = max(iou(sampled(small.mask(number), truth.shape), truth) for number in range(len(small)))
    assert best > 0.985
    assert 1 - best < 0.8 * (1 - coarse)


@pytest.mark.slow
def test_masks_come_out_at_full_size(tree, tmp_path):
    boxes, images = str(tree / "Annotations"), str(tree / "JPEGImages")
    main(["masks", "--images", images, "--boxes", boxes, "--out", str(tmp_path), "--format", "voc", "--workers", "1"])
    mask = read_mask(tmp_path / "voc/SegmentationClass/a.png")
    assert mask.shape == (HEIGHT, WIDTH)
    assert iou(mask == 1, leaf()) > 0.97
    assert pd.read_csv(tmp_path / "boxes.csv")["score"].item() > 0.8


def test_labels_are_predicted_at_a_working_size_and_written_at_full_size(tree, tmp_path):
    """The network sees no more than 0.31 megapixels; the edges of the labels are those of the photograph."""
    pictures = [draw(seed)[0] for seed in range(4)]
    saved = Checkpoint("mobilenet_v2", CLASSES_OF_NETWORK, network_that_has_seen(pictures), 0, {})
    save_checkpoint(tmp_path / "m.pt", saved)
    model = boxsup.load(tmp_path / "m.pt", threads=1)
    path = tree / "JPEGImages/a.jpg"
    whole = model.predict(path, scores=True)
    assert whole.labels.shape == (HEIGHT, WIDTH)
    assert whole.scores is not None
    assert whole.scores.shape[1:] == working_size(HEIGHT, WIDTH, MEGAPIXELS)
    shrunk = cv2.resize(read_image(path), whole.scores.shape[:0:-1], interpolation=cv2.INTER_AREA)
    small = model.predict(shrunk).labels
    agree = sampled(small, (HEIGHT, WIDTH)) == whole.labels
    assert agree.mean() > 0.95
    assert set(np.unique(whole.labels)) == set(np.unique(small))
    main(["predict", str(path), "--model", str(tmp_path / "m.pt"), "--out", str(tmp_path / "out"), "--threads", "1"])
    np.testing.assert_array_equal(read_mask(tmp_path / "out/masks/a.png"), whole.labels)
