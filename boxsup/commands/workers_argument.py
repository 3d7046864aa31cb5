"""The argument of commands that work in several processes: how many."""

from __future__ import annotations

import argparse
from functools import partial

from boxsup.commands.argument_types import whole_number
from boxsup.machine.processors import processors


def add_workers_argument(
    parser: argparse.ArgumentParser, text: str = "number of processes", default: int = 1, least: int = 1
) -> None:
    """Declare `--workers`, which is never more than the processors that the command may run on.

    Args:
        parser: The parser of the command.
        text: What the workers are, for the help. No result may depend on how many there are.
        default: Their number if the user gives none.
        least: The least number; 0 if the command can do without worker processes.
    """
    parser.add_argument(
        "--workers",
        type=partial(number_of_workers, least=least),
        default=min(default, processors()),
        metavar="N",
        help=f"{text}, at most one per processor that there is; results do not depend on it [{default}]",
    )


def number_of_workers(text: str, least: int = 1) -> int:
    """A type of `argparse`: a whole number from `least` on; no more than there are processors.

    >>> number_of_workers("1")
    1
    """
    return min(whole_number(text, least), processors())
