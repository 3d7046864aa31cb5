import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boxsup.image.tiles import MARGIN_SHARE, tiles


@given(st.integers(1, 400), st.integers(1, 400), st.integers(64, 200))
def test_tiles_decide_on_each_pixel_once_and_none_at_a_border_of_theirs(height, width, side):
    decided = np.zeros((height, width), int)
    image = np.arange(height * width).reshape(height, width)
    for tile in tiles(height, width, side):
        decided[tile.kept] += 1
        seen = image[tile.seen]
        assert seen.shape == (min(side, height), min(side, width))
        np.testing.assert_array_equal(seen[tile.inner], image[tile.kept])
        for length, own, kept in zip((height, width), tile.seen, tile.kept, strict=True):
            margin = side // MARGIN_SHARE - 1  # less one for rounding
            assert own.start == 0 or kept.start - own.start >= margin
            assert own.stop == length or own.stop - kept.stop >= margin
    assert (decided == 1).all()


def test_a_small_image_is_one_tile():
    [tile] = tiles(50, 60, 64)
    assert tile.seen == tile.kept == tile.inner == np.s_[0:50, 0:60]
