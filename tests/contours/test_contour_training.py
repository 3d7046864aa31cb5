import math

import pytest
import torch

from boxsup.contours import bsds
from boxsup.contours.sampling import consensus
from boxsup.contours.training import ContourTraining, boundary_loss, learning_rate, make_batch, train
from boxsup.errors import BoxSupError
from boxsup.network.images import normalise

pytestmark = pytest.mark.slow  # networks train

SMALL = ContourTraining(steps=2, batch=2, side=64, warm_up=1)


@pytest.fixture(scope="module")
def images(small_bsds):
    return [bsds.read_annotated(small_bsds, "train", name) for name in bsds.image_ids(small_bsds, "train")]


def trained(images, recipe=SMALL, seed=0):
    losses = []
    network = train(images, None, recipe, seed, lambda step, _, loss: losses.append((step, loss)))
    return network.state_dict(), losses


def test_equal_arguments_give_equal_bits_and_other_seeds_do_not(images):
    first, again, other = trained(images), trained(images), trained(images, seed=1)
    assert first[1] == again[1]
    assert all(torch.equal(a, b) for a, b in zip(first[0].values(), again[0].values(), strict=True))
    assert first[1] != other[1]
    assert [step for step, _ in first[1]] == [1, 2]


def test_a_batch_depends_on_its_number_alone(images):
    squares, targets = make_batch(images, SMALL, 0, 1)
    assert squares.shape == (2, 3, 64, 64)
    assert targets.shape == (2, 1, 64, 64)
    assert squares.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(make_batch(images, SMALL, 0, 1)[0], squares)
    assert not torch.equal(make_batch(images, SMALL, 0, 0)[0], squares)
    assert 0 <= targets.min() < targets.max() <= 1


def test_a_few_steps_learn_the_disc(images):
    network = train(images, None, ContourTraining(steps=40, batch=2, side=64, warm_up=5), 0, lambda *_: None)
    with torch.inference_mode():
        likely = network(normalise(images[0].image)[None]).sigmoid()[0, 0].numpy()
    target = consensus(images[0].segmentations)
    assert likely[target > 0.5].mean() > 2 * likely[target < 0.01].mean()


def test_the_rate_rises_and_falls():
    recipe = ContourTraining(steps=1000, warm_up=100, rate=1.0)
    rates = [learning_rate(step, recipe) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[500] == pytest.approx(0.5)
    assert max(rates) == pytest.approx(learning_rate(99, recipe))
    assert 0 < rates[-1] < 1e-5


def test_the_loss_by_hand():
    logits, targets = torch.tensor([0.0, math.log(3)]), torch.tensor([0.5, 1.0])
    # Of a half with weight 1 + 2 × .5: 2 ln 2; of likely .75 for a sure boundary with weight 3: 3 ln (4/3).
    expected = (2 * math.log(2) + 3 * math.log(4 / 3)) / 2
    loss = boundary_loss(logits.reshape(1, 1, 1, 2), targets.reshape(1, 1, 1, 2), 2.0)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_a_loss_that_is_no_number_stops(images):
    with pytest.raises(BoxSupError, match="loss of step"):
        trained(images, ContourTraining(steps=20, batch=2, side=64, warm_up=1, rate=math.inf))
