"""The service is stopped, as a deployment does it, while a request is being answered."""

import os
import subprocess
import sys
import threading

import httpx
import psycopg

from labkit.database import lab_database
from labkit.processes import answers, free_port, wait_until

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k3y-" * 20, "HTTPS": "0", "GRANIAN_HOST": "127.0.0.1", "GRANIAN_WEBSOCKETS": "0"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_a_request_in_flight_is_answered_when_the_service_is_stopped() -> None:
    with lab_database("graphql_stopping") as database:
        subprocess.run([sys.executable, "manage.py", "migrate"], env={**os.environ, "DEBUG": "1"}, check=True, capture_output=True)
        port, got = free_port(), []
        argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "config.wsgi:application"]
        url = database.replace("postgres://", "postgresql://")
        with (
            subprocess.Popen(argv, env={**os.environ, **PRODUCTION}, stdout=subprocess.DEVNULL) as service,
            psycopg.connect(url) as holder,
            psycopg.connect(url, autocommit=True) as watcher,
        ):
            try:
                wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=30, what="the service")
                holder.execute("LOCK TABLE community_review")  # the answer waits for as long as we say
                body = {"query": "{ reviews { edges { cursor } } }"}
                asking = threading.Thread(
                    target=lambda: got.append(httpx.post(f"http://127.0.0.1:{port}/graphql/", json=body, timeout=30).json())
                )
                asking.start()
                wait_until(lambda: watcher.execute(WAITING).fetchone() == (1,), timeout_seconds=20, what="the request in flight")

                service.terminate()
                wait_until(lambda: not answers("127.0.0.1", port), timeout_seconds=20, what="the port to close")
                holder.rollback()
                asking.join(timeout=30)
            finally:
                holder.rollback()
                service.terminate()

    assert got == [{"data": {"reviews": {"edges": []}}}]
    assert service.returncode == 0
