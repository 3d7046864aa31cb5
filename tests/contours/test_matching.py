import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist

from boxsup.contours.matching import match_boundaries


def lines(*rows):
    return np.array([[character == "x" for character in row] for row in rows])


def test_equal_lines_match_entirely():
    line = lines("....", "xxxx", "....")
    found, true = match_boundaries(line, line, 0)
    assert (found == line).all()
    assert (true == line).all()


def test_the_distance_is_inclusive_and_euclidean():
    one, knight = lines("x....", ".....", "....."), lines(".....", "..x..", ".....")
    assert match_boundaries(one, knight, 5**0.5)[0].sum() == 1
    assert match_boundaries(one, knight, 2.236)[0].sum() == 0  # a little less than the root of 5


def test_each_pixel_has_one_partner():
    # Three found pixels around one true pixel: the nearest has it.
    found, true = match_boundaries(lines("xx.x"), lines("..x."), 2)
    assert found.sum() == true.sum() == 1
    assert not found[0, 0]


def test_augmenting_paths_find_what_the_nearest_first_misses():
    # Nearest first, 1 takes 1 and leaves 0 and 3 with nothing within 2: 0-1 and 1-3 is the larger matching.
    found, true = match_boundaries(lines("xx..."), lines(".x.x."), 2)
    assert found.tolist() == [[True, True, False, False, False]]
    assert true.sum() == 2


def test_a_search_in_vain_hides_no_later_path():
    # Pixels 0, 1, 2 share the true pixels 1, 2 (one stays alone); 6 and 7 then need a path of their own.
    found, true = match_boundaries(lines("xxx...xx..."), lines(".xx....x.x."), 2)
    assert found.sum() == true.sum() == 4


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 1, 1.5, 2.3, 4]))
def test_as_many_pairs_as_scipy_finds(seed, height, width, distance):
    random = np.random.default_rng(seed)
    a, b = random.random((2, height, width)) < random.uniform(0.1, 0.9, (2, 1, 1))
    found, true = match_boundaries(a, b, distance)
    near = cdist(np.argwhere(a), np.argwhere(b)) <= distance if a.any() and b.any() else np.zeros((0, 0))
    best = (maximum_bipartite_matching(csr_array(near), perm_type="column") >= 0).sum() if near.size else 0
    assert found.sum() == true.sum() == best
    assert not (found & ~a).any()
    assert not (true & ~b).any()


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        match_boundaries(np.zeros((2, 3), bool), np.zeros((3, 2), bool), 1)
