"""The contract of a REST service, held against the running one: by schemathesis, from its schema, and by newman, from its collection.

The service is started as `make up` starts it, with servers of its own, and with the rate limits lifted: thousands of
requests of one user would meet nothing else.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
from rich.console import Console

from labkit.processes import listening, web_server
from nexus import healthy
from nexus.child import call
from nexus.compose import ROOT
from nexus.demos import environment
from nexus.private_set import free_port_base, private_set, start
from nexus.servers import Process
from nexus.sweep import MARK

DEMO = ROOT / "rest_demo"
CONTRACT = DEMO / "contract"
PACKAGES = ROOT / ".run/contract"
START_TIMEOUT_SECONDS = 60
console = Console(highlight=False)


def run(seed: str | None) -> int:
    """0 when the service does what its schema and its collection say. `seed` repeats a run of schemathesis."""
    if not shutil.which("npm"):
        raise RuntimeError("npm is missing, which newman needs: install Node.js 16 or newer")
    seed = seed or str(secrets.randbelow(1_000_000))
    with private_set() as urls, service(urls) as (url, password):
        # newman first: after schemathesis nothing in the shop is as it was seeded
        failed = [name for name, step in {"newman": newman, "schemathesis": schemathesis}.items() if step(url, password, seed)]
    console.print(f"contract: {'failed: ' + ', '.join(failed) if failed else 'passed'}. To repeat it: make contract SEED={seed}")
    return 1 if failed else 0


@contextlib.contextmanager
def service(urls: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The shop and the payment provider, as they run in production. Yields the shop's URL and the demo users' password."""
    base, password, secret = free_port_base(), secrets.token_hex(16), secrets.token_hex(16)
    shop, provider = base + 1, base + 62
    settings = environment(DEMO.name, urls) | {
        "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": secrets.token_hex(32), "DEMO_PASSWORD": password,
        "WRITES_PER_MINUTE": "0", "LOGINS_PER_MINUTE_AND_ADDRESS": "0", "LOGINS_PER_MINUTE_AND_USER": "0",
        "PAYMENT_PROVIDER_URL": f"http://127.0.0.1:{provider}", "WEBHOOK_SECRETS": secret,
        "SHOP_WEBHOOK_URL": f"http://127.0.0.1:{shop}/api/v1/webhooks/payments/",
        "CORS_ALLOWED_ORIGINS": "http://localhost:5173",
    }  # fmt: skip
    if subprocess.run([sys.executable, "-m", "nexus.setup"], cwd=DEMO, env=settings).returncode:
        raise RuntimeError(f"{DEMO.name} could not be set up")
    processes = [
        Process("shop", [sys.executable, *web_server("config.wsgi:application")[1:], "--workers=2"], DEMO, port(settings, shop)),
        Process(
            "provider",
            [sys.executable, *web_server("payment_provider.app:application", "asgi")[1:]],
            DEMO,
            port(settings, provider),
        ),
    ]
    log = Path(os.environ[MARK])
    running = [start(process, log) for process in processes]
    try:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not all(healthy.http(each) for each in (shop, provider)):
            if time.monotonic() > deadline or any(each.poll() is not None for each in running):
                raise RuntimeError(f"the service did not start: {(log / 'shop.log').read_text()[-300:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{shop}", password
    finally:
        for each in running:
            each.terminate()  # what does not end by that, the private set's sweep ends


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def port(settings: Mapping[str, str], number: int) -> dict[str, str]:
    return {**settings, **listening(number)}


def schemathesis(url: str, password: str, seed: str) -> int:
    """All checks and all phases. The user is an admin: nothing is closed to him."""
    token = httpx.post(f"{url}/api/v1/auth/token/", json={"username": "admin", "password": password}).json()["access"]
    argv = [
        program("schemathesis"), "--config-file", str(CONTRACT / "schemathesis.toml"), "run", f"{url}/api/schema/", "--checks", "all",
        "--phases", "examples,coverage,fuzzing,stateful", "--seed", seed, "--header", f"Authorization: Bearer {token}",
    ]  # fmt: skip
    console.rule(f"schemathesis, seed {seed}")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    return call(argv, cwd=PACKAGES, env=os.environ)  # it leaves a cache where it is started


def newman(url: str, password: str, seed: str) -> int:
    """The Postman collection, from log-in to paid order, and the errors."""
    console.rule("newman")
    PACKAGES.mkdir(parents=True, exist_ok=True)  # outside of the demo: its folder is read by tests and copied into images
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(CONTRACT / name, PACKAGES)
    if call(["npm", "ci", "--silent", "--no-progress"], cwd=PACKAGES, env=os.environ):
        raise RuntimeError(f"npm could not install newman in {PACKAGES}")
    argv = [
        str(PACKAGES / "node_modules/.bin/newman"), "run", "shop.postman_collection.json",
        "--environment", "local.postman_environment.json",
        "--env-var", f"baseUrl={url}", "--env-var", f"password={password}", "--reporter-cli-no-success-assertions",
    ]  # fmt: skip
    return call(argv, cwd=CONTRACT, env=os.environ)
