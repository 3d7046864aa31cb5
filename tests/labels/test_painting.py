import numpy as np
import pytest

from boxsup.labels.painting import paint


def test_smaller_boxes_win_overlaps_and_void_never_covers():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 4, 4], [1, 1, 4, 4]])
    painted = paint(4, 4, boxes, np.array([1, 2, 255]), [None] * 3, clip=True)
    np.testing.assert_array_equal(painted, [[1, 1, 2, 2], [1, 1, 2, 2], [2, 2, 2, 2], [2, 2, 2, 2]])
    void_alone = paint(4, 4, boxes[2:], np.array([255]), [None], clip=True)
    assert (void_alone == 255).sum() == 9


@pytest.mark.parametrize(("clip", "pixels"), [(True, 4), (False, 16)])
def test_a_segment_ends_at_its_box_only_when_clipped(clip, pixels):
    painted = paint(4, 4, np.array([[1, 1, 3, 3]]), np.array([7]), [np.ones((4, 4), bool)], clip)
    assert (painted == 7).sum() == pixels
