from dataclasses import replace

import numpy as np
import pytest

from boxsup.labels.candidates import Candidates
from boxsup.labels.choice import Chosen, choose, chosen_pixels
from boxsup.proposals.pool import make_pool
from boxsup.random import generator
from helpers.updates import CENTRED, OURS, SCORES, SIX


def one(candidates, settings, scores=None, seed=0):
    [choice] = choose(candidates, scores, settings, [generator(seed)])
    return choice


@pytest.mark.parametrize(("lambda_", "winner"), [(0.0, 1), (1.0, 1), (100.0, 0)])
def test_the_cheapest_of_six_pixels(lambda_, winner):
    # λ = 0: the second, whose tight box is the box. λ → ∞: the first, which holds what the network sees most.
    choice = one(SIX, CENTRED.changed(k=1, lambda_=lambda_), SCORES)
    assert choice.chosen == winner
    assert choice.best[0] == winner


def test_the_best_are_the_least_costs_in_order():
    choice = one(SIX, CENTRED.changed(k=3, fallback_iou=0.0))
    assert list(choice.best) == [1, 3, 0, 2]  # runners-up are kept, and never drawn
    np.testing.assert_allclose(choice.overlap[:3], [0, 1 / 3, 0.5])
    np.testing.assert_allclose(choice.regression, 0)


def test_draws_are_uniform_over_the_k_best_and_only_these():
    settings = CENTRED.changed(k=3, fallback_iou=0.0)
    counts = np.bincount([one(SIX, settings, seed=seed).chosen for seed in range(900)], minlength=4)
    assert counts[2] == 0
    assert counts[[0, 1, 3]].min() > 250  # 300 expected, standard deviation 14


# A row of ten pixels, each a superpixel, all of it the box. One candidate fits best by a hair; five others agree.
LONE = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
AGREEING = [[1, 1, 1, 1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]]
AGREEING += [[0, 1, 1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]]
TEN = Candidates(
    superpixels=np.arange(10)[None],
    members=np.array([LONE, *AGREEING], np.float32),
    tight=np.array([[0, 0, 10, 1]] + [[0, 0, 9, 1]] * 5),
    boxes=np.array([[0, 0, 10, 1]]),
    iou=np.array([[1.0] + [0.9] * 5]),
)


def test_many_that_agree_outweigh_the_cheapest():
    assert one(TEN, OURS.changed(temperature=0.0)).chosen == 0
    assert one(TEN, OURS.changed(temperature=1e-3)).chosen == 0
    choice = one(TEN, OURS.changed(temperature=0.2, k=2))
    assert choice.best[0] in (1, 2)  # of the five that agree, those nearest to what they hold together


def test_expected_iou_is_that_of_the_expectation():
    # At temperature 0 the expectation is the cheapest candidate itself.
    choice = one(TEN, OURS.changed(temperature=0.0, k=6))
    mask = np.array(LONE)
    ious = [(mask * row).sum() / np.maximum(mask, row).sum() for row in TEN.members.astype(int)]
    np.testing.assert_allclose(choice.expected_iou, [ious[n] for n in choice.best], rtol=1e-6)


def test_the_network_can_outweigh_the_boxes():
    # It sees the label on the odd pixels alone.
    p = np.where(np.arange(10) % 2, 0.9, 0.1)[None]
    scores = np.log(np.stack([1 - p, p]))
    assert one(TEN, OURS.changed(temperature=0.2), scores).chosen in (1, 2)
    assert one(TEN, OURS.changed(temperature=0.2, lambda_=5.0), scores).chosen == 0


def test_no_candidate_near_the_box_falls_back_to_the_rectangle():
    for settings in (OURS, CENTRED):
        reach = settings.fallback_iou
        assert one(replace(SIX, iou=np.array([[reach, 0, 0, 0]])), settings).chosen >= 0
        assert one(replace(SIX, iou=np.array([[reach - 0.01, 0, 0, 0]])), settings).chosen == Chosen.RECTANGLE
        empty = replace(SIX, members=np.zeros((0, 3), np.float32), tight=SIX.tight[:0], iou=np.zeros((1, 0)))
        assert one(empty, settings, SCORES).chosen == Chosen.RECTANGLE


def test_no_candidate_near_the_box_falls_back_to_what_the_object_map_sees():
    far = replace(SIX, iou=np.zeros_like(SIX.iou))
    blind, sure = np.full((2, 1, 4, 4), 127, np.uint8)
    sure[0, 0, 0] = 255
    for maps, chosen in ((None, Chosen.RECTANGLE), (blind, Chosen.RECTANGLE), (sure, Chosen.MAP)):
        for candidates in (far, replace(far, members=far.members[:0], tight=far.tight[:0], iou=far.iou[:, :0])):
            [choice] = choose(candidates, None, OURS.changed(mu=0.75), [generator(0)], maps)
            assert choice.chosen == chosen
            assert choice.claim is None


def test_what_a_box_chose_ends_at_its_sides():
    pool = make_pool(np.repeat([[0, 0, 1, 1]], 3, axis=0), np.eye(2, dtype=bool), np.array([2.0, 1.0]))
    box, seen = np.array([1, 0, 4, 2]), np.full((3, 3), 255, np.uint8)
    seen[:, 0] = 0
    assert chosen_pixels(1, box, pool, None).tolist() == [[False, True, True]] * 2
    assert chosen_pixels(0, box, pool, seen).tolist() == [[True, False, False]] * 2
    assert chosen_pixels(Chosen.MAP, box, pool, seen).tolist() == [[False, True, True]] * 2
    assert chosen_pixels(Chosen.RECTANGLE, box, None, None).tolist() == [[True] * 3] * 2
    for chosen, own in ((0, None), (Chosen.MAP, pool), (Chosen.NOTHING, pool), (Chosen.SEGMENT, pool)):
        with pytest.raises(ValueError, match="has no pixels"):
            chosen_pixels(chosen, box, own, None)


def test_a_correction_believes_the_object_map_first_and_the_semantic_network_last():
    # Two halves of a box fit alike; the semantic network sees the left one, the object network the right one.
    halves = Candidates(
        superpixels=np.arange(10)[None],
        members=np.repeat(np.eye(2, dtype=np.float32), 5, axis=1),
        tight=np.array([[0, 0, 5, 1], [5, 0, 10, 1]]),
        boxes=np.array([[0, 0, 10, 1]]),
        iou=np.array([[0.5, 0.5]]),
    )
    p = np.where(np.arange(10) < 5, 0.9, 0.1)[None]
    scores, maps = np.log(np.stack([1 - p, p])), np.repeat(np.array([26, 229], np.uint8), 5).reshape(1, 1, 10)
    settings = OURS.changed(temperature=0.0, rank=0.0, mu=1.0, lambda_=1.0, fallback_iou=0.0)
    corrected = settings.changed(correction={"start": 30.0, "end": 0.5, "generations": 3})
    chosen = [choose(halves, scores, corrected, [generator(0)], maps, generation)[0].chosen for generation in (1, 2, 3)]
    assert chosen == [1, 1, 0]
    [[choice], [plain]] = [choose(halves, scores, which, [generator(0)], maps, 3) for which in (corrected, settings)]
    # On the left the semantic mask is 1/2 (the candidates fill half of the box), the map 1/10: with α = 0.5 the odds
    # are 1^(1/1.5) · (1/9)^(0.5/1.5) = 9^(-1/3). E_r and E_b are recorded as they are.
    np.testing.assert_allclose(choice.claim, [1 / (1 + 9 ** (1 / 3))] * 5 + [0] * 5, atol=2e-3)
    np.testing.assert_allclose(choice.object[:1], plain.object[plain.best == 0], atol=1e-6)
    [alone] = choose(halves, None, corrected, [generator(0)], maps, 3)
    assert alone.chosen == 1  # nothing to correct before the semantic network is asked
