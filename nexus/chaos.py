"""Orders, while the processes and servers that handle them are killed, frozen or cut off at random; afterwards the books must balance.

The processes are those of docker-compose.yml, with a PostgreSQL and a RabbitMQ of this run's own. The victims come from a deck that is
shuffled with the seed: each has its turn before one has it again.
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
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from labkit import FaultProxy
from labkit.processes import listening
from nexus import servers
from nexus.books import Books
from nexus.compose import ROOT, services
from nexus.demos import environment
from nexus.private_set import free_port_base, private_folder, refuse_missing, start
from nexus.servers import SERVERS, Process

DEMO = ROOT / "queue_demo"
SETTLE_SECONDS = 240  # Celery waits up to 30 s before it connects again, and a retry's pause is up to a minute
PAUSE_SECONDS = (0.6, 1.8)
LONGEST_FREEZE_SECONDS = 25
LONGEST_STOP_SECONDS = 8
CUSTOMERS = 4  # at a time
SHIPPED = {"carry": "queue-carry", "worker": "queue-worker", "web": "queue"}  # their names in docker-compose.yml
BYSTANDERS = {"mail": "mail", "spare": "queue"}  # another company's, and the web process that answers when the other is dead
SAME_AS_SHIPPED = ("STATEMENT_TIMEOUT_SECONDS", "LOCK_TIMEOUT_SECONDS", "RESTOCK_SECONDS")
REQUIRED = ["DEMO_PASSWORD", "SECRET_KEY", "SERVICE_PASSWORD", "TOKEN_PUBLIC_KEYS", "TOKEN_SIGNING_KEY", "WEBHOOK_SECRET"]
SERVED = {"broker": "rabbitmq", "database": "postgres"}
DATABASE_FAULTS = ["database killed", "database stopped", "database frozen", "database connections ended"]
VICTIMS = [*SHIPPED, "child", "broker", "cut", "hang", *DATABASE_FAULTS]
console = Console(highlight=False)


def run(duration: str | None, seed: str | None) -> int:
    """0 when nothing was lost, doubled or dead-lettered. `seed` repeats the order of the victims; the moments are the machine's."""
    seconds, seed = float(duration or 60), seed or str(secrets.randbelow(1_000_000))
    console.print(f"chaos for {seconds:g} s. To repeat it: make chaos DURATION={seconds:g} SEED={seed}")
    refuse_missing([SERVERS[name] for name in SERVED.values()])
    with private_folder("nexus-chaos-") as folder, Stack(folder) as stack:
        stack.suffer(seconds, random.Random(seed))  # noqa: S311 — chance, no secret
        return stack.settle()


class Stack:
    """All processes and their supervisor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = servers.Site(folder, free_port_base(), secrets.token_hex(8))
        self.proxy = FaultProxy(servers.HOST, self.site.port("rabbitmq"))
        self.web = self.site.port_base + 3
        urls = servers.urls(self.site)
        self.server, self.database = urls["POSTGRES_URL"], f"{urls['POSTGRES_URL']}/queue_demo"
        self.books = Books(self.database, urls["RABBITMQ_URL"])
        self.shipped = services(dict.fromkeys(REQUIRED, "unused"))  # with the defaults of its other variables
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.faults: dict[str, int] = dict.fromkeys(VICTIMS, 0)
        self.accepted: list[str] = []
        self.unanswered = 0
        self.is_over = threading.Event()

    def __enter__(self) -> "Stack":
        self.proxy.__enter__()  # its port is known from here on
        through = servers.urls(self.site)["RABBITMQ_URL"].replace(f":{self.site.port('rabbitmq')}/", f":{self.proxy.port}/")
        self.settings = environment(DEMO.name, {**servers.urls(self.site), "RABBITMQ_URL": through}) | {
            "DATABASE_URL": self.database, "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": secrets.token_hex(32),
            "SMTP_URL": f"smtp://{servers.HOST}:{self.site.port_base + 64}", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        for name in SERVED:
            SERVERS[SERVED[name]].prepare(self.site)
            self.launch(name)
        for name in SERVED:
            self.wait(lambda name=name: SERVERS[SERVED[name]].answers(self.site), 90, f"the {name}")  # type: ignore[misc]
        if subprocess.run([sys.executable, "-m", "nexus.setup"], cwd=DEMO, env=self.settings).returncode:
            raise RuntimeError(f"{DEMO.name} could not be set up")
        self.books.open()
        for name in SHIPPED | BYSTANDERS:
            self.launch(name)
        self.wait(self.is_up, 90, "the web")
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        for process in self.running.values():
            kill(process)
        self.proxy.__exit__()

    def launch(self, name: str) -> None:
        if name in SERVED:
            self.running[name] = start(SERVERS[SERVED[name]].process(self.site), self.folder)
            return
        service = self.shipped[(SHIPPED | BYSTANDERS)[name]]
        ports = {"web": self.web, "spare": self.web + 1, "mail": self.site.port_base + 63}
        settings = self.settings | {each: service.environment[each] for each in SAME_AS_SHIPPED if each in service.environment}
        settings |= {**listening(ports.get(name, 0)), "ALIVE_FILE": str(self.folder / f"{name}.alive")}
        argv = [str(Path(sys.executable).with_name(service.command[0])), *service.command[1:]]
        self.running[name] = start(Process(name, argv, DEMO, settings), self.folder)

    def suffer(self, seconds: float, chance: random.Random) -> None:
        """Orders come, and one victim after the other has its fault."""
        customers = [threading.Thread(target=self.order, daemon=True) for _ in range(CUSTOMERS)]
        for customer in customers:
            customer.start()
        ends_at, deck = time.monotonic() + seconds, list[str]()
        with console.status("chaos") as status:
            while (left := ends_at - time.monotonic()) > 0:
                time.sleep(chance.uniform(*PAUSE_SECONDS))
                if not deck:
                    deck = chance.sample(VICTIMS, len(VICTIMS))
                victim = deck.pop()
                status.update(f"{left:.0f} s left: {victim}, {len(self.accepted)} orders taken, {sum(self.faults.values())} faults")
                self.strike(victim, chance, seconds)
                self.revive()
        self.is_over.set()
        for customer in customers:
            customer.join(30)

    def strike(self, victim: str, chance: random.Random, seconds: float) -> None:
        self.faults[victim] += 1
        match victim:
            case "cut" | "hang":
                self.proxy.set(victim)
                time.sleep(chance.uniform(0.1, 1))
                self.proxy.set("cut")  # what hung is broken, as it is when a router comes back
                self.proxy.set("pass")
            case "child":
                with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                    chance.choice(psutil.Process(self.running["worker"].pid).children()).kill()
            case "database killed":
                for process in self.of_the_database():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                self.running["database"].wait(10)
            case "database stopped":  # its fast shutdown, as a restart after an upgrade has it
                self.running["database"].send_signal(signal.SIGINT)
                self.running["database"].wait(30)
                time.sleep(chance.uniform(1, min(LONGEST_STOP_SECONDS, seconds / 4)))
            case "database frozen":
                with self.frozen():
                    time.sleep(chance.uniform(1, min(LONGEST_FREEZE_SECONDS, seconds / 2)))
            case "database connections ended":
                with contextlib.suppress(psycopg.Error), psycopg.connect(self.admin, autocommit=True, connect_timeout=5) as admin:
                    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            case _:
                kill(self.running[victim])

    @property
    def admin(self) -> str:
        return f"{self.server.replace('postgres://', 'postgresql://')}/postgres"

    def of_the_database(self) -> list[psutil.Process]:
        """The first process and its children; each child leads a group of its own."""
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.running["database"].pid)
            return [first, *first.children(recursive=True)]
        return []

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        try:
            for process in self.of_the_database():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            yield
        finally:
            for process in self.of_the_database():
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def revive(self) -> None:
        """Starts what is dead, as a supervisor does."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.launch(name)

    def order(self) -> None:
        """Customers, one after the other. One without an answer leaves; what was answered with 202 must be fulfilled."""
        body = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}
        while not self.is_over.wait(0.05):
            for port in (self.web, self.web + 1):
                try:
                    answer = httpx.post(f"http://{servers.HOST}:{port}/orders/", json=body, timeout=30)
                    answer.raise_for_status()
                except httpx.HTTPError:
                    self.unanswered += 1
                else:
                    self.accepted.append(answer.json()["id"])
                    break

    def settle(self) -> int:
        """No more faults. Returns 0 when the books balance in time, and shows them."""
        deadline = time.monotonic() + SETTLE_SECONDS
        with console.status("waiting until all orders are finished"):
            while not ((books := self.read())["balanced"] or time.monotonic() > deadline):
                self.revive()
                time.sleep(0.5)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("counted")
        table.add_column("", justify="right")
        faults = {f"faults: {victim}": count for victim, count in self.faults.items()}
        for name, count in {**faults, "requests without an answer": self.unanswered, **books}.items():
            table.add_row(name.replace("_", " "), str(count))
        console.print(table)
        if not books["balanced"]:
            console.print(f"the counts do not match after {SETTLE_SECONDS} s")
            for name in self.running:
                log = SERVED.get(name, name)
                console.print(f"{name}: {(self.folder / f'{log}.log').read_text(errors='replace')[-600:]}", markup=False)
        return 0 if books["balanced"] else 1

    def read(self) -> dict[str, int | bool]:
        """Our books, and whether the service's own agree."""
        try:
            books = self.books.read(self.accepted)
        except psycopg.Error:  # the last fault was the database's
            return {"balanced": False}
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
