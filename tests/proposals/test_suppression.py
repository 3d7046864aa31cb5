from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from boxsup.proposals.pool import tight_boxes
from boxsup.proposals.regions import region_boxes
from boxsup.proposals.suppression import suppress
from boxsup.random import generator


def dense_suppress(masks, threshold, most):
    kept: list[int] = []
    for i, mask in enumerate(masks):
        ious = [(mask & masks[j]).sum() / (mask | masks[j]).sum() for j in kept]
        if all(iou <= threshold for iou in ious) and len(kept) < most:
            kept.append(i)
    return kept


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from([0.3, 0.5, 0.9, 1.0]),
    st.integers(1, 50),
    st.sampled_from([0.1, 0.5, 0.9]),
)
def test_keeps_what_a_dense_loop_keeps(seed, candidates, threshold, most, density):
    draws = generator(seed, "test")
    labels = np.unique(draws.integers(0, 12, (6, 7)), return_inverse=True)[1].reshape(6, 7)
    regions = int(labels.max()) + 1
    matrix = draws.random((candidates, regions)) < density
    matrix[~matrix.any(axis=1), 0] = True
    boxes = tight_boxes(matrix, region_boxes(labels, regions))
    kept = suppress(matrix, boxes, np.bincount(labels.ravel()), threshold, most)
    assert kept.tolist() == dense_suppress(matrix[:, labels], threshold, most)


def test_an_iou_at_the_threshold_is_kept():
    matrix = np.array([[True, True], [True, False]])
    boxes = np.array([[0, 0, 10, 1], [0, 0, 9, 1]], np.int32)
    pixels = np.array([9, 1])
    assert suppress(matrix, boxes, pixels, 0.9, 10).tolist() == [0, 1]
    assert suppress(matrix, boxes, pixels, 0.89, 10).tolist() == [0]
