"""Masks of boxes that no candidate fits."""

import numpy as np
import pandas as pd
import pytest

from boxsup.masking.box_masks import masks_of_boxes
from boxsup.masking.quality import RECTANGLE_QUALITY, quality
from boxsup.proposals.pool import make_pool
from helpers.updates import OURS

POOL = make_pool(np.zeros((12, 12), np.int64), np.ones((1, 1), bool), np.zeros(1))
SMALL = pd.DataFrame(
    {"image": ["a"], "label": 1, "x0": 4, "y0": 4, "x1": 8, "y1": 8, "difficult": 0, "crowd": 0, "group": 0}
)


@pytest.mark.parametrize("disjoint", [False, True])
def test_it_is_what_the_object_map_sees(disjoint):
    maps = np.zeros((1, 20, 20), np.uint8)
    maps[0, :, :10] = 255
    [mask] = masks_of_boxes("a", POOL, SMALL, None, maps, OURS.changed(mu=0.75), disjoint)
    expected = np.zeros((12, 12), bool)
    expected[4:8, 4:6] = True
    np.testing.assert_array_equal(mask.pixels, expected)
    assert not mask.rectangle
    assert quality(mask.measures) == RECTANGLE_QUALITY  # what it is worth was not fitted


def test_it_is_the_rectangle_where_the_map_sees_nothing():
    [mask] = masks_of_boxes("a", POOL, SMALL, None, np.zeros((1, 20, 20), np.uint8), OURS.changed(mu=0.75))
    assert mask.rectangle
    assert mask.pixels.sum() == 16
    assert mask.pixels[4:8, 4:8].all()
