"""Servers beside each other: over HTTP, two workers each, as in production."""

import contextlib
import functools
import http.client
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labkit.bench import Work
from labkit.processes import answers, free_port, running, wait_until

SERVERS = {
    "gunicorn, sync, 2 workers": ["gunicorn", "--no-control-socket", "--workers", "2", "--bind", "{address}", "config.wsgi:application"],
    "granian, wsgi, 2 workers": [
        "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "1",
        "--host", "127.0.0.1", "--port", "{port}", "config.wsgi:application",
    ],
    "uvicorn, asgi, 2 workers": [
        "uvicorn", "--workers", "2", "--port", "{port}", "--log-level", "warning", "--factory", "django.core.asgi:get_asgi_application",
    ],
}  # fmt: skip
CALLERS, CALLS = 4, 25


@contextlib.contextmanager
def servers() -> Iterator[Mapping[str, Work]]:
    with contextlib.ExitStack() as stack:
        ways: dict[str, Work] = {}
        for label, words in SERVERS.items():
            port = free_port()
            argv = [word.format(port=port, address=f"127.0.0.1:{port}") for word in words]
            argv[0] = str(Path(sys.executable).with_name(argv[0]))
            stack.enter_context(running(argv))
            wait_until(functools.partial(answers, "127.0.0.1", port), timeout_seconds=30, what=label)
            crowd = stack.enter_context(ThreadPoolExecutor(CALLERS))
            ways[label] = functools.partial(call_together, crowd, port)
        yield ways


def call_together(crowd: ThreadPoolExecutor, port: int) -> None:
    list(crowd.map(call_in_a_row, [port] * CALLERS))


def call_in_a_row(port: int) -> None:
    """Each call on a connection of its own: gunicorn's sync worker keeps none, and uvicorn answers 40 ms late on one that was kept."""
    for _ in range(CALLS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/api/v1/products/")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {answer.reason}")
