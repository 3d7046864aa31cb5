import numpy as np
import pytest

from boxsup.contours.bsds import Annotated
from boxsup.contours.sampling import consensus, random_square
from boxsup.random import generator
from helpers.discs import disc


def test_consensus_by_hand():
    regions = np.ones((1, 1, 9), np.uint16)
    regions[..., 4:] = 2
    expected = np.exp(-0.5 * np.array([3, 2, 1, 0, 0, 1, 2, 3, 4]) ** 2.0)
    assert consensus(regions)[0] == pytest.approx(expected, abs=1e-5)


def test_annotators_are_averaged():
    one, other = np.ones((6, 9), np.uint16), np.ones((6, 9), np.uint16)
    other[:, 4:] = 2
    both = consensus(np.stack([one, other]))
    assert both == pytest.approx(0.5 * consensus(other[None]))
    assert both.max() == 0.5


def test_one_region_has_no_boundary():
    assert not consensus(np.full((3, 8, 8), 7, np.uint16)).any()


def test_mirrored_regions_have_the_mirrored_consensus():
    regions = disc(40, 17, 9)[1][None]
    assert (consensus(regions[:, ::-1]) == consensus(regions)[::-1]).all()


@pytest.fixture(scope="module")
def annotated():
    image, regions = disc()
    return Annotated("disc", image, np.stack([regions] * 9), np.zeros((9, 96, 96), bool))


def test_squares_repeat_and_differ(annotated):
    squares = [random_square(annotated, 64, generator(0, key)) for key in (1, 1, 2)]
    assert all((a == b).all() for a, b in zip(*squares[:2], strict=True))
    assert not (squares[0][0] == squares[2][0]).all()


@pytest.mark.parametrize("key", range(20))
def test_the_consensus_turns_with_the_square(annotated, key):
    image, target = random_square(annotated, 64, generator(0, "turn", key))
    assert image.shape == (64, 64, 3)
    assert image.dtype == target.dtype == np.float32
    # Where colours jump, the boundary is: the strongest steps lie on it.
    steps = np.abs(np.diff(image.sum(axis=2), axis=1))
    y, x = np.nonzero(steps > 0.7 * max(steps.max(), 0.1))
    if steps.max() > 0.1:
        assert np.maximum(target[y, x], target[y, x + 1]).min() > 0.3


def test_an_image_smaller_than_a_square_is_enlarged(annotated):
    small = Annotated("small", annotated.image[:20, :30], annotated.segmentations[:, :20, :30], np.zeros((9, 20, 30)))
    image, target = random_square(small, 64, generator(0, "small"))
    assert image.shape == (64, 64, 3)
    assert target.shape == (64, 64)
