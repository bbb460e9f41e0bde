"""supervisord, ours alone: it starts the processes, starts them again when they die, and keeps their logs."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
import xmlrpc.client
from collections.abc import Collection
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from nexus.compose import ROOT
from nexus.native import LOGS, RUN, Plan, supervisor_port
from nexus.servers import HOST, SERVERS, Process
from nexus.sweep import MARK, ours, sweep

CONFIGURATION = RUN / "supervisord.conf"
NAMES = RUN / "services"  # of the services that run, one a line; those of them that run once, too
STOPPED = {"STOPPED", "EXITED", "FATAL"}
START_TIMEOUT_SECONDS = 90
STOP_TIMEOUT_SECONDS = 30  # supervisord kills after 20
UNREACHABLE = (OSError, HTTPException, xmlrpc.client.Error)


def configuration(plan: Plan) -> str:
    """The configuration file's text. Nothing starts by itself: `up` starts servers first, then what needs them."""
    sections = [
        f"[supervisord]\nlogfile={LOGS}/supervisord.log\npidfile={RUN}/supervisord.pid\nchildlogdir={LOGS}\nnodaemon=false\n"
        f"logfile_maxbytes=5MB\nlogfile_backups=1\n{'user=root' if os.geteuid() == 0 else ''}\n",
        # a port with a password, not a socket: a socket's path may be 107 bytes long, a checkout's is often longer
        f"[inet_http_server]\nport={HOST}:{supervisor_port()}\nusername=nexus\npassword={password()}\n",
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    ]
    processes = [server.process(plan.site) for server in plan.servers] + plan.processes
    return "\n".join([*sections, *map(_program, processes)])


def _program(process: Process) -> str:
    environment = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(process.env.items()))
    lines: dict[str, object] = {
        "command": " ".join(f'"{_escaped(word)}"' for word in process.argv),
        "directory": process.cwd,
        "environment": environment,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": 1,
        "stopsignal": process.stop_signal,
        "stopwaitsecs": 20,
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": LOGS / f"{process.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 1,
    }
    if process.user:
        lines["user"] = process.user
    return f"[program:{process.name}]\n" + "\n".join(f"{key}={value}" for key, value in lines.items()) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def password() -> str:
    """supervisord's own, derived from the servers' so that nothing more is to be kept."""
    return hashlib.sha256(f"supervisor {os.environ['SERVICE_PASSWORD']}".encode()).hexdigest()


def control() -> Any:
    """supervisord's XML-RPC interface: its `supervisor` namespace (supervisord.org/api.html)."""
    return xmlrpc.client.ServerProxy(f"http://nexus:{password()}@{HOST}:{supervisor_port()}/RPC2")


def states() -> dict[str, str]:
    """Each program's state in supervisor's words (RUNNING, FATAL, …); empty when no supervisord of ours answers."""
    try:
        # another checkout's supervisord could be there: its password is another
        return {str(entry["name"]): str(entry["statename"]) for entry in control().supervisor.getAllProcessInfo()}
    except UNREACHABLE:
        return {}


def running() -> set[str]:
    """The names of the services that were started and not stopped since; empty when no supervisord of ours answers."""
    if not (found := states()):
        return set()
    return set(NAMES.read_text().split()) if NAMES.exists() else set(found)


def write(text: str, names: Collection[str]) -> None:
    CONFIGURATION.touch(mode=0o600)
    CONFIGURATION.write_text(text)
    NAMES.write_text("\n".join(sorted(names)))


def update(text: str, names: Collection[str]) -> set[str]:
    """Gives the running supervisord another configuration. Stops what it no longer has, and what differs in it.

    Returns the names of those that are new or differ: they are to be started.
    """
    write(text, names)
    supervisor = control().supervisor
    [[added, changed, removed]] = supervisor.reloadConfig()
    stop([*changed, *removed])
    for name in [*changed, *removed]:
        supervisor.removeProcessGroup(name)
    for name in [*added, *changed]:
        supervisor.addProcessGroup(name)
    return {*added, *changed}


def stop(names: Collection[str]) -> None:
    """Servers stop last: what uses them finishes its work first."""
    for group in ([name for name in names if name not in SERVERS], [name for name in names if name in SERVERS]):
        for name in group:
            control().supervisor.stopProcessGroup(name, False)
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        while not all(state in STOPPED for name, state in states().items() if name in group):
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all of {', '.join(group)} stopped; see {LOGS}")
            time.sleep(0.1)


def launch(text: str, names: Collection[str]) -> None:
    """Starts supervisord with this configuration."""
    write(text, names)
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), MARK: str(RUN)}
    argv = [str(ROOT / ".venv/bin/supervisord"), "--configuration", str(CONFIGURATION)]
    done = subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"supervisord did not start: {(done.stderr or done.stdout).strip()}")
    deadline = time.monotonic() + 10
    while not states():
        if time.monotonic() > deadline:
            raise RuntimeError(f"supervisord does not answer; see {LOGS}/supervisord.log")
        time.sleep(0.05)


def start(name: str) -> None:
    with contextlib.suppress(xmlrpc.client.Fault):  # it runs already
        control().supervisor.startProcess(name, False)


def shutdown(data: Path) -> int:
    """Stops everything in order, then whatever is left of what we started. Returns how many leftovers there were."""
    with contextlib.suppress(*UNREACHABLE, RuntimeError):  # what does not stop in time is swept
        stop(states())  # not by supervisord's shutdown: from then on it answers no question
        pid = control().supervisor.getPID()
        control().supervisor.shutdown()
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).wait(timeout=10)
    left = sweep(str(RUN), (data,))
    CONFIGURATION.unlink(missing_ok=True)
    NAMES.unlink(missing_ok=True)
    shutil.rmtree(RUN / "alive", ignore_errors=True)
    return left


def leftovers(data: Path) -> int:
    """How many processes of ours live although no supervisord of ours answers: someone killed it."""
    return len(ours(str(RUN), (data,)))
