"""The handbook in docs/ is checked, not trusted. `make docs` runs its commands and builds its site besides."""

import os
import re
from pathlib import Path

import mmdr
import pytest

from labkit import bench
from nexus import bars, concepts, copying, doc_blocks, docs, docs_site, docs_stage, figures, readme
from tests.conftest import DEMOS, ROOT
from tests.test_readme import PAGE_LINES, PAGE_SECTIONS

SECTIONS = ["The idea", "Recognise it", "The challenges here", "Choices", "Exercises", "Sources"]
CONCEPTS = [path for name in docs.CONCEPTS if (path := ROOT / f"docs/{name}.md").exists()]
PAGES = readme.pages()
LESSONS = ROOT / "docs/lessons.md"
LESSON = ("We did", "It failed", "We learned")
DECISION = ["Decision", "Rejected", "Measurements", "When to change it"]
# names that have a number in them; what is counted comes by a marker, and small numbers are words
NAMES_WITH_NUMBERS = re.compile(
    r"RFC \d+|N\+1|W3C|RESP3|\b[1-5]\d\d\b|\b[45]xx\b|^\d\. |100×|"
    r"(?:PostgreSQL|Python|Redis|RabbitMQ|Django|Celery|OpenAPI|CloudEvents|OAuth|TLS|HTTP/?|Zensical) ?\d[\d.]*(?:(?: to| and) \d[\d.]*)*|"
    r"\b(?:19|20)\d\d\b|"
    r"UTF-8|SHA-256|HS256|RS256|Argon2|PBKDF2|\bS3\b|\bEC2\b",
    re.MULTILINE,
)
ROOMS = {demo.name: demo for demo in DEMOS} | {"portal": ROOT / "portal", "root": ROOT, "patterns": ROOT / "patterns"}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT / "docs")))


def prose(page: Path) -> str:
    """What somebody has written by hand: without what markers bring, code, and addresses."""
    text = readme.MARKER.sub("", page.read_text())
    text = docs_stage.FENCE.sub("", text)
    return re.sub(r"`[^`\n]+`|\]\([^)]+\)|<[^>\n]+>|https?://\S+", "", text)


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda path: path.stem)
def test_each_concept_reads_alike(page: Path) -> None:
    text = page.read_text()
    idea = re.search(r"^## The idea\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)

    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS
    assert idea is not None
    assert len([line for line in idea[1].splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda path: path.stem)
def test_a_concept_shows_how_to_see_it_and_how_to_check_an_exercise(page: Path) -> None:
    parts = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL))
    exercises = re.findall(r"^(?:-|\d\.) .*?(?=^(?:-|\d\.) |\Z)", parts["Exercises"], re.MULTILINE | re.DOTALL)

    assert "```" in parts["Recognise it"]
    assert "<!-- begin" in parts["The challenges here"]
    assert "| --- |" in parts["Choices"]
    assert len(exercises) >= 2
    assert [exercise for exercise in exercises if "`make " not in exercise] == []
    assert "https://" in parts["Sources"]


@pytest.mark.parametrize("page", concepts.whole_pages(), ids=lambda path: path.stem)
def test_challenges_of_the_whole_read_like_those_of_a_demo(page: Path) -> None:
    text = page.read_text()

    assert text.split("\n")[2].startswith("*Also known as: ")
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == PAGE_SECTIONS
    assert re.search(r"^## See it\n\n    make \S", text, re.MULTILINE)
    assert "| --- |" in text
    assert "\nSources: " in text
    assert len(text.splitlines()) <= PAGE_LINES


def test_the_glossary_lists_each_term_once_with_all_its_pages() -> None:
    table = concepts.glossary("..")
    listed = re.findall(r"^\| (.+?) \| \[", table, re.MULTILINE)
    known = {term for page in [*readme.challenge_pages(), *concepts.whole_pages()] for term in concepts.terms(page).lower().split(", ")}

    assert len(listed) == len({term.lower() for term in listed}) >= 30
    assert [part for part in known if part not in table.lower()] == []


def test_every_challenge_is_found_by_its_symptom() -> None:
    text = (ROOT / "docs/challenges.md").read_text()
    table = text[text.index("## By symptom") : text.index("## All challenges")]
    wanted = [f"<!-- begin challenge {each['demo']}/{each['name']} -->" for each in figures.experiments()]
    wanted += [f"](challenges/{page.name})" for page in concepts.whole_pages()]

    assert len(wanted) >= 50
    assert [each for each in wanted if each not in table] == []


def test_a_benchmark_whose_range_includes_one_says_that_no_difference_was_found() -> None:
    rows = [("old", 1.0, 1.0, 1.0), ("same", 1.4, 0.8, 7.6), ("fast", 1.5, 1.1, 1.9), ("slow", 0.5, 0.3, 0.9)]
    entry = {"question": "Which?", "baseline": "old", "rounds": 9, "not_measured": {"new": "it is not installed"}}
    entry["rows"] = [dict(zip(("label", "ratio", "lowest", "highest"), row, strict=True)) for row in rows]
    [sentence] = [line for line in bench.markdown(entry).splitlines() if "no difference" in line]

    assert sentence.endswith(": same.")
    assert "\nnew: it is not installed" in bench.markdown(entry)


def test_every_benchmark_stands_on_the_page_of_benchmarks() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text()
    recorded = [f"{demo.name}/{name}" for demo in DEMOS for name in bench.load(demo / "lab/bench.json")]

    assert len(recorded) >= 15
    assert [each for each in recorded if f"<!-- begin bench {each} -->" not in page] == []
    assert "goal" not in page


def test_the_picture_shows_the_counts_of_its_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bars.drawn() == bars.PICTURE.read_text()

    monkeypatch.setattr(bars, "results_of", lambda which: [{"naive": {"orders": 40, "requests": 40}, "solved": {"orders": 2}}])
    [naive, solved] = re.findall(r'height="30".*?fill="(#\w+)".*\n.*?>([\d,]+)<', bars.drawn())

    assert naive == (bars.COLOURS["naive"], "40")
    assert solved == (bars.COLOURS["solved"], "2")


def test_every_group_of_patterns_is_listed() -> None:
    listed = (ROOT / "patterns/README.md").read_text()

    assert [name for name in copying.patterns() if f"[`{name}`]" not in listed] == []


def test_each_decision_names_what_was_rejected() -> None:
    decisions = [page for page in PAGES if page.parent.name == "decisions" and page.name != "README.md"]

    assert len(decisions) >= 5
    assert {page.name: re.findall(r"^## (.*)", page.read_text(), re.MULTILINE) for page in decisions} == {
        page.name: DECISION for page in decisions
    }


def test_a_message_of_ours_that_the_troubleshooting_quotes_is_one() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text()
    ours = page[page.index("## Messages of the workbench") : page.index("## Messages of the libraries")]
    said = "".join(path.read_text() for path in (ROOT / "nexus").iterdir() if path.is_file())
    parts = [part for quoted in re.findall(r"^\| `([^`]+)`", ours, re.MULTILINE) for part in quoted.split("…") if part.strip()]

    assert len(parts) >= 10
    assert [part for part in parts if part not in said] == []


def test_every_experiment_stands_on_the_page_of_a_concept() -> None:
    shown = "".join(page.read_text() for page in CONCEPTS)
    places = [os.path.relpath(readme.page_of(result), ROOT) for demo in DEMOS for result in figures.results_of(demo.name)]

    assert [place for place in places if f"/{place})" not in shown] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != LESSONS], ids=lambda path: str(path.relative_to(ROOT / "docs")))
def test_no_number_is_typed_by_hand(page: Path) -> None:
    text = NAMES_WITH_NUMBERS.sub("", prose(page))

    assert [line for line in text.splitlines() if re.search(r"\d", line)] == []


def test_a_lesson_says_where_its_measurement_is_recorded() -> None:
    """What failed once is not measured again: the numbers of this page are typed, and each lesson has its record."""
    lessons = LESSONS.read_text().split("\n## ")[1:]

    assert len(lessons) >= 5
    assert [each.partition("\n")[0] for each in lessons if "\nRecorded in: " not in each] == []
    assert [each.partition("\n")[0] for each in lessons if not all(f"**{part}:**" in each for part in LESSON)] == []


@every_page
def test_a_shell_block_is_run_or_says_why_not(page: Path) -> None:
    assert doc_blocks.unmarked(page) == []


@every_page
def test_a_command_names_what_is_there(page: Path) -> None:
    text = page.read_text()
    wrong = [each for each in re.findall(r"\bDEMO=(\w+)", text) if each not in ROOMS]
    for demo, only in re.findall(r"make lab DEMO=(\w+) ONLY=(\w+)", text):
        wrong += [] if (ROOT / demo / "lab" / f"{only}.py").exists() else [f"{demo}/{only}"]
    for demo, only in re.findall(r"make test(?: DEMO=(\w+))? ONLY=(\w+)", text):
        wrong += [] if any(only in name for name in names_of_tests(ROOMS[demo or "root"])) else [f"{demo}: {only}"]
    for pattern in re.findall(r"make copy PATTERN=(\S+)", text):
        wrong += [] if copying.find(pattern) else [pattern]

    assert wrong == []


def names_of_tests(room: Path) -> list[str]:
    """What pytest's -k looks through: the files' names, and the tests'."""
    files = list((room if room.name == "patterns" else room / "tests").rglob("test_*.py"))
    files += [ROOT / "labkit/service_checks.py"] if (room / "tests/test_service.py").exists() else []
    return [path.stem for path in files] + [name for path in files for name in re.findall(r"def (test_\w+)", path.read_text())]


def test_a_marker_whose_source_is_gone_is_an_error() -> None:
    page = ROOT / "docs/README.md"

    with pytest.raises(RuntimeError, match=r"docs/README\.md"):
        concepts.body(page, "excerpt", ["patterns/http/conditional/__init__.py", "a_function_that_went"])
    with pytest.raises(RuntimeError, match="figure rest_demo/gone naive orders finds nothing"):
        concepts.body(page, "figure", ["rest_demo/gone", "naive", "orders"])
    with pytest.raises(RuntimeError, match="unknown marker shout"):
        concepts.body(page, "shout", [])


def test_an_excerpt_is_the_code_as_it_stands() -> None:
    found = concepts.body(ROOT / "docs/README.md", "excerpt", ["database_demo/warehouse/models.py", "take"])

    assert "\n```python\ndef take(" in found
    assert "](../database_demo/warehouse/models.py)" in found


def test_what_leads_nowhere_and_what_comes_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">fine</a> <a href="b.html#gone">no place</a> <a href="c.html">no page</a>'
        '<a href="https://example.com">a link may go out</a> <script src="https://cdn.example.com/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<h1 id="here">Here</h1><link rel="stylesheet" href="x.css">')
    (tmp_path / "x.css").write_text("@import url(https://fonts.example.com/css); div { background: url(picture.svg) }")

    assert docs_site.unresolved(tmp_path) == [
        "a.html links to b.html#gone, and there is no such place",
        "a.html links to c.html, which is not there",
        "a.html loads https://cdn.example.com/x.js from elsewhere",
        "x.css loads https://fonts.example.com/css from elsewhere",
    ]


def test_a_link_to_the_code_leads_to_its_page_on_the_site() -> None:
    text, linked = docs_stage.page(ROOT / "docs/challenges.md")
    link = next(each for each in re.findall(r"\]\(([^)]+)\)", text) if "rest_demo/" in each)

    assert any(path.is_relative_to(ROOT / "rest_demo") for path in linked)
    assert link.startswith("code/rest_demo/")


def test_the_site_says_why_a_block_is_not_run() -> None:
    assert docs_stage.fence(language="sh", how="run", content="ls\n") == "```sh\nls\n```"
    assert "*Not run by `make docs`: it would take an hour.*" in docs_stage.fence(
        language="sh", how="not-run: it would take an hour", content="ls\n"
    )


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        ("one\ntwo", "one\ntwo\n", True),
        ("id: …\ntwo", "id: 0b0e\ntwo", True),
        ("one", "one\ntwo", False),
        ("a … c", "a b", False),
        ("[x] (y)", "[x] (y)  ", True),
    ],
)
def test_an_output_is_what_the_page_says_with_dots_for_anything(expected: str, output: str, same: bool) -> None:
    assert (doc_blocks.difference(expected, output) == "") is same


def test_a_block_that_says_nothing_of_itself_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doc_blocks, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    blocks = [
        "```sh\nls\n```",
        "```sh run\nls\n```",
        "```sh not-run: it would take an hour\nls\n```",
        "```sql run\nSELECT\n```",
        "```text\nx\n```",
    ]
    page.write_text("\n\n".join(blocks) + "\n")

    assert doc_blocks.unmarked(page) == [
        "page.md:1 says neither `run` nor `not-run: why`",
        "page.md:5 runs, and no text block after it says what comes out",
    ]


def test_a_diagram_that_cannot_be_drawn_stops_the_build() -> None:
    assert docs_stage.diagram("flowchart LR; a --> b\n").startswith("<svg")
    with pytest.raises(Exception, match=r"."):
        mmdr.render("flowchart LR; a --> --> b [").svg()
