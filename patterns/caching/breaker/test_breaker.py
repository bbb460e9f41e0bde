"""The breaker with a clock set by hand."""

import pytest

from . import Breaker, CircuitOpen


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(errors=(OSError,), open_seconds=1, clock=clock)


def fail(breaker: Breaker, error: Exception) -> None:
    with pytest.raises(type(error)), breaker:
        raise error


def passes(breaker: Breaker) -> bool:
    try:
        with breaker:
            return True
    except CircuitOpen:
        return False


def test_a_closed_circuit_lets_every_call_pass(breaker: Breaker) -> None:
    assert [passes(breaker) for _ in range(3)] == [True] * 3
    assert not breaker.is_open


def test_a_failure_opens_the_circuit(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, TimeoutError())  # an OSError
    clock.now = 0.999

    assert not passes(breaker)
    assert breaker.is_open


def test_a_half_open_circuit_lets_one_probe_pass_and_its_success_closes(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker, OSError())
    clock.now = 1

    with breaker:
        others = [passes(breaker) for _ in range(3)]

    assert others == [False] * 3
    assert [passes(breaker) for _ in range(3)] == [True] * 3


def test_a_probe_that_fails_opens_the_circuit_again(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, OSError())
    clock.now = 1
    fail(breaker, OSError())
    clock.now = 1.9

    assert not passes(breaker)


def test_a_probe_that_never_returns_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, OSError())
    clock.now = 1
    breaker.__enter__()  # and its thread was killed
    clock.now = 2

    assert passes(breaker)


def test_an_error_of_another_type_is_no_failure(breaker: Breaker) -> None:
    fail(breaker, KeyError("theirs"))

    assert passes(breaker)


def test_an_outage_logs_two_lines_without_the_text_of_the_error(
    breaker: Breaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for clock.now in (0.0, 1.0, 2.0):
        fail(breaker, OSError("redis://:password@host"))
    clock.now = 3.0
    passes(breaker)
    passes(breaker)

    assert [record.getMessage() for record in caplog.records] == [
        "circuit open (OSError): probing every 1 s",
        "circuit closed: the server answers again",
    ]
