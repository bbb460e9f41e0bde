"""The workflows are what docs/ci-cd.md says of them, and each of their jobs can be run at the desk."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nexus import commits
from tests.conftest import DEMOS, ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {path.name: yaml.safe_load(path.read_text()) for path in FILES}
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# what only exists at the forge: there is nothing to run at the desk
ONLY_THERE = {
    ("ci.yml", "gate"),
    ("security.yml", "dependencies"),
    ("security.yml", "zizmor"),
    ("security.yml", "codeql"),
    ("release.yml", "images"),
}
USES = re.compile(r"uses: (\S+)(?: # (\S+))?")


def job_of(name: str, job: str) -> dict[str, Any]:
    return dict(WORKFLOWS[name]["jobs"][job])


@pytest.mark.parametrize(("name", "job"), [each for each in JOBS if each not in ONLY_THERE])
def test_a_job_calls_a_make_target(name: str, job: str) -> None:
    definition = job_of(name, job)
    called = [definition["with"]["target"]] if "uses" in definition else []
    called += [target for step in definition.get("steps", []) for target in re.findall(r"^make (?:-s )?([a-z]+)", step.get("run", ""))]

    assert set(called) <= TARGETS
    assert called or definition["steps"][-1]["run"] == 'make "$TARGET"'


@pytest.mark.parametrize(("name", "job"), [each for each in JOBS if "matrix" in job_of(*each).get("strategy", {})])
def test_what_a_matrix_varies_is_what_its_job_uses(name: str, job: str) -> None:
    """Else the same is run six times, under six names."""
    definition = job_of(name, job)
    used = re.findall(r"matrix\.(\w+)", str(definition.get("with", {})) + str(definition.get("steps", [])))

    assert set(used) == set(definition["strategy"]["matrix"])


@pytest.mark.parametrize("path", [*FILES, *ACTIONS], ids=lambda path: path.name)
def test_an_action_is_named_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    used = USES.findall(path.read_text())
    loose = [
        action
        for action, version in used
        if not action.startswith("./") and not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} v\d+\.\d+\.\d+", f"{action} {version}")
    ]

    assert loose == []


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_local_action_is_called_by_its_path_after_a_checkout(name: str, job: str) -> None:
    """Other paths to it (`$/…`) are unknown to stock actionlint, act and GitHub Enterprise Server."""
    used = [str(step["uses"]) for step in job_of(name, job).get("steps", []) if "uses" in step]
    local = [at for at, action in enumerate(used) if ".github/" in action]

    assert all(used[at].startswith("./.github/actions/") for at in local)
    assert all(used[0].startswith("actions/checkout@") for _ in local)


def test_an_action_has_one_version_everywhere() -> None:
    used = [each for path in [*FILES, *ACTIONS] for each in USES.findall(path.read_text()) if "@" in each[0]]
    versions: dict[str, set[str]] = {}
    for action, version in used:
        path, _, commit = action.partition("@")
        versions.setdefault("/".join(path.split("/")[:2]), set()).add(f"{commit} {version}")

    assert {action: found for action, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_do_nothing_that_a_job_does_not_ask_for(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_says_what_it_may_do_and_when_it_is_given_up(name: str, job: str) -> None:
    definition = job_of(name, job)

    assert "permissions" in definition or job == "gate"  # which only reads what the others said
    assert "uses" in definition or "timeout-minutes" in definition


def test_a_newer_run_stops_an_older_one_but_never_a_release() -> None:
    groups = {name: workflow["concurrency"] for name, workflow in WORKFLOWS.items() if name != "with-servers.yml"}

    assert {name for name, group in groups.items() if not group["cancel-in-progress"]} == {"release.yml"}
    assert "concurrency" not in WORKFLOWS["with-servers.yml"]  # it would share the group of its caller, and stop it


def test_the_gate_asks_for_every_job_and_forgives_only_what_the_paths_skip() -> None:
    jobs = WORKFLOWS["ci.yml"]["jobs"]
    by_path = {name for name, job in jobs.items() if "needs.changes.outputs" in job.get("if", "")}
    gate = jobs["gate"]

    assert set(gate["needs"]) == set(jobs) - {"gate"}
    assert gate["if"] == "always()"  # a gate that is skipped counts as passed
    assert set(gate["steps"][0]["with"]["allowed-skips"].split(", ")) == by_path
    assert "changes" not in by_path


@pytest.mark.parametrize("path", [*FILES, *ACTIONS, ROOT / ".ci/run"], ids=lambda path: path.name)
def test_nothing_that_fails_is_waved_through(path: Path) -> None:
    assert re.findall(r"\|\| *(?:true|:)|continue-on-error|set \+e", path.read_text()) == []


def test_every_server_has_a_health_check() -> None:
    [job] = WORKFLOWS["with-servers.yml"]["jobs"].values()

    assert {name for name, server in job["services"].items() if "--health-cmd" not in server["options"]} == set()
    assert set(job["services"]) == {"postgres", "redis", "rabbitmq", "memcached"}


def test_a_release_has_an_image_of_every_demo_with_what_is_in_it() -> None:
    images = job_of("release.yml", "images")
    build = images["steps"][-1]["with"]

    assert set(images["strategy"]["matrix"]["demo"]) == {*(demo.name for demo in DEMOS), "portal"}
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")


def test_nothing_new_is_taken_in_on_its_first_day() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert [each["package-ecosystem"] for each in updates if each["cooldown"]["default-days"] < 7] == []
    assert [each["commit-message"]["prefix"] for each in updates if each["commit-message"]["prefix"] not in commits.TYPES] == []
