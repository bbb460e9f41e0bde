"""The crowd starts together, in several processes, and says what went wrong."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from labkit import at_once


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.crowd_settings")


class NeverArrives:
    """Ends the process that unpickles it, before its callers reach the barrier."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def who(number: int) -> tuple[int, int, int]:
    return number, os.getpid(), threading.get_ident()


def leave_a_mark(path: Path, _: object) -> None:
    path.touch()


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is refused")
    return number


def die(number: int) -> None:
    os._exit(9)


def test_results_come_back_in_order_from_two_processes_and_a_thread_each() -> None:
    results = at_once(who, [(number,) for number in range(10)])

    assert [number for number, _, _ in results] == list(range(10))
    assert len({process for _, process, _ in results}) == 2
    assert len({(process, thread) for _, process, thread in results}) == 10


def test_nobody_starts_before_everybody_is_there(tmp_path: Path) -> None:
    callers = [(tmp_path / str(number), None) for number in range(5)]

    with pytest.raises(RuntimeError, match="a process of the crowd ended"):
        at_once(leave_a_mark, [*callers, (tmp_path / "late", NeverArrives())])
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_one_is_raised_as_it_was() -> None:
    with pytest.raises(RuntimeError, match="ValueError: three is refused"):
        at_once(fail_at_three, [(number,) for number in range(6)])


def test_a_process_that_dies_is_told_and_not_waited_for() -> None:
    with pytest.raises(RuntimeError, match="a process of the crowd ended"):
        at_once(die, [(number,) for number in range(4)])
