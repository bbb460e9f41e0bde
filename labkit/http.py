"""The lab over HTTP, for the portal's button. A demo mounts it at /lab/, and only when its setting LAB is on.

    GET  /lab/          every experiment, and which one runs now
    POST /lab/<name>/   202 at once; the experiment runs in a process of its own, not to starve the service it measures
    GET  /lab/<name>/   idle, running (and its stage), done (and the result) or failed (and why)

One run at a time for all workers of the demo: a second is answered 409.
"""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from labkit.experiment import Experiment, discover, load_results
from labkit.state import State, read_state, state_folder
from patterns.http.problem_details import respond

RUN_TIMEOUT_SECONDS = 300
DEMO = Path(settings.BASE_DIR)


def folder() -> Path:
    """Where states and the lock are. PermissionError when somebody else has made it."""
    place = state_folder(DEMO)
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to another user")
    return place


@require_safe
def index(request: HttpRequest) -> JsonResponse:
    recorded = load_results(DEMO / "lab" / "results.json")
    entries = [{**described(experiment), **progress(name), "recorded": recorded.get(name)} for name, experiment in discover().items()]
    return JsonResponse({"demo": DEMO.name, "running": running(), "experiments": entries})


@csrf_exempt  # no cookie is read here; the Origin check below keeps other sites' pages out
@require_http_methods(["GET", "HEAD", "POST"])
def experiment(request: HttpRequest, name: str) -> HttpResponse:
    known = discover()
    if name not in known:
        return respond(request, 404, detail=f"there is no experiment named {name}; the experiments are: {', '.join(known)}")
    if request.method != "POST":
        return JsonResponse({**described(known[name]), **progress(name)})
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.get_host():
        return respond(request, 403, detail="experiments are started from this site only")
    if not start(name):
        return respond(request, 409, detail="an experiment is running; one at a time")
    location = reverse("lab-experiment", args=[name])
    return JsonResponse({"name": name, "status": "running", "location": location}, status=202, headers={"Location": location})


def described(experiment: Experiment) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "challenge": experiment.challenge,
        "solution": experiment.solution,
        "load": experiment.load,
        "code": experiment.code,
    }


def state_path(name: str) -> Path:
    return folder() / f"{name}.json"


def running() -> str | None:
    """The name of the experiment that runs now. A run holds the lock for as long as its process lives."""
    with (folder() / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look do not take each other for a run
        except BlockingIOError:
            lock.seek(0)
            return lock.read()
    return None


def progress(name: str) -> dict[str, Any]:
    state = read_state(state_path(name))
    if state["status"] == "running" and running() != name:
        state = read_state(state_path(name))  # it may have ended between the two looks
    if state["status"] == "running" and running() != name:
        return {"status": "failed", "error": "the run was killed before it had a result"}
    return state


def start(name: str) -> bool:
    """Starts a run unless one is going. The child inherits the lock: it is free again when the child is gone, however it went."""
    with (folder() / "lock").open("a+") as lock:
        for attempt in range(5):  # somebody who only looks (`running`) holds the lock for an instant
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 4:
                    return False
                time.sleep(0.02)
        lock.truncate(0)
        lock.write(name)
        lock.flush()
        State(state_path(name)).running("starting")
        argv = [sys.executable, "-m", "labkit", "run", name, "--output", os.devnull, "--state", str(state_path(name))]
        # a crowd on a busy machine may wait longer than a visitor should
        patient = {**os.environ, "STATEMENT_TIMEOUT_SECONDS": "120", "LOCK_TIMEOUT_SECONDS": "60"}
        process = subprocess.Popen(argv, cwd=DEMO, env=patient, pass_fds=[lock.fileno()], stdin=subprocess.DEVNULL)
    threading.Thread(target=_wait, args=(process,), daemon=True).start()
    return True


def _wait(process: "subprocess.Popen[bytes]") -> None:
    """Reaps the child, and ends one that never would."""
    try:
        process.wait(timeout=RUN_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


urlpatterns = [
    path("", index, name="lab-index"),
    path("<slug:name>/", experiment, name="lab-experiment"),
]
