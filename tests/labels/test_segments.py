"""What the boxes of a generation label, read back from its store."""

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from boxsup.errors import DataError, StoreError
from boxsup.image.packed import PackedMask
from boxsup.labels.choice import Choice, Chosen
from boxsup.labels.choice_tables import NO_PIXELS, SHARPENED, ChoiceTables
from boxsup.labels.segments import Segments
from boxsup.proposals.pool import make_pool
from boxsup.store.labels import Labels, labels_writer

SIZE = (6, 9)
BOX = np.array([2, 1, 7, 5])
PIXELS = np.random.default_rng(0).random((4, 5)) < 0.5


def store(path: Path, chosen: list[int], sharpened: list[np.ndarray]) -> Labels:
    with labels_writer(path, ["a"], np.array([SIZE]), {}) as writer:
        writer.append("a", labels=np.zeros(SIZE, np.uint8))
        writer.table("chosen", np.array(chosen, np.int32))
        writer.ragged(SHARPENED, sharpened)
    return Labels(path)


def test_a_sharpened_segment_comes_back_without_what_it_was_made_of(tmp_path: Path) -> None:
    tables, none = ChoiceTables(2, 5), np.zeros(0)
    mask = PackedMask.within(SIZE, (1, 2), PIXELS)
    tables.record(0, Choice(7, np.array([7]), *[np.zeros(1)] * 4), mask)
    tables.record(1, Choice(Chosen.RECTANGLE, np.zeros(0, np.int64), none, none, none, none))
    segments = Segments(store(tmp_path / "001.zarr", tables.chosen.tolist(), tables.runs()))
    assert [segments.is_sharpened(row) for row in (0, 1)] == [True, False]
    assert not any(map(segments.is_candidate, (0, 1)))
    np.testing.assert_array_equal(segments.inside(0, BOX, SIZE, None, None), PIXELS)
    np.testing.assert_array_equal(segments.inside(1, BOX, SIZE, None, None), np.ones((4, 5), bool))


def test_candidates_that_were_made_again_may_be_too_few_to_tell_a_segment(tmp_path: Path) -> None:
    segments = Segments(store(tmp_path / "001.zarr", [1, 0, Chosen.RECTANGLE], [NO_PIXELS] * 3))
    pool = make_pool(np.zeros(SIZE, np.int32), np.ones((1, 1), bool), np.ones(1))
    assert [segments.is_candidate(row) for row in range(3)] == [True, True, False]
    assert [segments.is_known(row, pool) for row in range(3)] == [False, True, True]
    assert [segments.is_known(row, None) for row in range(3)] == [False, False, True]


def test_other_programs_read_the_runs(tmp_path: Path) -> None:
    tables = ChoiceTables(1, 5)
    tables.record(0, Choice(0, np.array([0]), *[np.zeros(1)] * 4), PackedMask.within(SIZE, (1, 2), PIXELS))
    (runs,) = tables.runs()
    decoded = coco_mask.decode({"size": list(SIZE), "counts": runs.tobytes()})
    np.testing.assert_array_equal(decoded[1:5, 2:7], PIXELS)
    assert decoded.sum() == PIXELS.sum()


@pytest.mark.parametrize("runs", [b"\xff\xfe", b"1", b"zz"])
def test_damaged_runs_are_told(tmp_path: Path, runs: bytes) -> None:
    segments = Segments(store(tmp_path / "001.zarr", [0, 0], [NO_PIXELS, np.frombuffer(runs, np.uint8)]))
    with pytest.raises(DataError, match=r"001.zarr: the segment of box 2"):
        segments.inside(1, BOX, SIZE, None, None)


def test_a_store_without_segments_is_told(tmp_path: Path) -> None:
    with labels_writer(tmp_path / "x.zarr", ["a"], np.array([SIZE]), {}) as writer:
        writer.append("a", labels=np.zeros(SIZE, np.uint8))
        writer.table("chosen", np.zeros(1, np.int32))
    with pytest.raises(StoreError, match="array sharpened is missing"):
        Segments(Labels(tmp_path / "x.zarr"))
