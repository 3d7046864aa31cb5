import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxsup.config.training import ScheduleSettings
from boxsup.training.schedule import learning_rate

PAPER = ScheduleSettings(epochs=45, policy="step", step=15, gamma=0.1, power=0.9)
POLY = ScheduleSettings(epochs=2, policy="poly", step=15, gamma=0.1, power=1.0)


# 10,582 images in batches of 20: 529 iterations an epoch.
@pytest.mark.parametrize(
    ("iteration", "rate"),
    [(0, 1e-3), (15 * 529 - 1, 1e-3), (15 * 529, 1e-4), (30 * 529 - 1, 1e-4), (30 * 529, 1e-5), (45 * 529 - 1, 1e-5)],
)
def test_the_papers_rate_is_a_tenth_after_15_and_30_epochs(iteration, rate):
    assert learning_rate(iteration, 529, 0.001, PAPER) == pytest.approx(rate)


def test_poly_of_power_one_falls_in_a_line_and_stays_at_its_end():
    rates = [learning_rate(iteration, 5, 2.0, POLY) for iteration in range(13)]
    assert rates == pytest.approx([2.0, 1.8, 1.6, 1.4, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2, 0.2])


def test_poly_takes_its_power():
    schedule = ScheduleSettings(epochs=10, policy="poly", step=1, gamma=0.1, power=0.9)
    assert learning_rate(50, 10, 0.01, schedule) == pytest.approx(0.01 * 0.5**0.9)


@given(
    policy=st.sampled_from(["step", "poly"]),
    epochs=st.integers(1, 50),
    step=st.integers(1, 50),
    power=st.floats(0.1, 3),
    per_epoch=st.integers(1, 1000),
    iteration=st.integers(0, 10**6),
)
def test_the_rate_never_rises_and_never_ends(policy, epochs, step, power, per_epoch, iteration):
    schedule = ScheduleSettings(epochs=epochs, policy=policy, step=step, gamma=0.5, power=power)
    now, then = (learning_rate(number, per_epoch, 1.0, schedule) for number in (iteration, iteration + 1))
    assert 0 <= then <= now <= 1
    assert policy == "step" or then > 0
