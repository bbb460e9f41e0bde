"""Servers beside each other over HTTP, with two worker processes each, as docker-compose.yml starts them.

Servers and callers do not share processors, where the system can pin processes and has two.
PostgreSQL is not pinned: it runs wherever the kernel puts it, and its share varies.
"""

import contextlib
import functools
import http.client
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from labkit.bench import Work
from labkit.nginx import NginxMissing, behind_nginx
from labkit.processes import free_port, is_serving, listening, running, wait_until, web_server

GUNICORN, BEHIND_NGINX = "gunicorn, 2 threads", "gunicorn, 2 threads, behind nginx"
GUNICORN_SYNC, UVICORN, GRANIAN = "gunicorn, sync", "uvicorn, ASGI", "granian, WSGI"
TWO_WORKERS = ["python", "-m", "gunicorn", "--no-control-socket", "--log-level", "warning", "--workers", "2"]
SERVERS = {
    GUNICORN: [*TWO_WORKERS, "--threads", "2", "config.wsgi:application"],
    GUNICORN_SYNC: [*TWO_WORKERS, "config.wsgi:application"],
    UVICORN: [*web_server("django.core.asgi:get_asgi_application", "asgi"), "--factory", "--workers", "2"],
    GRANIAN: [
        "python", "-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "2", "--no-log",
        "--workers-kill-timeout", "10", "--host", "127.0.0.1", "--port", "{port}", "config.wsgi:application",
    ],
}  # fmt: skip
CALLERS, CALLS = 4, 25


@contextlib.contextmanager
def servers() -> Iterator[Mapping[str, Work | str]]:
    with contextlib.ExitStack() as stack:
        ports: dict[str, int | str] = {}
        with pinned(servers_share=True):
            for label, words in SERVERS.items():
                port = free_port()
                argv = [word.format(port=port) for word in words]
                stack.enter_context(running(argv, **listening(port)))
                wait_until(functools.partial(is_serving, port), timeout_seconds=30, what=label)
                ports[label] = port
                if label == GUNICORN:
                    ports[BEHIND_NGINX] = port_of_nginx(stack, port)
        stack.enter_context(pinned(servers_share=False))
        crowd = stack.enter_context(ThreadPoolExecutor(CALLERS))
        yield {label: port if isinstance(port, str) else functools.partial(call_together, crowd, port) for label, port in ports.items()}


def port_of_nginx(stack: contextlib.ExitStack, upstream: int) -> int | str:
    """Or why it cannot be measured here."""
    try:
        return stack.enter_context(behind_nginx(upstream))
    except NginxMissing as error:
        return str(error)


@contextlib.contextmanager
def pinned(*, servers_share: bool) -> Iterator[None]:
    """What this thread does and starts runs on the servers' processors, or on the callers'."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    half = len(before) // 2
    os.sched_setaffinity(0, sorted(before)[half:] if servers_share else sorted(before)[:half])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def call_together(crowd: ThreadPoolExecutor, port: int) -> None:
    list(crowd.map(call_in_a_row, [port] * CALLERS))


def call_in_a_row(port: int) -> None:
    """Each call on a connection of its own: a sync worker of gunicorn keeps none."""
    for _ in range(CALLS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/api/v1/products/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.reason}")
