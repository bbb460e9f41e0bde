"""The shape of the house: whoever knows one demo knows all."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nexus import copying
from nexus.copying import patterns
from tests.conftest import DEMOS, ROOT

ROOMS = {
    "README.md", "manage.py", "requirements.txt", "config/settings.py", "config/urls.py",
    "lab/urls.py", "lab/results.json", "tests/test_service.py",
}  # fmt: skip
NOT_DOMAINS = {"config", "lab", "tests", "fake_carriers", "mail_provider", "payment_provider"}
BANNED = {"base.py", "utils.py", "helpers.py", "common", "misc.py", "manager.py"}
HEADINGS = ("Problem", "Guarantee", "Not guaranteed", "Cost", "Use instead")
CONTRACTS = """
[importlinter]
root_packages =
    {domain}
    config
    lab
    labkit
    nexus
    patterns
    tests

[importlinter:contract:arrows]
name = tests, lab → config → domain → patterns
type = layers
layers =
    tests
    lab
    config
    {domain}
    patterns

[importlinter:contract:labkit]
name = only lab and tests import labkit
type = forbidden
source_modules =
    config
    {domain}
    patterns
forbidden_modules =
    labkit

[importlinter:contract:nexus]
name = no demo imports the workbench
type = forbidden
source_modules =
    config
    {domain}
    lab
    patterns
    tests
forbidden_modules =
    nexus
"""

FULFILMENT = """
[importlinter]
root_package = fulfilment

[importlinter:contract:layers]
name = management → api, workers → tasks → services, ledger → messaging → models
type = layers
containers = fulfilment
layers =
    management
    urls
    api | workers
    tasks
    services | ledger
    messaging | invoices | mail
    models
    records
    event_types | errors
"""


def test_there_are_six_demos() -> None:
    assert len(DEMOS) == 6


def domain(demo: Path) -> str:
    [name] = {path.parent.name for path in demo.glob("*/__init__.py")} - NOT_DOMAINS
    return name


def test_each_demo_has_all_rooms(demo: Path) -> None:
    missing = sorted(room for room in ROOMS if not (demo / room).exists())

    assert missing == []
    assert {"models.py", "services.py", "migrations", "management"} <= {path.name for path in (demo / domain(demo)).iterdir()}


def test_imports_go_one_way(demo: Path, tmp_path: Path) -> None:
    contracts = tmp_path / "contracts"
    contracts.write_text(CONTRACTS.format(domain=domain(demo)))
    environment = {**os.environ, "PYTHONPATH": f"{demo}{os.pathsep}{ROOT}"}
    argv = [str(Path(sys.executable).with_name("lint-imports")), "--config", str(contracts), "--no-cache"]
    done = subprocess.run(argv, cwd=demo, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_demo_imports_another_or_the_portal(demo: Path) -> None:
    others = {path.name for path in DEMOS} | {domain(path) for path in DEMOS} | {"portal", "door"}
    forbidden = others - {domain(demo)}
    found = {f"{path.relative_to(ROOT)}: {name}" for path in demo.rglob("*.py") for name in imported(path) if name in forbidden}

    assert found == set()


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_naive_code_lives_in_the_lab_only(demo: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in demo.rglob("*.py")
        if path.relative_to(demo).parts[0] not in ("lab", "tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and "naive" in node.name.lower()
    ]

    assert found == []


def test_nothing_but_urls_and_tests_reaches_the_lab(demo: Path) -> None:
    users = {path.relative_to(demo).parts[0] for path in demo.rglob("*.py") if "lab" in imported(path)}

    assert users <= {"lab", "tests"}
    assert 'include("lab.urls")' in (demo / "config/urls.py").read_text()
    assert "if settings.LAB" in (demo / "config/urls.py").read_text()


def test_no_file_has_a_name_that_says_nothing(demo: Path) -> None:
    assert [path for path in demo.rglob("*") if path.name in BANNED and "node_modules" not in path.parts] == []


def test_settings_fit_on_two_screens(demo: Path) -> None:
    assert len((demo / "config/settings.py").read_text().splitlines()) <= 160


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_states_its_problem_guarantee_and_cost(name: str) -> None:
    docstring = copying.docstring(patterns()[name])
    positions = [docstring.find(f"\n{heading}") for heading in HEADINGS]

    assert -1 not in positions, dict(zip(HEADINGS, positions, strict=True))
    assert positions == sorted(positions)


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_explains_itself_in_150_words(name: str) -> None:
    text, _, _ = copying.docstring(patterns()[name]).partition("\nUse\n")

    assert len(text.split()) <= 150


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_says_how_to_use_it_in_twelve_lines(name: str) -> None:
    block = copying.use(patterns()[name])
    lines = [line for line in f"{block.settings}\n{block.code}".splitlines() if line.strip()]

    assert 1 <= len(lines) + len(block.commands) <= 12


LONGER = {"connections", "graphql_over_http"}  # up to 200 lines; no other file of a pattern has more than 150


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_reads_in_two_screens(name: str) -> None:
    path = patterns()[name]
    limit = 200 if path.name in LONGER else 150
    files = [file for file in path.rglob("*.py") if not file.name.startswith("test_") and "migrations" not in file.parts]

    assert {file.name: lines for file in files if (lines := len(file.read_text().splitlines())) > limit} == {}


def test_no_two_patterns_have_one_name() -> None:
    names = [path.name for path in patterns().values()]

    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_names_the_patterns_it_imports(name: str) -> None:
    """Its code, and its `Use` block."""
    path = patterns()[name]
    shown = set(re.findall(rf"from patterns\.{path.parent.name}\.(\w+)", copying.use(path).text))
    beside = {
        node.module.partition(".")[0] if node.module else alias.name
        for file in path.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level == len(file.relative_to(path).parts) + 1
        for alias in node.names
    }

    assert (beside | shown) - {path.name} == set(copying.requires(path))


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_imports_nothing_else_of_this_repository(name: str) -> None:
    domains = {domain(demo) for demo in DEMOS}
    ours = {"config", "lab", "labkit", "nexus", "patterns", "portal", "tests", *domains}
    found = {each for file in patterns()[name].rglob("*.py") for each in imported(file)}

    assert found & ours == set()


def test_fulfilments_packages_import_one_way(tmp_path: Path) -> None:
    contracts = tmp_path / "contracts"
    contracts.write_text(FULFILMENT)
    demo = ROOT / "queue_demo"
    environment = {**os.environ, "PYTHONPATH": f"{demo}{os.pathsep}{ROOT}"}
    argv = [str(Path(sys.executable).with_name("lint-imports")), "--config", str(contracts), "--no-cache"]
    done = subprocess.run(argv, cwd=demo, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_seeds_agree_on_the_products() -> None:
    """The shop's SKUs are the same in every demo that has products, although no demo imports another."""
    rules = set()
    for demo in DEMOS:
        seed = demo / domain(demo) / "management/commands/seed.py"
        constants = {
            node.targets[0].id: ast.unparse(node.value)
            for node in ast.parse(seed.read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        if "NAMES" in constants:
            rules.add(constants["NAMES"])
            assert "SKU-{number:06d}" in seed.read_text()

    assert len(rules) == 1


def test_every_requirement_is_pinned_with_hashes() -> None:
    pins = set(re.findall(r"^([a-z0-9-]+)==.*\\$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    wanted = {
        re.match(r"[\w-]+", line)[0].lower().replace("_", "-")  # type: ignore[index]
        for path in ROOT.glob("*/requirements.txt")
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    }

    assert wanted - pins == set()


def test_lock_files_hold_versions_and_hashes_and_no_addresses() -> None:
    locks = [
        ROOT / "constraints.txt",
        *(path for path in ROOT.rglob("package-lock.json") if not {".run", "node_modules"} & set(path.parts)),
    ]

    assert len(locks) > 1
    assert [str(path.relative_to(ROOT)) for path in locks if "://" in path.read_text()] == []
    assert all("sha512-" in path.read_text() for path in locks[1:])


def test_a_patterns_tests_are_not_marked_for_our_runs() -> None:
    """They travel with the pattern to a project that does not know it."""
    marked = [path for path in (ROOT / "patterns").rglob("test_*.py") if re.search(r"mark\.(slow|nightly)", path.read_text())]

    assert marked == []
