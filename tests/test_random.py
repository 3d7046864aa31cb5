import numpy as np

from boxsup.random import generator, torch_seed


def test_equal_keys_draw_equally_and_others_do_not():
    draws = {key: tuple(generator(*key).integers(0, 2**31, 4)) for key in [(0,), (1,), (0, 1), (0, "1"), (0, "a", 1)]}
    assert len(set(draws.values())) == len(draws)
    assert draws[0, "a", 1] == tuple(generator(0, "a", 1).integers(0, 2**31, 4))


def test_the_streams_never_change():
    # These numbers are part of every stored result: a change of them is a new version of every stage that draws.
    assert list(generator(0, "update", 1, "2007_000032", 0).integers(0, 1000, 4)) == [6, 971, 538, 612]
    assert torch_seed(0, "epoch", 1) == 3941008094980937020


def test_draws_are_uniform_over_keys():
    first = np.array([generator(0, "x", i).random() for i in range(2000)])
    assert abs(first.mean() - 0.5) < 0.03
    assert np.histogram(first, 10, (0, 1))[0].min() > 140
