"""The services that the blocks of docs/ talk to, each as it runs in production, on private servers."""

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
NAMES = {"COMMUNITY": "graphql_demo", "CATALOGUE": "caching_demo", "WAREHOUSE": "database_demo"}


@contextlib.contextmanager
def running(urls: Mapping[str, str], code: str) -> Iterator[dict[str, str]]:
    """Starts the shop, and those of the others whose variable stands in `code`. Yields the blocks' variables."""
    with contract.service(urls) as (shop, password), contextlib.ExitStack() as stack:
        variables = {"SHOP": f"{shop}/api/v1", "DEMO_PASSWORD": password}
        for name, demo in NAMES.items():
            if f"${name}" in code:
                variables[name] = stack.enter_context(web(demo, urls, password))
        yield variables


@contextlib.contextmanager
def web(demo: str, urls: Mapping[str, str], password: str) -> Iterator[str]:
    """One demo's web process, seeded. Yields its URL."""
    folder, port = ROOT / demo, free_port_base()
    settings = environment(demo, urls) | {"DEBUG": "0", "HTTPS": "0", "SECRET_KEY": secrets.token_hex(32), "DEMO_PASSWORD": password}
    if subprocess.run([sys.executable, "-m", "nexus.setup"], cwd=folder, env=settings, capture_output=True).returncode:
        raise RuntimeError(f"{demo} could not be set up")
    argv = [sys.executable, *web_server("config.wsgi:application")[1:]]
    log = Path(os.environ[MARK])
    process = start(Process(demo, argv, folder, contract.port(settings, port)), log)
    try:
        deadline = time.monotonic() + contract.START_TIMEOUT_SECONDS
        while not healthy.http(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"{demo} did not start: {(log / f'{demo}.log').read_text()[-300:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()  # what does not end by that, the private set's sweep ends
