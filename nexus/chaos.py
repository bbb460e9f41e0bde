"""Orders, while whatever handles them is killed or cut off at random; then all is let to settle, and the books must balance.

Every process of queue_demo is here as in production, with a PostgreSQL and a RabbitMQ of this run's own. Who dies is drawn from a deck of
all victims, shuffled with the seed: each dies before one dies again.
"""

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.table import Table

from labkit import FaultProxy
from labkit.processes import listening, web_server
from nexus import servers
from nexus.books import Books
from nexus.compose import ROOT
from nexus.demos import environment
from nexus.private_set import free_port_base, private_folder, private_set, start
from nexus.servers import Process

DEMO = ROOT / "queue_demo"
SETTLE_SECONDS = 240  # Celery waits up to 30 s before it connects again, and a retry's pause is up to a minute
PAUSE_SECONDS = (0.6, 1.8)
CUSTOMERS = 4  # at a time
PYTHON = sys.executable
LOOPS = {
    "relay": ["manage.py", "relay_outbox"],
    "consumer": ["manage.py", "consume_events"],
    "worker": [
        "-m",
        "celery",
        "-A",
        "config",
        "worker",
        "--concurrency",
        "2",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ],
    "beat": ["-m", "celery", "-A", "config", "beat", "--schedule", "{folder}/beat"],
    "web": web_server("config.wsgi:application")[1:],
}
VICTIMS = [*LOOPS, "child", "broker", "cut", "hang"]
BYSTANDERS = {
    "mail": web_server("mail_provider.app:application", "asgi")[1:],  # somebody else's
    "spare": web_server("config.wsgi:application")[1:],  # asked when the web is dead
}
console = Console(highlight=False)


def run(duration: str | None, seed: str | None) -> int:
    """0 when nothing was lost and nothing happened twice. `seed` repeats the order in which they die; the moments are the machine's."""
    seconds, seed = float(duration or 60), seed or str(secrets.randbelow(1_000_000))
    console.print(f"chaos for {seconds:g} s. To repeat it: make chaos DURATION={seconds:g} SEED={seed}")
    for unused in ("REDIS_URL", "MEMCACHED_URL", "RABBITMQ_URL"):
        os.environ.setdefault(unused, "")
        os.environ[unused] = "unused://"  # a broker that is given must not be killed: this run has its own
    with private_set() as urls, private_folder("nexus-chaos-") as folder, House(folder, urls) as house:
        house.suffer(seconds, random.Random(seed))  # noqa: S311 — chance, no secret
        return house.settle()


class House:
    """All processes, and who starts them again."""

    def __init__(self, folder: Path, urls: Mapping[str, str]) -> None:
        self.folder = folder
        self.site = servers.Site(folder, free_port_base(), secrets.token_hex(8))
        self.rabbitmq = servers.SERVERS["rabbitmq"]
        self.rabbitmq.prepare(self.site)
        self.proxy = FaultProxy(servers.HOST, self.site.port("rabbitmq"))
        self.web = self.site.port_base + 3
        self.urls = {**urls, **{key: value for key, value in servers.urls(self.site).items() if key == "RABBITMQ_URL"}}
        self.database = f"{urls['POSTGRES_URL']}/chaos_{secrets.token_hex(4)}"
        self.books = Books(self.database, self.urls["RABBITMQ_URL"])
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: dict[str, int] = dict.fromkeys(VICTIMS, 0)
        self.accepted: list[str] = []
        self.unanswered = 0
        self.is_over = threading.Event()

    def __enter__(self) -> "House":
        self.running["broker"] = start(self.rabbitmq.process(self.site), self.folder)
        self.proxy.__enter__()
        through = self.urls["RABBITMQ_URL"].replace(f":{self.site.port('rabbitmq')}/", f":{self.proxy.port}/")
        self.settings = environment(DEMO.name, {**self.urls, "RABBITMQ_URL": through}) | {
            "DATABASE_URL": self.database, "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": secrets.token_hex(32),
            "SMTP_URL": f"smtp://{servers.HOST}:{self.site.port_base + 64}", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        if subprocess.run([PYTHON, "-m", "nexus.setup"], cwd=DEMO, env=self.settings).returncode:
            raise RuntimeError(f"{DEMO.name} could not be set up")
        self.books.open()
        self.wait(lambda: self.rabbitmq.answers(self.site), 90, "the broker")
        for name in LOOPS | BYSTANDERS:
            self.launch(name)
        self.wait(self.is_up, 90, "the web")
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        for process in self.running.values():
            kill(process)
        self.proxy.__exit__()
        self.books.close()

    def launch(self, name: str) -> None:
        places = {"folder": self.folder}
        ports = {"web": self.web, "spare": self.web + 1, "mail": self.site.port_base + 63}
        argv = [PYTHON, *(word.format(**places) for word in (LOOPS | BYSTANDERS)[name])]
        settings = {**self.settings, **listening(ports.get(name, 0)), "ALIVE_FILE": str(self.folder / f"{name}.alive")}
        self.running[name] = start(Process(name, argv, DEMO, settings), self.folder)

    def suffer(self, seconds: float, chance: random.Random) -> None:
        """Orders come, and one after the other dies."""
        customers = [threading.Thread(target=self.order, daemon=True) for _ in range(CUSTOMERS)]
        for customer in customers:
            customer.start()
        ends_at, deck = time.monotonic() + seconds, list[str]()
        with console.status("chaos") as status:
            while time.monotonic() < ends_at:
                time.sleep(chance.uniform(*PAUSE_SECONDS))
                if not deck:
                    deck = chance.sample(VICTIMS, len(VICTIMS))
                self.strike(victim := deck.pop(), chance)
                self.revive()
                left = max(0, ends_at - time.monotonic())
                status.update(f"{left:.0f} s left: {victim} down, {len(self.accepted)} orders taken, {sum(self.deaths.values())} faults")
        self.is_over.set()
        for customer in customers:
            customer.join(30)

    def strike(self, victim: str, chance: random.Random) -> None:
        self.deaths[victim] += 1
        match victim:
            case "cut" | "hang":
                self.proxy.set(victim)
                time.sleep(chance.uniform(0.1, 1))
                self.proxy.set("cut")  # what hung is broken, as it is when a router comes back
                self.proxy.set("pass")
            case "child":
                with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                    chance.choice(psutil.Process(self.running["worker"].pid).children()).kill()
            case _:
                kill(self.running[victim])

    def revive(self) -> None:
        """Whatever is dead is started again, as a supervisor does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                if name == "broker":
                    self.running[name] = start(self.rabbitmq.process(self.site), self.folder)
                else:
                    self.launch(name)

    def order(self) -> None:
        """Customers, one after the other. Whoever gets no answer goes away; what was answered with 202 must be fulfilled."""
        body = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}
        while not self.is_over.wait(0.05):
            for port in (self.web, self.web + 1):
                try:
                    answer = httpx.post(f"http://{servers.HOST}:{port}/orders/", json=body, timeout=10)
                    answer.raise_for_status()
                except httpx.HTTPError:
                    self.unanswered += 1
                else:
                    self.accepted.append(answer.json()["id"])
                    break

    def settle(self) -> int:
        """Nobody dies any more. Returns 0 when the books balance in time, and shows them."""
        deadline = time.monotonic() + SETTLE_SECONDS
        with console.status("settling"):
            while not ((books := self.read())["balanced"] or time.monotonic() > deadline):
                self.revive()
                time.sleep(0.5)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("the books")
        table.add_column("", justify="right")
        faults = {f"faults: {victim}": count for victim, count in self.deaths.items()}
        for name, count in {**faults, "requests without an answer": self.unanswered, **books}.items():
            table.add_row(name.replace("_", " "), str(count))
        console.print(table)
        if not books["balanced"]:
            console.print(f"the books do not balance after {SETTLE_SECONDS} s")
            for name in LOOPS:
                console.print(f"{name}: {(self.folder / f'{name}.log').read_text(errors='replace')[-600:]}", markup=False)
        return 0 if books["balanced"] else 1

    def read(self) -> dict[str, int | bool]:
        """Our books, and whether the service's own agree."""
        books = self.books.read(self.accepted)
        agrees = False
        with contextlib.suppress(httpx.HTTPError):
            agrees = httpx.get(f"http://{servers.HOST}:{self.web}/ledger/", timeout=5).json()["balanced"] is True
        return books | {"the_service_agrees": agrees, "balanced": books["balanced"] and agrees and bool(self.accepted)}

    def is_up(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://{servers.HOST}:{self.web}/ready", timeout=5).status_code == 200
        return False

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not start in {seconds:g} s")
            time.sleep(0.1)


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
