import operator
import time

import pytest

from boxsup.errors import DataError
from boxsup.workers import AHEAD, in_order


def late(seconds):
    time.sleep(seconds)
    return seconds


def refuse():
    raise DataError("a.png: no such image")


def test_results_come_in_the_order_of_the_calls():
    delays = [0.2, 0.0, 0.1, 0.0]
    assert list(in_order(late, ((seconds,) for seconds in delays), 2)) == delays


def test_calls_are_taken_as_they_are_needed():
    taken = []
    calls = ((taken.append(number) or number, 1) for number in range(20))
    results = in_order(operator.add, calls, 1)
    assert next(results) == 1
    assert len(taken) == AHEAD
    assert list(results) == list(range(2, 21))


def test_errors_for_people_come_through():
    with pytest.raises(DataError, match=r"a\.png: no such image"):
        list(in_order(refuse, [()], 1))
