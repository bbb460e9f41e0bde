"""The services that the documents' blocks talk to, each as it runs in production, on private servers."""

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from labkit.processes import web_server
from nexus import contract, healthy
from nexus.compose import ROOT
from nexus.demos import environment
from nexus.private_set import free_port_base, start
from nexus.servers import Process
from nexus.sweep import MARK

# the variable of a block that holds a service's address; rest_demo's, $SHOP, is there always
NAMES = {
    "COMMUNITY": "graphql_demo",
    "CATALOGUE": "caching_demo",
    "WAREHOUSE": "database_demo",
    "FULFILMENT": "queue_demo",
    "QUOTES": "async_demo",
}


@contextlib.contextmanager
def running(urls: Mapping[str, str], code: str) -> Iterator[dict[str, str]]:
    """Starts the shop, and those of the others whose variable stands in `code`. Yields the blocks' variables."""
    with contract.service(urls) as (shop, password), contextlib.ExitStack() as stack:
        variables = {"SHOP": f"{shop}/api/v1", "DEMO_PASSWORD": password}
        for name, demo in NAMES.items():
            if f"${name}" in code:
                given = {"CARRIERS_URL": stack.enter_context(carriers(urls))} if demo == "async_demo" else {}
                variables[name] = stack.enter_context(web(demo, urls, given | {"DEMO_PASSWORD": password}))
        yield variables


@contextlib.contextmanager
def web(demo: str, urls: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """One demo's web process, seeded. Yields its URL."""
    settings = {**environment(demo, urls), "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": secrets.token_hex(32), **given}
    if subprocess.run([sys.executable, "-m", "nexus.setup"], cwd=ROOT / demo, env=settings, capture_output=True).returncode:
        raise RuntimeError(f"{demo} could not be set up")
    interface = "asgi" if demo == "async_demo" else "wsgi"
    with process(demo, web_server(f"config.{interface}:application", interface), ROOT / demo, settings) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def carriers(urls: Mapping[str, str]) -> Iterator[str]:
    argv = web_server("fake_carriers.app:application", "asgi")
    with process("carriers", argv, ROOT / "async_demo", environment("async_demo", urls)) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def process(name: str, argv: list[str], folder: Path, settings: Mapping[str, str]) -> Iterator[int]:
    """Yields its port when it answers /live."""
    port = free_port_base()
    log = Path(os.environ[MARK])
    running = start(Process(name, [sys.executable, *argv[1:]], folder, contract.port(settings, port)), log)
    try:
        deadline = time.monotonic() + contract.START_TIMEOUT_SECONDS
        while not healthy.http(port):
            if time.monotonic() > deadline or running.poll() is not None:
                raise RuntimeError(f"{name} did not start: {(log / f'{name}.log').read_text()[-300:]}")
            time.sleep(0.2)
        yield port
    finally:
        running.terminate()  # if it does not stop, the private set's sweep ends it
