"""The whole way, with every process as it runs in production: request, outbox, relay, broker, consumer, Celery worker."""

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from fulfilment.models import Order, Product
from labkit.processes import kill, running, wait_until
from patterns.outbox.models import OutboxEvent
from tests.conftest import Broker

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = {
    "relay": ["python", "manage.py", "relay_outbox"],
    "consumer": ["python", "manage.py", "consume_events"],
    # without gossip, mingle and heartbeat events: whoever switches them off must not lose the health check
    "worker": [
        *("python", "-m", "celery", "-A", "config", "worker", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ],
}


@contextlib.contextmanager
def all_running(broker: Broker, folder: Path) -> Iterator[dict[str, object]]:
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, argv in PROCESSES.items():
            log = [f"--logfile={folder / 'worker.log'}"] if name == "worker" else []
            environment = {**broker.environment, "ALIVE_FILE": str(folder / name)}
            processes[name] = stack.enter_context(running([*argv, *log], **environment))
        wait_until(lambda: all((folder / name).exists() for name in PROCESSES), timeout_seconds=30, what="all processes")
        yield processes


def test_a_posted_order_is_fulfilled_once_however_often_its_event_is_delivered(
    broker: Broker, api: APIClient, mug: Product, tmp_path: Path
) -> None:
    accepted = api.post("/orders/", {"lines": [{"sku": mug.sku, "quantity": 2}]}, format="json")

    def log() -> str:
        return (tmp_path / "worker.log").read_text()

    with all_running(broker, tmp_path) as processes:
        wait_until(lambda: api.get(accepted["Location"]).data["status"] == "fulfilled", timeout_seconds=20, what="the order")
        first = Order.objects.get()

        [event] = OutboxEvent.objects.all()
        poison = [b"not json", b"\x80\x04K\x01.", json.dumps({**event.payload, "specversion": "2.0"}).encode(), b"x" * 5_000_000]
        ghost = json.dumps({**event.payload, "data": {"order_id": str(uuid4())}}).encode()
        for body in [*poison, ghost, json.dumps(event.payload).encode()]:
            broker.channel.basic_publish(broker.exchange, "order.placed", body)
        wait_until(lambda: "was fulfilled already" in log(), timeout_seconds=20, what="the second delivery")
        wait_until(lambda: broker.count(f"{broker.prefix}.orders.dead") == len(poison), timeout_seconds=5, what="dead letters")
        reasons = broker.reasons(f"{broker.prefix}.orders.dead")
        assert [reason.split()[0] for reason in reasons] == ["Hopeless"] * len(poison)  # at once, not after many tries
        wait_until(lambda: broker.count(f"{broker.prefix}.tasks.dead") == 1, timeout_seconds=5, what="the ghost's dead letter")

        seen_at = {name: (tmp_path / name).stat().st_mtime_ns for name in PROCESSES}
        wait_until(
            lambda: all((tmp_path / name).stat().st_mtime_ns > seen_at[name] for name in PROCESSES),
            timeout_seconds=5,
            what="every process to show that it is alive",
        )
        for process in processes.values():
            kill(process, signal.SIGTERM)  # type: ignore[arg-type]
        assert [process.wait(timeout=10) for process in processes.values()] == [0, 0, 0]  # type: ignore[attr-defined]

    assert Order.objects.get().fulfilled_at == first.fulfilled_at
    steps = api.get(accepted["Location"]).data["timeline"]
    assert [step["step"] for step in steps] == ["placed", "order.placed published", "fulfilled"]
    assert api.get("/ledger/").data == {"orders": 1, "outbox_pending": 0, "outbox_published": 1, "fulfilled": 1}
