"""The pattern with a real worker and a real RabbitMQ (RABBITMQ_URL).

The tasks note each run in a file, which survives a killed process.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import amqp
import pytest
from celery import Celery, Task
from celery.concurrency.asynpool import AsynPool
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from kombu import pools

from . import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

NAME = os.environ.get("RELIABLE_TASK_TEST", "unused")
NOTES = Path(os.environ.get("RELIABLE_TASK_NOTES", os.devnull))

if NAME != "unused":  # in the worker
    AsynPool.timers = property(
        lambda pool: {pool.maintain_pool: 0.2}
    )  # Celery looks for dead children every 5 s

app = Celery("reliable", broker=os.environ.get("RABBITMQ_URL", "memory://"), set_as_current=False)
app.conf.update(SETTINGS)
app.conf.task_default_queue = app.conf.task_default_exchange = app.conf.task_default_routing_key = (
    NAME
)
app.conf.task_queues = [reliable_queue(NAME, dead_letters=f"{NAME}.dead", delivery_limit=2)]


def note(what: str) -> int:
    """Notes a run; returns how many there have been of it."""
    with NOTES.open("a") as notes:
        notes.write(f"{what}\n")
    return NOTES.read_text().splitlines().count(what)


@app.task(base=ReliableTask, bind=True, max_retries=2)
def work(task: Task, what: str) -> None:
    runs = note(what)
    match what.split("-")[0]:
        case "dies" if runs <= 1:
            os.kill(os.getpid(), signal.SIGKILL)
        case "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        case "waits":
            wait_until(lambda: NOTES.with_name("gate").exists())
            note(f"{what} ended")
        case "fails":
            raise ValueError(what)
        case "recovers" if runs <= 1:
            raise ValueError(what)
        case "slaughters" if runs <= 1:
            os.killpg(0, signal.SIGKILL)  # the worker and all its children


HOARD: list[bytes] = []


@app.task(base=ReliableTask)
def hoard(what: str, megabytes: int) -> None:
    HOARD.append(b"x" * megabytes * 1_000_000)
    note(f"{what} by {os.getpid()}")


@app.task(base=ReliableTask, soft_time_limit=None, time_limit=1)
def hang(what: str) -> None:
    note(what)
    time.sleep(60)


@app.task(base=ReliableTask, soft_time_limit=1, time_limit=60, max_retries=0)
def dawdle(what: str) -> None:
    try:
        time.sleep(60)
    except SoftTimeLimitExceeded:
        note(what)
        raise


@app.task(base=ReliableTask, max_retries=0, outage_pause_seconds=1)
def outlast(what: str) -> None:
    runs = note(what)
    if runs <= 2:
        raise OperationalError("the connection is lost")
    if what.startswith("then-fails"):
        raise ValueError(what)
    if what.startswith("for-hours"):
        raise OperationalError("the connection is lost")


@app.task(base=ReliableTask, max_retries=0, outage_seconds=0)
def despair(what: str) -> None:
    note(what)
    raise OperationalError("the connection is lost")


@app.task(
    base=ReliableTask,
    max_retries=1,
    outage_seconds=2.5,
    outage_pause_seconds=1,
    retry_backoff_max=1,
)
def lose_patience(what: str) -> None:
    note(what)
    raise OperationalError("the connection is lost")


class ClumsyTask(ReliableTask):
    abstract = True

    def remark(self, *_: Any) -> None:
        raise IndexError("the hook's own error")


@app.task(base=ClumsyTask, max_retries=1, retry_backoff_max=1)
def clumsy(what: str) -> None:
    note(what)
    raise ValueError(what)


@dataclass
class Running:
    notes: Path
    channel: Any
    workers: list[subprocess.Popen[bytes]]

    def runs(self) -> Counter[str]:
        return Counter(self.notes.read_text().splitlines()) if self.notes.exists() else Counter()

    def waiting(self, queue: str) -> int:
        return int(self.channel.queue_declare(queue, passive=True).message_count)

    def dead(self) -> list[str]:
        """Takes the dead letters: why each died."""
        found = []
        while (message := self.channel.basic_get(f"{NAME}.dead", no_ack=True)) is not None:
            found.append(
                message.headers["x-death"][0]["reason"]
            )  # the last death: a retry's pause is one, too
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One worker for all tests: its start is most of the time."""
    url = os.environ.get("RABBITMQ_URL") or pytest.fail(
        "set RABBITMQ_URL=amqp://user:password@host:port/%2F"
    )
    globals()["NAME"] = name = f"test.reliable.{secrets.token_hex(4)}"
    notes = tmp_path_factory.mktemp("notes") / "runs"
    queue, dead = (
        reliable_queue(name, dead_letters=f"{name}.dead", delivery_limit=2),
        dead_letter_queue(name, dead_letters=f"{name}.dead"),
    )
    app.conf.broker_url = url
    app.conf.task_default_queue = app.conf.task_default_exchange = (
        app.conf.task_default_routing_key
    ) = name
    app.conf.task_queues = [queue]
    with app.connection_for_write() as connection:
        channel = connection.channel()
        dead(channel).declare()
        queue(channel).declare()
        with worker(name, notes) as workers:
            yield Running(notes, channel, workers)
        for each in (name, f"{name}.dead"):
            channel.queue_delete(each)
            channel.exchange_delete(each)
    pools.reset()


@contextlib.contextmanager
def worker(name: str, notes: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A worker in a process group of its own, restarted whenever it ends, as a supervisor would."""
    environment = {**os.environ, "RELIABLE_TASK_TEST": name, "RELIABLE_TASK_NOTES": str(notes)}
    argv = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "celery",
        "-A",
        __name__,
        "worker",
        "--concurrency=1",
    ]
    argv += ["--loglevel=CRITICAL", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    stopping = threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def supervise() -> None:
        while not stopping.is_set():
            processes.append(
                subprocess.Popen(
                    argv, env=environment, start_new_session=True, stdout=subprocess.DEVNULL
                )
            )
            processes[-1].wait()

    with ThreadPoolExecutor(1) as pool:
        supervision = pool.submit(supervise)
        try:
            yield processes
        finally:
            stopping.set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(processes[-1].pid, signal.SIGKILL)
            supervision.result(10)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited 30 s"
        time.sleep(0.02)


def test_a_task_whose_child_is_killed_runs_again(running: Running) -> None:
    work.delay("dies-1")

    wait_until(lambda: running.runs()["dies-1"] == 2)


def test_a_task_that_kills_each_child_is_dead_lettered(running: Running) -> None:
    work.delay("poison-1")
    work.delay("good-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    wait_until(lambda: running.runs()["good-1"] == 1)
    assert running.runs()["poison-1"] == 3  # the limit is 2
    assert running.dead() == ["delivery_limit"]


def test_a_task_that_raises_is_retried_then_dead_lettered(running: Running) -> None:
    work.delay("fails-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert running.runs()["fails-1"] == 3  # max_retries is 2
    assert running.dead() == ["rejected"]


def test_a_task_that_raises_once_is_done_on_the_retry(running: Running) -> None:
    work.delay("recovers-1")

    wait_until(lambda: running.runs()["recovers-1"] == 2)
    assert running.dead() == []


def test_tries_during_an_outage_do_not_count(running: Running) -> None:
    outlast.delay("recovers-2")

    wait_until(lambda: running.runs()["recovers-2"] == 3)  # though max_retries is 0
    assert running.dead() == []


def test_an_error_after_an_outage_counts(running: Running) -> None:
    outlast.delay("then-fails-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert (running.runs()["then-fails-1"], running.dead()) == (3, ["rejected"])


def test_an_outage_longer_than_its_limit_is_an_error(running: Running) -> None:
    despair.delay("despairs-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert (running.runs()["despairs-1"], running.dead()) == (1, ["rejected"])


def test_the_limit_of_an_outage_is_not_begun_again_by_a_try_that_counts(running: Running) -> None:
    lose_patience.delay("loses-patience-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert running.runs()["loses-patience-1"] <= 3 + 2  # one per second, then two that count
    assert running.dead() == ["rejected"]


def test_a_remark_that_fails_makes_no_second_dead_letter(running: Running) -> None:
    clumsy.delay("fails-2")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    wait_until(lambda: running.runs()["fails-2"] == 2)
    work.delay("good-4")
    wait_until(lambda: running.runs()["good-4"] == 1)
    assert running.dead() == ["rejected"]


def test_a_task_over_its_hard_limit_is_finally_dead_lettered(running: Running) -> None:
    hang.delay("hangs-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert running.runs()["hangs-1"] == 3
    assert running.dead() == ["delivery_limit"]


def test_a_task_over_its_soft_limit_can_clean_up_and_fails(running: Running) -> None:
    dawdle.delay("dawdles-1")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    assert running.runs()["dawdles-1"] == 1
    assert running.dead() == ["rejected"]


def test_a_killed_worker_counts_against_no_waiting_task(
    running: Running,
) -> None:
    """The worker dies three times and the limit is two: prefetched tasks would be dead letters."""
    tasks = [f"slaughters-{number}" for number in range(3)] + [
        f"good-{number}" for number in range(10, 30)
    ]
    for task in tasks:
        work.delay(task)

    wait_until(lambda: all(running.runs()[task] > task.startswith("slaughters") for task in tasks))
    assert running.dead() == []


def test_a_worker_that_gets_sigterm_finishes_its_task(
    running: Running,
) -> None:
    work.delay("waits-1")
    wait_until(lambda: running.runs()["waits-1"] == 1)
    told = running.workers[-1]
    told.terminate()
    work.delay("good-2")
    (running.notes.with_name("gate")).touch()

    assert told.wait(30) == 0
    wait_until(lambda: running.runs()["good-2"] == 1)  # by its successor
    assert (running.runs()["waits-1"], running.runs()["waits-1 ended"]) == (1, 1)
    assert running.dead() == []


class Unreadable(datetime):
    """Milliseconds where AMQP has seconds: a year that no datetime has."""

    def __new__(cls) -> "Unreadable":
        return super().__new__(cls, 2026, 1, 1, tzinfo=UTC)

    def utctimetuple(self) -> Any:
        return (1970, 1, 1, 0, 0, 1_796_017_368_000)


HEADERS = {"task": f"{__name__}.work", "id": "1", "lang": "py", "retries": 0}
REGULAR = {"content_type": "application/json", "content_encoding": "utf-8"}
GOOD = b'[["good-9"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
WRONG_BODIES = [b"{}", b"[]", b"[[], {}]", b'"abc"', b"7", b"null", b"[7, {}, {}]", b"[[], [], {}]"]
WRONG_BODIES += [b"[[], {}, []]", b'[[], {}, {"callbacks": 7}]', b'[[], {}, {"chord": "x"}]']
WRONG_HEADERS: list[dict[str, Any]] = [
    {"task": ["work"]},
    {"id": 7},
    {"retries": "many"},
    {"timelimit": ["soon", None]},
    {"timelimit": 5},
    {"eta": "tomorrow"},
    {"eta": "9999-12-31T00:00:00+00:00"},
    {"expires": "tomorrow"},
]


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b"not json", {"content_type": "application/json"}),
        (b"[1, 2]", {"content_type": "application/json"}),
        (b"\x80\x04cos\nsystem\n.", {"content_type": "application/x-python-serialize"}),
        (
            b"\xff" * 100,
            {
                "content_type": "application/json",
                "application_headers": {"task": "work", "id": "1"},
            },
        ),
        (
            b"[[], {}, {}]",
            {
                "content_type": "application/json",
                "application_headers": {"task": "no.such.task", "id": "1"},
            },
        ),
        (
            b'[["good-9"], {}, {}]',
            {
                "content_type": "application/json",
                "application_headers": {"task": f"{__name__}.work"},
            },
        ),
        (b"x" * 5_000_000, {"content_type": "text/plain"}),
        (b"", {}),
        *((body, REGULAR) for body in WRONG_BODIES),
        *((GOOD, REGULAR | {"application_headers": HEADERS | wrong}) for wrong in WRONG_HEADERS),
    ],
    ids=[
        "no JSON",
        "no task",
        "a pickle",
        "no text",
        "an unknown task",
        "no id",
        "5 MB",
        "nothing",
        *(f"body {body.decode()}" for body in WRONG_BODIES),
        *(f"headers {wrong}" for wrong in WRONG_HEADERS),
    ],
)
def test_a_message_that_is_not_a_task_is_dead_lettered_at_once(
    running: Running, body: bytes, properties: dict[str, Any]
) -> None:
    before, workers = running.runs()["good-3"], len(running.workers)
    if body in WRONG_BODIES:
        properties = properties | {"application_headers": HEADERS}
    running.channel.basic_publish(amqp.Message(body, **properties), exchange=NAME, routing_key=NAME)
    work.delay("good-3")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    wait_until(lambda: running.runs()["good-3"] == before + 1)
    assert running.dead() == ["rejected"]
    assert running.runs()["good-9"] == 0
    assert len(running.workers) == workers  # it lives


def test_a_header_that_cannot_be_decoded_does_not_stop_the_worker(running: Running) -> None:
    workers = len(running.workers)
    properties = REGULAR | {"application_headers": HEADERS | {"sent-at": Unreadable()}}
    message = amqp.Message(GOOD, **properties)
    running.channel.basic_publish(message, exchange=NAME, routing_key=NAME)
    work.delay("good-7")

    wait_until(lambda: running.waiting(f"{NAME}.dead") == 1)
    wait_until(lambda: running.runs()["good-7"] == 1)
    assert len(running.workers) == workers
    running.channel.queue_purge(f"{NAME}.dead")


def test_tasks_of_next_year_do_not_stop_the_worker(running: Running) -> None:
    later = datetime.now(UTC) + timedelta(days=365)
    properties = REGULAR | {"application_headers": HEADERS | {"eta": later.isoformat()}}
    for _ in range(3):
        message = amqp.Message(GOOD, **properties)
        running.channel.basic_publish(message, exchange=NAME, routing_key=NAME)
    work.delay("good-5")

    wait_until(lambda: running.runs()["good-5"] == 1)
    wait_until(lambda: running.waiting(NAME) == 0)
    assert (running.dead(), running.runs()["good-9"]) == ([], 0)


def test_a_task_that_is_put_into_the_queue_too_early_runs_in_time(running: Running) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    properties = REGULAR | {"application_headers": HEADERS | {"eta": soon.isoformat()}}
    body = GOOD.replace(b"good-9", b"good-6")
    message = amqp.Message(body, **properties)
    running.channel.basic_publish(message, exchange=NAME, routing_key=NAME)

    wait_until(lambda: running.runs()["good-6"] == 1)
    assert timedelta(0) <= datetime.now(UTC) - soon < timedelta(seconds=3)


def test_a_child_that_has_grown_is_replaced_between_two_tasks(running: Running) -> None:
    hoard.delay("hoards-1", 300)
    hoard.delay("hoards-2", 0)

    wait_until(lambda: sum("hoards" in run for run in running.runs()) == 2)
    pids = {run.rpartition(" ")[2] for run in running.runs() if "hoards" in run}
    assert len(pids) == 2
    assert running.dead() == []


def test_retries_have_full_jitter_under_a_doubling_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    countdowns: list[float] = []

    class Stop(Exception): ...

    def retry(countdown: float, **_: Any) -> None:
        countdowns.append(countdown)
        raise Stop

    monkeypatch.setattr(work, "retry", retry)
    for retries in [3] * 200 + [20] * 200:
        work.push_request(retries=retries)
        with contextlib.suppress(Stop):
            work.run("fails-0")
        work.pop_request()

    assert set(countdowns[:200]) == set(range(9))  # 1 s, doubled three times
    assert max(countdowns[200:]) <= ReliableTask.retry_backoff_max
    assert len(set(countdowns[200:])) > 30
