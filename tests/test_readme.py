"""What the documents say is so."""

import re
from pathlib import Path

import pytest

from labkit.experiment import is_experiment, load_results
from nexus import doc_blocks, readme
from tests.conftest import DEMOS, ROOT

SECTIONS = ["Run it", "The flow", "Challenges"]
README_LINES = 150
FIRST_PAGE_LINES = 120
HEADLINES = 8
PAGE_SECTIONS = ["See it", "Why the obvious fix fails", "The solution", "What it costs, and when not to use it", "Take it", "Exercise"]
PAGE_LINES = 100
PAGES = readme.challenge_pages()
READ_TEXT = Path.read_text
LINK = re.compile(r"\]\(([^)\s]+)\)")
META = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", ".github/pull_request_template.md")]
DOCUMENTS = [*readme.readmes(), *META]


def test_each_demo_reads_alike(demo: Path) -> None:
    text = (demo / "README.md").read_text()

    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS
    assert len(text.splitlines()) <= README_LINES


def test_the_first_page_is_short_and_shows_one_challenge() -> None:
    text = (ROOT / "README.md").read_text()

    assert len(text.splitlines()) <= FIRST_PAGE_LINES
    assert "](docs/double_click.svg)" in text
    assert len(re.findall(r"^\| \[.+?\]\(\w+_demo/.+ → \d", text, re.MULTILINE)) == HEADLINES


def test_each_experiment_has_its_page(demo: Path) -> None:
    experiments = {path.stem for path in (demo / "lab").glob("*.py") if path.stem != "__init__" and is_experiment(path.stem)}
    pages = {page.stem for page in PAGES if page.parent.parent == demo}

    assert pages == experiments


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_challenge_pages_read_alike(page: Path) -> None:
    """The symptom, the field's terms, the counts, the cost, and what to do with it; about 60 lines, so that people finish it."""
    text = page.read_text()
    first, _, terms = text.split("\n")[:3]
    challenge = load_results(page.with_name("results.json"))[page.stem]["challenge"]

    assert first == f"# {challenge}"
    assert terms.startswith("*Also known as: ")
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == PAGE_SECTIONS
    assert f"    make lab ONLY={page.stem}\n" in text
    assert f"<!-- begin counts {page.stem} -->" in text
    assert "\nSources: " in text
    assert len(text.splitlines()) <= PAGE_LINES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_name_symbols_not_line_numbers(document: Path) -> None:
    assert re.findall(r"\]\([^)]*#L\d+[^)]*\)", document.read_text()) == []


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


@pytest.mark.parametrize("document", [*PAGES, *readme.of_folders()], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shell_block_is_run_or_says_why_not(document: Path) -> None:
    assert doc_blocks.unmarked(document) == []


def test_the_readmes_say_what_was_measured() -> None:
    assert readme.differences() == []


def test_a_number_typed_by_hand_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    [page] = [page for page in PAGES if page.stem == "slow_client"]
    original = page.read_text()
    forged = re.sub(r"(\| answered of 20 beside 2 silent clients \| )(\d+)", r"\g<1>999", original)
    monkeypatch.setattr(Path, "read_text", lambda path: forged if path == page else READ_TEXT(path))

    assert forged != original
    [found] = readme.differences()
    assert "rest_demo/lab/slow_client.md" in found


def test_every_recorded_result_holds() -> None:
    recorded = [entry for demo in DEMOS for entry in load_results(demo / "lab/results.json").values()]

    assert len(recorded) >= len(DEMOS)
    assert [entry["name"] for entry in recorded if not entry["holds"]] == []


def test_every_target_of_the_makefile_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for document in DOCUMENTS for target in re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), re.MULTILINE)}

    assert named - targets == set()
