"""The learning rate, from the number of the iteration alone."""

from __future__ import annotations

from boxsup.config.training import ScheduleSettings


def learning_rate(iteration: int, iterations_per_epoch: int, rate: float, schedule: ScheduleSettings) -> float:
    """The rate of an iteration.

    Args:
        iteration: From 0, counted over all epochs.
        iterations_per_epoch: How many an epoch has.
        rate: The first iteration's.
        schedule: `policy` "step": multiplied by `gamma` after every `step` epochs (the paper: 0.1 after every 15);
            "poly": rate × (1 - iteration / iterations)^power over the `epochs` that the schedule is planned for, and
            the last planned iteration's beyond them.

    Returns:
        The rate, positive.
    """
    if schedule.policy == "step":
        return rate * float(schedule.gamma ** (iteration // (schedule.step * iterations_per_epoch)))
    planned = schedule.epochs * iterations_per_epoch
    return rate * float((1 - min(iteration, planned - 1) / planned) ** schedule.power)
