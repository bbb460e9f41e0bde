"""The demos' labs, over HTTP: what can be run, what was counted, and the start of a run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from door.chart import Pair, pairs
from door.demos import Demo
from door.http import ask
from door.pages import find_page

# The stages of a run, in order, each with its message.
STAGES = {
    "starting": "Starting the run.",
    "preparing": "Preparing an empty database.",
    "naive": "The naive version is under load.",
    "solved": "The solved version is under load.",
}


@dataclass(frozen=True)
class Result:
    """`is_fresh`: counted here, by the last run. Otherwise recorded: it came with the code."""

    proof: str
    holds: bool
    seconds: float
    pairs: tuple[Pair, ...]
    is_fresh: bool


@dataclass(frozen=True)
class Challenge:
    """One experiment of a demo's lab. `status` is idle, running, done or failed."""

    demo: Demo
    name: str
    challenge: str = ""
    solution: str = ""
    load: str = ""
    code: str = ""
    status: str = "idle"
    stage: str = ""
    error: str = ""
    result: Result | None = None

    @property
    def key(self) -> str:
        return f"{self.demo.name}-{self.name}"

    @property
    def has_page(self) -> bool:
        return find_page(self.demo.name, self.name) is not None

    @property
    def code_path(self) -> str:
        """From the repository's root."""
        return self.code if self.code.startswith(("patterns/", "deploy/")) else f"{self.demo.name}/{self.code}"

    @property
    def path_parts(self) -> list[str]:
        """Where the code is, from the root, cut after each slash: there a narrow page may break the line."""
        *folders, file = self.code_path.split("/")
        return [f"{folder}/" for folder in folders] + [file]

    @property
    def stage_words(self) -> str:
        return STAGES.get(self.stage, f"Running: {self.stage}")

    @property
    def stages(self) -> list[tuple[str, str]]:
        """Each stage of a run with "past", "now" or "next". A stage that we do not know stands alone."""
        if self.stage not in STAGES:
            return [(self.stage, "now")]
        now = list(STAGES).index(self.stage)
        return [(stage, "past" if at < now else "now" if at == now else "next") for at, stage in enumerate(STAGES)]


@dataclass(frozen=True)
class Lab:
    """`problem` says why there are no challenges: the demo is down or silent (no response in time), its lab is off, or its
    response is odd (not a list of experiments)."""

    demo: Demo
    challenges: tuple[Challenge, ...] = ()
    problem: Literal["", "down", "silent", "off", "odd"] = ""

    def challenge(self, name: str) -> Challenge | None:
        return next((each for each in self.challenges if each.name == name), None)


def read_lab(demo: Demo) -> Lab:
    """Never raises: the page shows a demo that is down or responds with something else."""
    try:
        answer = ask("GET", demo, "/lab/")
    except httpx.TimeoutException:
        return Lab(demo, problem="silent")
    except httpx.HTTPError:
        return Lab(demo, problem="down")
    if answer.status_code == 404:
        return Lab(demo, problem="off")
    try:
        return Lab(demo, tuple(_challenge(demo, entry) for entry in answer.raise_for_status().json()["experiments"]))
    except (httpx.HTTPError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        return Lab(demo, problem="odd")


def start_run(demo: Demo, name: str) -> tuple[int, str]:
    """Asks the demo to run an experiment. Returns 202, or another status and the reason."""
    try:
        status = ask("POST", demo, f"/lab/{name}/").status_code
    except httpx.TimeoutException:
        return 504, f"{demo.name} did not respond in time. The run may have started: check again in a moment."
    except httpx.HTTPError:
        return 503, f"{demo.name} is not running. Start it: make up DEMO={demo.name}"
    words = {
        202: "",
        404: f"{demo.name} has no experiment {name}, or its lab is off. LAB=1 in .env turns it on.",
        409: f"{demo.name} is already running an experiment, and runs one at a time. Try again when it is done.",
    }
    return (status, words[status]) if status in words else (502, f"{demo.name} refused the run: HTTP {status}.")


def _challenge(demo: Demo, entry: Mapping[str, Any]) -> Challenge:
    if not re.fullmatch(r"[-\w]+", entry["name"], re.ASCII):  # it becomes a part of an address
        raise ValueError(f"not the name of an experiment: {entry['name']}")
    fresh, recorded = entry.get("result"), entry.get("recorded")
    words = {word: str(entry[word]) for word in ("name", "challenge", "solution", "load", "code", "status")}
    return Challenge(
        demo=demo,
        stage=str(entry.get("stage", "")),
        error=str(entry.get("error", "")),
        result=_result(fresh, is_fresh=True) if fresh else _result(recorded, is_fresh=False) if recorded else None,
        **words,
    )


def _result(data: Mapping[str, Any], *, is_fresh: bool) -> Result:
    return Result(
        proof=_with_separators(str(data["proof"])),
        holds=data["holds"] is True,
        seconds=float(data["seconds"]),
        pairs=pairs(data["naive"], data["solved"]),
        is_fresh=is_fresh,
    )


def _with_separators(proof: str) -> str:
    """`rows read: 300000 → 21` is "rows read: 300,000 → 21", as beside the bars. Numbers of a label stay as they are."""
    return re.sub(r"(?<=: |→ )\d{4,18}\b", lambda number: f"{int(number[0]):,}", proof)
