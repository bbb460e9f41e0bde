"""`make up` without Docker, from a fresh copy: all services together, twice, after a kill, and down again without a trace."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from labkit.processes import wait_until
from nexus.private_set import port_is_free
from nexus.sweep import ours
from tests.conftest import LEFT_BEHIND, ROOT

pytestmark = pytest.mark.native
# a shell that is set up for other servers, and for a proxy that does not know ours
HOSTILE = {
    "PGSSLMODE": "verify-full", "PGSERVICE": "nowhere", "PGOPTIONS": "-c no=1", "PGHOSTADDR": "192.0.2.1",
    "RABBITMQ_NODENAME": "x@y", "ERL_FLAGS": "-no", "PYTHONHOME": "/nowhere", "DJANGO_SETTINGS_MODULE": "x",
    "http_proxy": "http://192.0.2.1:1", "HTTP_PROXY": "http://192.0.2.1:1", "ALL_PROXY": "http://192.0.2.1:1",
}  # fmt: skip
RESIDENT_LIMIT_MB = 1500  # 19 processes, after an experiment has run


class House:
    """A copy of this checkout with ports and data of its own; its packages are this checkout's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port_base = next(base for base in range(31000, 60000, 100) if all(port_is_free(base + n) for n in range(100)))

    def make(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {"RUNTIME": "native", "PORT_BASE": str(self.port_base), "COLUMNS": "120"} | HOSTILE | variables
        return subprocess.run(["make", "-s", *words], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=180)

    def url(self, offset: int, path: str) -> str:
        return f"http://127.0.0.1:{self.port_base + offset}{path}"

    def supervised(self) -> set[int]:
        """The pids of what supervisord started; their own children (PostgreSQL's, one a connection) come and go."""
        supervisor = int((self.folder / ".run/supervisord.pid").read_text())
        return {process.pid for process in psutil.Process(supervisor).children()}

    def processes(self) -> list[psutil.Process]:
        return ours(str(self.folder / ".run"), ((self.folder / ".run/data").resolve(),))

    def command_lines(self) -> Iterator[str]:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                yield " ".join(process.cmdline())


def rows(printed: str) -> list[list[str]]:
    """The table's rows, in words."""
    table = printed[printed.index("service ") :].splitlines()[1:]
    return [line.split() for line in table if line[:1].isalpha()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house") / "nexus"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    house = House(folder)
    up = house.make("up")
    assert up.returncode == 0, up.stdout + up.stderr
    yield house
    house.make("down")
    shutil.rmtree((folder / ".run/data").resolve())


def test_everything_is_ready_and_the_table_says_so(house: House) -> None:
    status = house.make("status").stdout

    assert {row[-1] for row in rows(status)} == {"ready"}, status
    assert len(rows(status)) == 4 + 15


def test_what_a_visitor_tries_first_answers(house: House) -> None:
    argv = ["sh", "tests/smoke.sh", str(house.port_base)]
    environment = {"PATH": os.environ["PATH"]} | HOSTILE
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


def test_an_order_travels_from_the_request_to_the_worker(house: House) -> None:
    placed = httpx.post(house.url(3, "/orders/"), json={"lines": [{"sku": "SKU-000001", "quantity": 1}]})
    assert placed.status_code == 202
    location = httpx.URL(house.url(3, "/")).join(placed.headers["Location"])
    deadline = time.monotonic() + 30
    while (order := httpx.get(location).json())["status"] != "fulfilled":
        assert time.monotonic() < deadline, order
        time.sleep(0.2)

    assert httpx.get(house.url(3, "/ledger/")).json()["fulfilled"] >= 1


def test_the_portals_button_runs_an_experiment_in_its_demo(house: House) -> None:
    with httpx.Client(follow_redirects=True, timeout=10) as browser:
        page = browser.get(house.url(0, "/"))
        [action] = re.findall(r'action="([^"]*rest_demo/double_click[^"]*)"', page.text)
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text))
        started = browser.post(house.url(0, action), data={"csrfmiddlewaretoken": token}, headers={"Referer": house.url(0, "/")})
        assert started.status_code == 200, started.text
        deadline = time.monotonic() + 60
        while (state := browser.get(house.url(1, "/lab/double_click/")).json())["status"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.3)

    assert state["status"] == "done", state
    assert state["result"]["holds"] is True


def test_all_of_it_fits_in_memory(house: House) -> None:
    # the experiment has its result before its processes have ended
    crowd = re.compile(r"\b(labkit|multiprocessing)\b")
    wait_until(lambda: not any(crowd.search(each) for each in house.command_lines()), timeout_seconds=30, what="the experiment's end")
    resident = 0.0
    for process in house.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # a connection's process of PostgreSQL may just have ended
            resident += process.memory_full_info().pss / 1_000_000

    assert resident < RESIDENT_LIMIT_MB, f"{resident:.0f} MB"


def test_a_second_up_changes_nothing(house: House) -> None:
    before = house.supervised()
    up = house.make("up")

    assert "nothing was changed" in up.stdout
    assert len(before) == 19
    assert house.supervised() == before


def test_down_of_one_demo_stops_what_only_it_needs_and_up_adds_it(house: House) -> None:
    before = house.supervised()
    down = house.make("down", "DEMO=async_demo")
    left = house.supervised()
    again = house.make("down", "DEMO=async_demo")

    assert "stopping async, carriers" in down.stdout, down.stdout + down.stderr
    assert "Still up: caching_demo, database_demo" in down.stdout
    assert left < before
    assert len(left) == len(before) - 2
    assert port_is_free(house.port_base + 6)
    assert "async_demo does not run" in again.stdout
    assert "async" not in [line.split()[0] for line in house.make("status").stdout.splitlines()]

    up = house.make("up", "DEMO=async_demo")

    assert up.returncode == 0, up.stderr
    assert {row[-1] for row in rows(up.stdout)} == {"ready"}, up.stdout
    assert len(rows(up.stdout)) == len(before)
    assert house.supervised() > left


def test_up_comes_back_after_everything_was_killed(house: House) -> None:
    for process in house.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent was killed before it, and it has followed
            process.send_signal(signal.SIGKILL)
    up = house.make("up")

    assert up.returncode == 0, up.stdout + up.stderr
    assert httpx.get(house.url(1, "/api/v1/products/")).status_code == 200


def test_a_taken_port_is_named_with_a_way_out(house: House) -> None:
    up = house.make("up", "DEMO=rest_demo", PORT_BASE="22")
    assert "PORT_BASE" in up.stderr

    other = shutil.copytree(house.folder, house.folder.parent / "other", ignore=LEFT_BEHIND)
    (other / ".venv").symlink_to(ROOT / ".venv")
    second = House(other)
    second.port_base = house.port_base
    up = second.make("up")

    assert up.returncode != 0
    assert f"port {house.port_base} (portal)" in up.stderr
    assert "make up PORT_BASE=" in up.stderr
    assert second.processes() == [] or {process.pid for process in second.processes()} <= {each.pid for each in house.processes()}


def test_down_leaves_no_process_and_no_port(house: House) -> None:
    down = house.make("down")

    assert down.returncode == 0, down.stderr
    assert house.processes() == []
    assert [offset for offset in range(100) if not port_is_free(house.port_base + offset)] == []


def test_a_terminal_that_closes_during_up_leaves_nothing_half_started(house: House) -> None:
    house.make("down")
    argv = ["make", "-s", "up", "DEMO=database_demo"]
    environment = {"PATH": os.environ["PATH"], "RUNTIME": "native", "PORT_BASE": str(house.port_base)}
    up = subprocess.Popen(argv, cwd=house.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert up.stdout
    wait_until(lambda: not port_is_free(house.port_base + 32), timeout_seconds=30, what="PostgreSQL")
    make = psutil.Process(up.pid)
    everything = [make, *make.children(recursive=True)]
    up.stdout.close()
    os.killpg(up.pid, signal.SIGHUP)
    up.wait(timeout=30)
    psutil.wait_procs(everything, timeout=30)

    assert house.processes() == []
    assert [offset for offset in range(100) if not port_is_free(house.port_base + offset)] == []
    assert not (house.folder / ".make.lock").is_symlink()


def test_reset_begins_with_new_data(house: House) -> None:
    left_over = house.folder / ".run/data/left-over"
    left_over.touch()
    reset = house.make("reset", "DEMO=database_demo")

    assert reset.returncode == 0, reset.stderr
    assert not left_over.exists()
    assert httpx.get(house.url(5, "/stock/")).status_code == 200


def test_logs_are_followed_until_ctrl_c(house: House) -> None:
    argv = ["make", "-s", "logs", "DEMO=database_demo"]
    environment = {**os.environ, "RUNTIME": "native", "PORT_BASE": str(house.port_base)}
    # tests that run in the background ignore Ctrl-C, and what they start would do so too
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    logs = subprocess.Popen(argv, cwd=house.folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    try:
        assert logs.stdout
        first = logs.stdout.readline()
        os.killpg(logs.pid, signal.SIGINT)
        rest, _ = logs.communicate(timeout=20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(logs.pid, signal.SIGKILL)

    assert re.match(r"==> .*/\.run/logs/database", first)
    assert "Traceback" not in rest


def test_doctor_finds_a_variable_that_beats_env(house: House) -> None:
    done = house.make("doctor", LAB="0")

    assert "LAB" in done.stdout + done.stderr
