import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boxsup.image.boxes import box_iou
from boxsup.labels.overlaps import Overlaps, overlaps_writer


def test_half_open_corners():
    # [0, 2) × [0, 2) and [1, 3) × [0, 2) share 1 × 2 of 6 pixels; boxes that only touch share none.
    iou = box_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [2, 0, 3, 2], [0, 0, 2, 2], [0, 0, 4, 4]]))
    np.testing.assert_allclose(iou, [[2 / 6, 0, 1, 4 / 16]], rtol=1e-6)
    assert iou.dtype == np.float32


@given(st.lists(st.tuples(*[st.integers(0, 7)] * 4), min_size=2, max_size=2))
def test_iou_counts_pixels(corners):
    boxes = np.array([[min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1] for a, b, c, d in corners])
    masks = np.zeros((2, 9, 9), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    expected = (masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()
    np.testing.assert_allclose(box_iou(boxes[:1], boxes[1:]), [[expected]], rtol=1e-6)


def test_tables_come_back_whole_from_any_number_of_shards(tmp_path):
    random = np.random.default_rng(0)
    tables = {f"image{i}": random.random((i % 3, 4 + i), dtype=np.float32) for i in range(7)}
    names = list(tables)
    for path, images in [("0-of-2", names[:3]), ("1-of-2", names[3:])]:
        with overlaps_writer(tmp_path / path, images, {}) as writer:
            for image in images:
                writer.append(tables[image])
    stored = Overlaps([tmp_path / "0-of-2", tmp_path / "1-of-2"])
    assert list(stored) == names
    for image, table in tables.items():
        if len(table):
            np.testing.assert_array_equal(stored[image], table)
        else:
            assert len(stored[image]) == 0
