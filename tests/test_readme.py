"""What the documents say is so."""

import re
from pathlib import Path

import pytest

from labkit.experiment import is_experiment, load_results
from nexus import readme
from tests.conftest import DEMOS, ROOT

SECTIONS = ["Run it", "Map", "Challenges", "Copy it out", "Limits"]
READ_TEXT = Path.read_text
LINK = re.compile(r"\]\(([^)\s]+)\)")
META = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", ".github/pull_request_template.md")]
DOCUMENTS = [*readme.readmes(), *META]


def test_each_demo_reads_alike(demo: Path) -> None:
    headings = re.findall(r"^## (.*)", (demo / "README.md").read_text(), re.MULTILINE)

    assert headings == SECTIONS


def test_each_experiment_has_its_section(demo: Path) -> None:
    text = (demo / "README.md").read_text()
    experiments = [path.stem for path in (demo / "lab").glob("*.py") if path.stem != "__init__" and is_experiment(path.stem)]

    assert [name for name in experiments if f"### {name}\n" not in text or f"<!-- begin counts {name} -->" not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for link in LINK.findall(document.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = document.parent / file if file else document
        if not target.exists() or (anchor and not has_anchor(target, anchor)):
            broken.append(link)

    assert broken == []


def has_anchor(target: Path, anchor: str) -> bool:
    text = target.read_text()
    if lines := re.fullmatch(r"L(\d+)-L(\d+)", anchor):
        return int(lines[1]) <= int(lines[2]) <= len(text.splitlines())
    return anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)", text, re.MULTILINE)}


def test_the_readmes_say_what_was_measured() -> None:
    assert readme.differences() == []


def test_a_number_typed_by_hand_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = (DEMOS[0] / "README.md").read_text()
    forged = re.sub(r"(\| orders \| )(\d+)", r"\g<1>999", original)
    monkeypatch.setattr(Path, "read_text", lambda path: forged if path == DEMOS[0] / "README.md" else READ_TEXT(path))

    assert forged != original
    [found] = readme.differences()
    assert "rest_demo/README.md" in found


def test_every_recorded_result_holds() -> None:
    recorded = [entry for demo in DEMOS for entry in load_results(demo / "lab/results.json").values()]

    assert len(recorded) >= len(DEMOS)
    assert [entry["name"] for entry in recorded if not entry["holds"]] == []


def test_every_target_of_the_makefile_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for document in DOCUMENTS for target in re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), re.MULTILINE)}

    assert named - targets == set()
