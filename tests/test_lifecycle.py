"""`make up` without Docker, from a fresh copy: all services together, twice, after a kill, and down again without a trace."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import httpx
import psutil
import pytest

from labkit.processes import wait_until
from nexus import doctor
from nexus.private_set import port_is_free
from nexus.servers import SERVERS
from tests.conftest import LEFT_BEHIND, ROOT
from tests.native_stack import HOSTILE, Stack, rows

pytestmark = pytest.mark.native
# a shell that is set up for other servers, and for a proxy that does not know ours


def test_everything_is_ready_and_the_table_says_so(stack: Stack) -> None:
    status = stack.make("status").stdout

    assert {row[-1] for row in rows(status)} == {"ready"}, status
    assert len(rows(status)) == len(SERVERS) + 1 + 15  # nginx, and the processes


def test_what_a_visitor_tries_first_answers(stack: Stack) -> None:
    argv = ["sh", "tests/smoke.sh", str(stack.port_base)]
    environment = {"PATH": os.environ["PATH"]} | HOSTILE
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout


def test_an_order_travels_from_the_request_to_the_worker(stack: Stack) -> None:
    placed = httpx.post(stack.url(3, "/orders/"), json={"lines": [{"sku": "SKU-000001", "quantity": 1}]})
    assert placed.status_code == 202
    location = httpx.URL(stack.url(3, "/")).join(placed.headers["Location"])
    deadline = time.monotonic() + 30
    while (order := httpx.get(location).json())["status"] != "fulfilled":
        assert time.monotonic() < deadline, order
        time.sleep(0.2)

    assert httpx.get(stack.url(3, "/ledger/")).json()["fulfilled"] >= 1


def test_the_portals_button_runs_an_experiment_in_its_demo(stack: Stack) -> None:
    with httpx.Client(follow_redirects=True, timeout=10) as browser:
        page = browser.get(stack.url(0, "/"))
        [action] = re.findall(r'action="([^"]*rest_demo/double_click[^"]*)"', page.text)
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text))
        started = browser.post(stack.url(0, action), data={"csrfmiddlewaretoken": token}, headers={"Referer": stack.url(0, "/")})
        assert started.status_code == 200, started.text
        deadline = time.monotonic() + 60
        while (state := browser.get(stack.url(1, "/lab/double_click/")).json())["status"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.3)

    assert state["status"] == "done", state
    assert state["result"]["holds"] is True


def test_all_of_it_fits_in_memory(stack: Stack) -> None:
    # the experiment has its result before its processes have ended
    crowd = re.compile(r"\b(labkit|multiprocessing)\b")
    wait_until(lambda: not any(crowd.search(each) for each in stack.command_lines()), timeout_seconds=30, what="the experiment's end")
    resident = 0.0
    for process in stack.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # a connection's process of PostgreSQL may just have ended
            resident += process.memory_full_info().pss / 1_000_000

    assert resident < doctor.SERVICES_MEMORY_MB, f"{resident:.0f} MB"


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = stack.supervised()
    up = stack.make("up")

    assert "nothing was changed" in up.stdout
    assert len(before) == len(SERVERS) + 1 + 15
    assert stack.supervised() == before


def test_down_of_one_demo_stops_what_only_it_needs_and_up_adds_it(stack: Stack) -> None:
    before = stack.supervised()
    down = stack.make("down", "DEMO=async_demo")
    left = stack.supervised()
    again = stack.make("down", "DEMO=async_demo")

    assert "stopping async, carriers" in down.stdout, down.stdout + down.stderr
    assert "Still running: caching_demo, database_demo" in down.stdout
    assert len(left - before) == 1  # nginx, with fewer routes
    assert len(left) == len(before) - 2
    assert port_is_free(stack.port_base + 6)
    assert "async_demo is not running" in again.stdout
    assert "async" not in [line.split()[0] for line in stack.make("status").stdout.splitlines()]

    up = stack.make("up", "DEMO=async_demo")

    assert up.returncode == 0, up.stderr
    assert {row[-1] for row in rows(up.stdout)} == {"ready"}, up.stdout
    assert len(rows(up.stdout)) == len(before)
    assert len(stack.supervised()) == len(before)


def test_up_comes_back_after_everything_was_killed(stack: Stack) -> None:
    for process in stack.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent was killed before it, and it has followed
            process.send_signal(signal.SIGKILL)
    up = stack.make("up")

    assert up.returncode == 0, up.stdout + up.stderr
    assert httpx.get(stack.url(1, "/api/v1/products/")).status_code == 200


def test_a_taken_port_is_named_with_a_way_out(stack: Stack) -> None:
    up = stack.make("up", "DEMO=rest_demo", PORT_BASE="22")
    assert "PORT_BASE" in up.stderr

    other = shutil.copytree(stack.folder, stack.folder.parent / "other", ignore=LEFT_BEHIND)
    (other / ".venv").symlink_to(ROOT / ".venv")
    second = Stack(other)
    second.port_base = stack.port_base
    up = second.make("up")
    second.release()

    assert up.returncode != 0
    assert f"port {stack.port_base} (portal)" in up.stderr
    assert "make up PORT_BASE=" in up.stderr
    assert second.processes() == [] or {process.pid for process in second.processes()} <= {each.pid for each in stack.processes()}


def test_down_leaves_no_process_and_no_port(stack: Stack) -> None:
    down = stack.make("down")

    assert down.returncode == 0, down.stderr
    assert stack.processes() == []
    assert [offset for offset in range(100) if not port_is_free(stack.port_base + offset)] == []


def test_down_stops_servers_after_all_that_use_them(stack: Stack) -> None:
    log = (stack.folder / ".run/logs/supervisord.log").read_text()
    stopped = re.findall(r"(?:stopped|exited): ([a-z-]+) \((.*)\)", log.rpartition("success: portal")[2])
    names = [name for name, _ in stopped]

    assert set(names[-len(SERVERS) :]) == set(SERVERS), stopped
    assert len(names) == len(SERVERS) + 1 + 15
    assert [how for _, how in stopped if "SIGKILL" in how] == []


def test_a_terminal_that_closes_during_up_leaves_nothing_half_started(stack: Stack) -> None:
    stack.make("down")
    argv = ["make", "-s", "up", "DEMO=database_demo"]
    environment = {"PATH": os.environ["PATH"], "RUNTIME": "native", "PORT_BASE": str(stack.port_base)}
    up = subprocess.Popen(argv, cwd=stack.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    assert up.stdout
    wait_until(lambda: not port_is_free(stack.port_base + 32), timeout_seconds=30, what="PostgreSQL")
    make = psutil.Process(up.pid)
    everything = [make, *make.children(recursive=True)]
    up.stdout.close()
    os.killpg(up.pid, signal.SIGHUP)
    up.wait(timeout=30)
    psutil.wait_procs(everything, timeout=30)

    assert stack.processes() == []
    assert [offset for offset in range(100) if not port_is_free(stack.port_base + offset)] == []
    assert not (stack.folder / ".make.lock").is_symlink()


def test_reset_begins_with_new_data(stack: Stack) -> None:
    left_over = stack.folder / ".run/data/left-over"
    left_over.touch()
    reset = stack.make("reset", "DEMO=database_demo")

    assert reset.returncode == 0, reset.stderr
    assert not left_over.exists()
    assert httpx.get(stack.url(5, "/stock/")).status_code == 200


def test_logs_are_followed_until_ctrl_c(stack: Stack) -> None:
    argv = ["make", "-s", "logs", "DEMO=database_demo"]
    environment = {**os.environ, "RUNTIME": "native", "PORT_BASE": str(stack.port_base)}
    # tests that run in the background ignore Ctrl-C, and what they start would do so too
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    logs = subprocess.Popen(argv, cwd=stack.folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
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


def test_doctor_finds_a_variable_that_beats_env(stack: Stack) -> None:
    done = stack.make("doctor", LAB="0")

    assert "LAB" in done.stdout + done.stderr
