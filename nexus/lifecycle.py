"""up, down, status, logs, reset: the native runtime."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from labkit.state import state_folder
from nexus import healthy, packages, supervision, table
from nexus.child import uninterrupted
from nexus.compose import ROOT
from nexus.demos import demos
from nexus.doctor import Problem, refuse_problems, remember_password
from nexus.native import LOGS, RUN, Plan, data_directory, demos_of, listening_port, make_plan, names_of, without
from nexus.servers import HOST, SERVERS, Process, own
from nexus.table import Row

console = Console(highlight=False)


def up(profile: str) -> None:
    """Starts what is not running, beside what runs. Whatever fails, nothing half-started is left behind."""
    begun = time.monotonic()
    before = supervision.running()
    names = before | names_of(profile)
    plan = make_plan(names)
    if packages.install([server.package for server in plan.missing]):
        plan = make_plan(names)
    text = supervision.configuration(plan)
    if already_up(plan, text):
        console.print("everything is already running; nothing was changed")
        table.show(rows(plan))
        return
    if not before:
        clear_old(plan)
        forget_orphaned_data()
    refuse_problems(plan)
    earlier = supervision.CONFIGURATION.read_text() if before else ""
    try:
        start_all(plan, text, names)
    except BaseException:
        with uninterrupted():
            with contextlib.suppress(OSError, SystemExit):  # the terminal may be closed; rich exits then
                console.print("stopping what had started")
            if before:
                go_back(earlier, before)
            else:
                supervision.shutdown(plan.site.directory)
        raise
    console.print(f"started without Docker ({time.monotonic() - begun:.0f} s)")
    table.show(rows(plan))


def go_back(text: str, names: set[str]) -> None:
    """To what ran before."""
    supervision.update(text, names)
    for name in sorted(supervision.states(), key=lambda name: name not in SERVERS):
        supervision.start(name)


def already_up(plan: Plan, text: str) -> bool:
    if not supervision.CONFIGURATION.exists() or supervision.CONFIGURATION.read_text() != text:
        return False
    states = supervision.states()
    return bool(states) and set(states.values()) == {"RUNNING"} and all(is_well(plan, name) for name in states)


def clear_old(plan: Plan) -> None:
    """Processes with another PORT_BASE, or that survived a kill of supervisord: stopped before anything starts."""
    if supervision.leftovers(plan.site.directory):
        with step("stopping processes of an earlier run"):
            supervision.shutdown(plan.site.directory)


def forget_orphaned_data() -> None:
    """Data beside the checkout (see `data_directory`) belongs to the checkout that points to it; one that is gone left it behind."""
    if data_directory() != RUN / "data" and not (RUN / "data").is_symlink():
        shutil.rmtree(data_directory(), ignore_errors=True)


def start_all(plan: Plan, text: str, names: set[str]) -> None:
    for folder in (RUN, LOGS, RUN / "alive", RUN / "sqlite"):
        folder.mkdir(parents=True, exist_ok=True)
    prepare_data(plan)
    if supervision.states():
        fresh = supervision.update(text, names)
    else:
        supervision.launch(text, names)
        fresh = {process.name for process in plan.processes}
    setups = [setup for setup in plan.setups if any(each.cwd == setup.cwd for each in plan.processes if each.name in fresh)]
    with step(f"servers: {', '.join(server.name for server in plan.servers) or 'none to start'}"):
        for server in plan.servers:
            supervision.start(server.name)
        wait_for([server.name for server in plan.servers], lambda name: plan.server(name).answers(plan.site))
    with (
        step(f"migrations and seed: {', '.join(setup.cwd.name for setup in setups)}"),
        ThreadPoolExecutor(os.cpu_count() or 2) as pool,
    ):
        list(pool.map(run_setup, setups))
    with step(f"processes: {len(plan.processes)}"):
        for process in plan.processes:
            supervision.start(process.name)
        wait_for([process.name for process in plan.processes], lambda name: is_well(plan, name))


def prepare_data(plan: Plan) -> None:
    directory = plan.site.directory
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)  # the servers' accounts pass through it to their own folders
    if directory != RUN / "data" and not (RUN / "data").is_symlink():
        (RUN / "data").symlink_to(directory)
    for server in plan.servers:
        server.prepare(plan.site)
        own(plan.site.home(server.name), server.name)
    remember_password(plan)


def run_setup(process: Process) -> None:
    log = LOGS / f"{process.name}.log"
    with log.open("ab") as output:
        done = subprocess.run(process.argv, cwd=process.cwd, env=process.env, stdout=output, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Problem(f"{process.name} failed: {last_line(log)}. Full log: {log}")


def wait_for(names: list[str], is_ready: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + supervision.START_TIMEOUT_SECONDS
    waiting = names
    # supervisord calls a process RUNNING after a second, and until then STARTING, however well it answers
    while waiting := [name for name in waiting if (states := supervision.states()).get(name) != "RUNNING" or not is_ready(name)]:
        failed = next((name for name in waiting if states.get(name) in ("FATAL", "EXITED")), None)
        if failed or time.monotonic() > deadline:
            name = failed or waiting[0]
            log = LOGS / f"{name}.log"
            raise Problem(f"{name} did not start: {last_line(log)}. Full log: {log}")
        time.sleep(0.2)


def is_well(plan: Plan, name: str) -> bool:
    if name in {server.name for server in plan.servers}:
        return plan.server(name).answers(plan.site)
    service = plan.services[name]
    if service.health == "http":
        return healthy.http(listening_port(service) or 0)
    return healthy.file(RUN / "alive" / name)


def rows(plan: Plan) -> list[Row]:
    states = supervision.states()

    def state(name: str) -> str:
        if states.get(name) != "RUNNING":
            return states.get(name, "stopped").lower()
        return "ready" if is_well(plan, name) else "not ready"

    found = [Row(server.name, f"{HOST}:{plan.site.port(server.name)}", "", state(server.name)) for server in plan.servers]
    for server in plan.missing:
        found.append(Row(server.name, "", "", f"missing: apt-get install {server.package}"))
    for process in plan.processes:
        service = plan.services[process.name]
        url = f"http://{HOST}:{service.port}" if service.port else ""
        note = f", with its embedded default instead of {', '.join(process.without)}" if process.without else ""
        found.append(Row(process.name, url, service.try_first, state(process.name) + note))
    for name, why in plan.left_out.items():
        found.append(Row(name, "", "", f"not started: {why}"))
    return found


def status() -> None:
    if not (names := supervision.running()):
        console.print("nothing is running; make up starts everything")
        return
    table.show(rows(make_plan(names)))


def down(demo: str | None) -> None:
    """Stops everything; or one demo, with the servers that no other demo uses."""
    running = supervision.running()
    left = without(demo, running) if demo else set[str]()
    if demo and demo not in demos_of(running):
        console.print(f"{demo} is not running; running: {', '.join(sorted(demos_of(running))) or 'nothing'}")
    elif demos_of(left):
        plan = make_plan(left)
        with step(f"stopping {listed(running - left)}"):
            prepare_data(plan)  # nginx has fewer routes
            changed = supervision.update(supervision.configuration(plan), left)
            for name in changed:
                supervision.start(name)
            wait_for([*changed], lambda name: is_well(plan, name))
        shutil.rmtree(state_folder(ROOT / str(demo)), ignore_errors=True)
        console.print(f"stopped {demo}; the data is kept in .run/. Still running: {', '.join(sorted(demos_of(left)))}")
    else:
        stop_everything()
        console.print("stopped; the data is kept in .run/")


def reset(profile: str) -> None:
    stop_everything()
    shutil.rmtree(data_directory(), ignore_errors=True)
    shutil.rmtree(RUN, ignore_errors=True)
    console.print("all data was deleted")
    up(profile)


def stop_everything() -> None:
    with step(f"stopping {listed(supervision.running()) or 'leftover processes'}"):
        supervision.shutdown(data_directory())
    for demo in demos():
        shutil.rmtree(state_folder(demo), ignore_errors=True)


def listed(names: set[str]) -> str:
    """Those that keep running; the others have ended long ago."""
    states = supervision.states()
    return ", ".join(name for name in sorted(names) if name in states)


def logs(demo: str | None) -> None:
    """Follows the logs of everything, or of one demo's processes, until Ctrl-C."""
    names = set(make_plan(names_of(demo or "all")).services) | (set() if demo else set(SERVERS))
    files = [path for path in sorted(LOGS.glob("*.log")) if path.stem in names]
    if not files:
        raise Problem("there are no logs yet: run make up first")
    with contextlib.suppress(KeyboardInterrupt):
        subprocess.run(["tail", "-n", "20", "-F", *map(str, files)])


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Says what is being done, and, when it is done, how long it took."""
    begun = time.monotonic()
    with console.status(what):
        yield
    console.print(f"{what} ({time.monotonic() - begun:.1f} s)")


def last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    return lines[-1].strip() if lines else "its log is empty"
