"""The service is stopped, as a deployment does it, while a request is being answered."""

import threading
from typing import Any

import httpx
import psycopg
import pytest

from labkit.processes import is_serving, wait_until
from tests.served import served, test_database

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.django_db(transaction=True)
def test_a_request_in_flight_is_answered_when_the_service_is_stopped() -> None:
    got: list[Any] = []
    database = test_database().replace("postgres://", "postgresql://")
    with (
        served(DATABASE_URL=test_database()) as (url, service),
        psycopg.connect(database) as holder,
        psycopg.connect(database, autocommit=True) as watcher,
    ):
        holder.execute("LOCK TABLE community_review")  # the answer waits for as long as we say
        body = {"query": "{ reviews { edges { cursor } } }"}
        asking = threading.Thread(target=lambda: got.append(httpx.post(f"{url}/graphql/", json=body, timeout=30).json()))
        asking.start()
        try:
            wait_until(lambda: watcher.execute(WAITING).fetchone() == (1,), timeout_seconds=20, what="the request in flight")
            service.terminate()
            wait_until(lambda: not is_serving(httpx.URL(url).port or 0, 1), timeout_seconds=20, what="the service to stop accepting")
        finally:
            holder.rollback()
            asking.join(timeout=30)
        assert service.wait(timeout=20) == 0

    assert got == [{"data": {"reviews": {"edges": []}}}]
