"""Celery's processes and their faults: two beats, and a worker whose connection is cut. The tasks are this file's, their effects rows."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery
from django.db import connection, transaction
from kombu import pools

from labkit import FaultProxy
from labkit.processes import running, wait_until
from patterns.messaging.reliable_task import SETTINGS, ReliableTask, dead_letter_queue, reliable_queue

if TYPE_CHECKING:  # the worker imports this file before Django has its models
    from tests.conftest import Broker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NAME = os.environ.get("FAULTS_NAME", "unused")
PERIOD = timedelta(seconds=1)
app = Celery("faults", broker=os.environ.get("RABBITMQ_URL", "memory://"), set_as_current=False)
app.conf.update(
    SETTINGS,
    task_default_queue=NAME,
    task_default_exchange=NAME,
    task_default_routing_key=NAME,
    task_queues=[reliable_queue(NAME, dead_letters=f"{NAME}.dead")],
    beat_schedule={"tick": {"task": "tick", "schedule": 0.25, "args": [os.environ.get("BEAT", "")]}},
    beat_scheduler="celery.beat:Scheduler",  # without a file
)


def note(what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO test_notes VALUES (%s)", [what])


@app.task(name="tick", base=ReliableTask)
def tick(beat: str) -> None:
    from patterns.messaging.once_per_period.models import Period

    now = datetime.now(tz=UTC)
    note(f"tick of {beat}")
    with transaction.atomic():
        if Period.objects.claim(name="tick", now=now, length=PERIOD):
            note(f"effect {now:%H:%M:%S}")


@app.task(name="wait", base=ReliableTask, bind=True)
def wait(task: Any, gate: str) -> None:
    from patterns.messaging.inbox.models import Inbox

    note("begun")
    wait_until(Path(gate).exists, timeout_seconds=30, what="the gate")
    with transaction.atomic():
        if Inbox.objects.new(consumer="wait", message_ids=[task.request.id]):
            note("effect")


def notes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT what FROM test_notes")
        return [what for (what,) in cursor.fetchall()]


@pytest.fixture
def environment(broker: "Broker") -> Iterator[dict[str, str]]:
    """For the processes: a queue of this test's own, which is there already."""
    globals()["NAME"] = name = f"test.faults.{secrets.token_hex(4)}"
    app.conf.broker_url = broker.url
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test_notes (what text NOT NULL)")
    with app.connection_for_write() as opened:
        dead_letter_queue(name, dead_letters=f"{name}.dead")(opened.default_channel).declare()
        reliable_queue(name, dead_letters=f"{name}.dead")(opened.default_channel).declare()
    yield {**broker.environment, "FAULTS_NAME": name, "DJANGO_SETTINGS_MODULE": "config.settings"}
    pools.reset()
    for each in (name, f"{name}.dead"):
        broker.channel.queue_delete(each)
        broker.channel.exchange_delete(each)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE test_notes")


def celery(*words: str) -> list[str]:
    return ["python", "-W", "ignore", "-m", "celery", "-A", "tests.test_faults_celery", *words, "--loglevel=CRITICAL"]


WORKER = celery("worker", "--concurrency=1", "--without-gossip", "--without-mingle", "--without-heartbeat")


def test_two_beats_send_the_work_of_a_period_twice_and_it_is_done_once(environment: dict[str, str]) -> None:
    with (
        running(WORKER, **environment),
        running(celery("beat"), **environment, BEAT="first"),
        running(celery("beat"), **environment, BEAT="second"),
    ):
        wait_until(lambda: {"tick of first", "tick of second"} <= set(notes()), timeout_seconds=60, what="both beats")
        wait_until(lambda: len([what for what in notes() if "effect" in what]) > 3, timeout_seconds=30, what="some periods")
        found = notes()

    effects = [what for what in found if "effect" in what]
    assert len(effects) == len(set(effects)) < len(found) - len(effects)


def test_a_task_whose_workers_connection_is_cut_is_delivered_again_and_has_one_effect(
    broker: "Broker", proxy: FaultProxy, environment: dict[str, str], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with running(WORKER, **environment | {"RABBITMQ_URL": broker.through(proxy)}):
        app.send_task("wait", [str(gate)], queue=reliable_queue(NAME, dead_letters=f"{NAME}.dead"))
        wait_until(lambda: notes() == ["begun"], timeout_seconds=60, what="the task")
        proxy.set("cut")
        proxy.set("pass")
        wait_until(lambda: notes() == ["begun"] * 2, timeout_seconds=60, what="the second delivery")
        gate.touch()
        wait_until(lambda: "effect" in notes(), timeout_seconds=30, what="the effect")
        wait_until(lambda: broker.count(NAME) == 0, timeout_seconds=30, what="the queue to be empty")

    assert notes().count("effect") == 1
    assert broker.count(f"{NAME}.dead") == 0
