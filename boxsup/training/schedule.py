"""The learning rate as a function of the iteration."""

from __future__ import annotations

from boxsup.config.training import ScheduleSettings


def learning_rate(iteration: int, iterations_per_epoch: int, rate: float, schedule: ScheduleSettings) -> float:
    """The learning rate of an iteration.

    Args:
        iteration: Number of the iteration, from 0, counted over all epochs.
        iterations_per_epoch: Number of iterations per epoch.
        rate: The rate of the first iteration.
        schedule: `policy` "step" multiplies the rate by `gamma` after every `step` epochs (in the paper, 0.1 and 15).
            "poly" is rate × (1 - iteration / iterations)^power over the planned `epochs`; later iterations have the
            rate of the last planned one.

    Returns:
        The rate, above 0.

    >>> step = ScheduleSettings(epochs=45, policy="step", step=15, gamma=0.1, power=1.0)
    >>> [learning_rate(epoch * 100, 100, 0.001, step) for epoch in (0, 14, 15)]
    [0.001, 0.001, 0.0001]
    """
    if schedule.policy == "step":
        return rate * float(schedule.gamma ** (iteration // (schedule.step * iterations_per_epoch)))
    planned = schedule.epochs * iterations_per_epoch
    return rate * float((1 - min(iteration, planned - 1) / planned) ** schedule.power)
