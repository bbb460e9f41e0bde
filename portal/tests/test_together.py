import threading
from collections.abc import Callable

import pytest

from door.together import together


def test_a_call_that_does_not_end_costs_the_deadline_and_its_own_answer_only() -> None:
    never = threading.Event()
    calls: list[Callable[[], object]] = [lambda: "here", lambda: never.wait(10), lambda: "here too"]

    answers = together(calls, deadline_seconds=0.1)
    never.set()

    assert answers == ["here", None, "here too"]


def test_calls_are_made_at_once() -> None:
    all_here = threading.Barrier(20, timeout=10)

    assert sorted(map(bool, together([all_here.wait] * 20))) == [False] + [True] * 19


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        together([lambda: 1 / 0])
