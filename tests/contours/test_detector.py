import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from boxsup.contours import bsds
from boxsup.contours import detector as module
from boxsup.contours.detector import WEIGHTS, WEIGHTS_SHA256, at_scales, detector, network_detector
from boxsup.contours.network import load_network
from boxsup.errors import ConfigError, StoreError
from boxsup.image.files import read_image
from boxsup.random import generator
from helpers.discs import disc
from helpers.golden import check_golden

KINDS = ("network", "gradient")


@pytest.fixture(scope="module", params=KINDS)
def detect(request):
    return detector(request.param)


GOLDEN_NETWORK = [0.2843, 0.2910, 0.5741, 0.1198]
GOLDEN_GRADIENT = [0.6900, 0.7074, 0.7642, 0.6802]


def noise(height, width):
    return np.random.default_rng(height * 7 + width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (5, 3), (16, 16), (17, 33), (3, 5000), (5000, 3)])
def test_every_size(detect, shape):
    strength = detect(noise(*shape))
    assert strength.shape == shape
    assert strength.dtype == np.float32
    assert strength.flags.c_contiguous
    assert np.isfinite(strength).all()
    assert strength.min() >= 0
    assert strength.max() <= 1


def test_a_constant_image_has_no_strong_contour(detect):
    assert detect(np.full((75, 60, 3), 90, np.uint8)).max() < 0.2


def test_a_strong_edge_is_found_where_it_is(detect):
    strength = detect(disc(160, 80, 45)[0])
    y, x = np.mgrid[:160, :160]
    off = np.abs(np.hypot(y - 80, x - 80) - 45)
    assert strength[off < 1].mean() > 0.5
    assert strength[off < 1].mean() > 3 * strength[off > 15].mean()
    rows = strength[80]
    assert abs(int(rows[:80].argmax()) - 35) <= 1
    assert abs(80 + int(rows[80:].argmax()) - 125) <= 1


def test_views_and_order_do_not_matter(detect):
    image = noise(40, 60)
    strided = np.asfortranarray(image)
    first = detect(image)
    detect(noise(33, 20))
    assert (detect(strided) == first).all()
    assert (detect(np.repeat(image, 2, axis=1)[:, ::2]) == first).all()


def test_the_same_bits_whatever_the_threads(detect):
    image, before = noise(120, 90), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(detect(image))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all((result == results[0]).all() for result in results)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_image_is_refused(detect, image):
    with pytest.raises(ValueError, match="expected an H×W×3 uint8 image"):
        detect(image)


def test_unknown_detectors_are_refused():
    with pytest.raises(ConfigError, match=r"expected 'network' or 'gradient', got 'canny'"):
        detector("canny")


@pytest.mark.slow
def test_the_gradient_needs_no_torch():
    code = (
        "import sys, numpy as np; from boxsup.contours.detector import detector\n"
        "detector('gradient')(np.zeros((9, 9, 3), np.uint8)); assert 'torch' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_the_shipped_weights_are_those_of_the_card():
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == WEIGHTS_SHA256
    card = WEIGHTS.with_name("README.md").read_text()
    network, made = load_network(WEIGHTS)
    assert WEIGHTS_SHA256 in card
    assert f"{sum(parameter.numel() for parameter in network.parameters()):,}" in card
    assert made["pretrained"]["sha256"] in card
    assert made["splits"] == ["train", "val"]
    assert made["versions"]["torch"] in card
    assert f"{made['recipe']['steps']:,} steps" in card
    assert WEIGHTS.stat().st_size < 3e6


def test_damaged_or_missing_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WEIGHTS", tmp_path / "network.pt")
    with pytest.raises(StoreError, match=r"network\.pt: not readable.*install boxsup again"):
        detector("network")
    (tmp_path / "network.pt").write_bytes(WEIGHTS.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"network\.pt: its sha256 begins with .*install boxsup again"):
        detector("network")
    with pytest.raises(StoreError, match=r"network\.pt: not a readable checkpoint"):
        network_detector(tmp_path / "network.pt")


def golden_image():
    y, x = np.mgrid[:64, :80]
    waves = [128 + 90 * np.sin(x / a + y / b) for a, b in ((9, 17), (23, 11), (15, 40))]
    image = np.stack(waves, axis=2).astype(np.uint8)
    image[20:44, 30:60] = 255 - image[20:44, 30:60]
    return image


@pytest.mark.parametrize(("kind", "expected"), [("network", GOLDEN_NETWORK), ("gradient", GOLDEN_GRADIENT)])
def test_golden_strengths(kind, expected):
    # Rounded: the last bits of float sums are the processor's.
    strength = detector(kind)(golden_image())
    check_golden("proposals", strength[[19, 20, 32, 32], [45, 45, 29, 70]], pytest.approx(expected, abs=2e-3))


def test_the_network_follows_people_more_than_the_gradient_does(real_bsds):
    annotated = bsds.read_annotated(real_bsds, "val", bsds.image_ids(real_bsds, "val")[0])
    drawn = cv2.dilate(annotated.boundaries.any(axis=0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    contrast = {}
    for kind in KINDS:
        strength = detector(kind)(annotated.image)
        contrast[kind] = strength[drawn].mean() / strength[~drawn].mean()
    assert contrast["network"] > 2 * contrast["gradient"]


def test_real_photographs(voc_mini, detect):
    path = sorted(Path(voc_mini, "JPEGImages").glob("*.jpg"))[0]
    image = read_image(path)
    strength = detect(image)
    assert strength.shape == image.shape[:2]
    assert 0 <= strength.min() < strength.max() <= 1


def test_scales_are_averaged_at_the_size_of_the_image():
    seen = []

    def detect(image):
        seen.append(image.shape[:2])
        return np.full(image.shape[:2], len(seen) / 10, np.float32)

    averaged = at_scales(detect, (1.0, 0.5, 1.5))(np.zeros((5, 8, 3), np.uint8))
    assert seen == [(5, 8), (2, 4), (8, 12)]
    assert averaged.shape == (5, 8)
    assert np.allclose(averaged, 0.2)


def test_one_scale_changes_no_bit():
    image = generator(0, "scales").integers(0, 256, (20, 30, 3), np.uint8)
    detect = detector("gradient")
    assert np.array_equal(at_scales(detect, (1.0,))(image), detect(image))
