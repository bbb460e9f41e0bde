"""Two idle phones took the site down.

Clients announce a body of 100 bytes, send one, and then nothing. A sync worker of gunicorn reads
the body when the view asks for it, and waits. Two such clients hold both workers. nginx reads the
whole request before it opens a connection to a worker.
"""

import contextlib
import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from labkit import Counts, Experiment
from labkit.nginx import behind_nginx, find_nginx
from labkit.processes import free_port, is_serving, listening, running, wait_until

HOST = "127.0.0.1"
WORKERS, PHONES, SILENT, REQUESTS = 2, 2, 50, 20
TIMEOUT_SECONDS = 4
PROOF = tuple(f"answered_of_{REQUESTS}_beside_{silent}_silent_clients" for silent in (PHONES, SILENT))
SILENT_BODY = (
    f"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
).encode()


def naive() -> Counts:
    find_nginx()  # without it there is no other side
    with gunicorn() as port:
        return count_answers(port)


def solved() -> Counts:
    with gunicorn() as upstream, behind_nginx(upstream) as port:
        return count_answers(port)


@contextlib.contextmanager
def gunicorn() -> Iterator[int]:
    """Two sync workers, as most tutorials start them."""
    port = free_port()
    argv = ["python", "-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--workers", str(WORKERS)]
    with running([*argv, "config.wsgi:application"], **listening(port)):
        wait_until(lambda: is_serving(port), timeout_seconds=30, what="gunicorn")
        yield port


def count_answers(port: int) -> Counts:
    with contextlib.ExitStack() as connections:
        for _ in range(PHONES):
            connections.enter_context(silent_body(port))
        beside_two = count_answered(port)
        for _ in range(SILENT - PHONES):
            connections.enter_context(silent_body(port))
        beside_all = count_answered(port)
    return {
        "silent_bodies": SILENT,
        "requests": REQUESTS,
        PROOF[0]: beside_two,
        PROOF[1]: beside_all,
    }


@contextlib.contextmanager
def silent_body(port: int) -> Iterator[None]:
    with socket.create_connection((HOST, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(SILENT_BODY)
        yield


def count_answered(port: int) -> int:
    with ThreadPoolExecutor(REQUESTS) as crowd:
        return sum(crowd.map(is_answered, [port] * REQUESTS))


def is_answered(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/api/v1/products/")
            return connection.getresponse().status == 200
        except TimeoutError:
            return False


experiment = Experiment(
    challenge="Two idle phones took the site down",
    solution="nginx in front: it reads a request completely before a worker sees it",
    load=f"{REQUESTS} requests for the list, first beside {PHONES}, then beside {SILENT} clients that send one byte of a body and wait; "
    f"gunicorn has {WORKERS} sync workers; a request without an answer after {TIMEOUT_SECONDS} s is not answered",
    naive=naive,
    solved=solved,
    breaks=lambda counts: [counts[name] for name in PROOF] == [0, 0],
    holds=lambda counts: [counts[name] for name in PROOF] == [REQUESTS, REQUESTS],
    proof=PROOF,
    code="deploy/nginx.conf",
)
