"""Fills the pages of docs/ between their markers, as nexus/readme.py fills the READMEs. Paths begin at the repository's root.

challenges WHICH…           a list: demos (all of theirs) or demo/experiment, each with its page and its proof
symptoms                    a table of every challenge, with the field's terms for it
challenge DEMO/EXPERIMENT   a link to the page of a challenge, in the line of the text
whole                       the challenges of the whole: docs/challenges/, with the command of each one's test
glossary                    the terms of all pages' "Also known as" lines, with links to these pages
proof DEMO/EXPERIMENT       its proof, in the line of the text
figure DEMO/EXPERIMENT SIDE COUNT   one counted number, in the line of the text
ratio DEMO/BENCHMARK LABEL  how fast one way was beside the baseline, in the line of the text
spread DEMO/BENCHMARK LABEL the same with its range, and whether that shows a difference
counts DEMO/EXPERIMENT      its whole table
bench DEMO/BENCHMARK        its whole table
machine                     the machine that the benchmarks ran on
source PATH NAME            a link to the file of a function or class
excerpt PATH NAME           the code itself
pages FOLDER                the pages of a folder of docs/, each with its first paragraph
variables                   every variable of .env.example
processes                   every process of docker-compose.yml
number WHAT                 how many demos, experiments, patterns or processes there are; memory, disk or image in MB
planted                     the faults that `make planted` plants, and what turns red
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus import planted as planting
from nexus import readme
from nexus.compose import ROOT
from nexus.demos import demos
from nexus.figures import all_processes, bench, counts, figure, machine, number, proof, ratio, results_of, spread

DOCS = ROOT / "docs"
BETWEEN_TERMS = re.compile(r", (?![^(]*\))")  # a comma in brackets belongs to its term
ALSO_KNOWN_AS = re.compile(r"^\*Also known as: ([^*]+?)\.?\*$", re.MULTILINE)


def body(page: Path, kind: str, arguments: list[str]) -> str:
    makers: tuple[Callable[..., str], ...] = (
        challenges, challenge, whole, glossary, symptoms, proof, figure, ratio, spread, counts, bench,
        machine, source, excerpt, pages, variables, processes, number, planted,
    )  # fmt: skip
    known = {maker.__name__: maker for maker in makers}
    name = page.relative_to(ROOT)
    if kind not in known:
        raise RuntimeError(f"{name}: unknown marker {kind}; there are {', '.join(known)}")
    try:
        return known[kind](os.path.relpath(ROOT, page.parent), *arguments)
    except (RuntimeError, KeyError, OSError, ValueError, TypeError) as error:
        raise RuntimeError(f"{name}: the marker {kind} {' '.join(arguments)} finds nothing: {error!r}") from error


def planted(up: str) -> str:
    """The faults that `make planted` plants, and what turns red."""
    return planting.table(up)


def challenges(up: str, *which: str) -> str:
    lines = [f"- {linked(up, result)}: {result['proof']}" for name in which for result in results_of(name)]
    return "\n" + "\n".join(lines) + "\n"


def challenge(up: str, which: str) -> str:
    [result] = results_of(which)
    return linked(up, result)


def whole(up: str) -> str:
    """The challenges that belong to no demo: each has a page in docs/challenges/ and a test."""
    lines = ["| challenge | also known as | see it |", "| --- | --- | --- |"]
    for page in whole_pages():
        command = re.search(r"^    (make .*)$", page.read_text(), re.MULTILINE)
        if command is None:
            raise RuntimeError(f"{page.name} names no make command")
        lines.append(f"| {page_link(up, page)} | {terms(page)} | `{command[1]}` |")
    return "\n" + "\n".join(lines) + "\n"


def whole_pages() -> list[Path]:
    return sorted((DOCS / "challenges").glob("*.md"))


def page_link(up: str, page: Path) -> str:
    return f"[{title_of(page)}]({up}/{page.relative_to(ROOT)})"


def glossary(up: str) -> str:
    """Every term, and the pages that name it in their "Also known as" line."""
    spelt: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for page in [*readme.challenge_pages(), *whole_pages()]:
        for term in filter(None, BETWEEN_TERMS.split(terms(page))):
            spelt.setdefault(term.lower(), term)
            found.setdefault(term.lower(), []).append(page_link(up, page))
    lines = ["| term | challenges |", "| --- | --- |"]
    lines += [f"| {spelt[term]} | {' · '.join(found[term])} |" for term in sorted(found, key=lambda term: term.strip("`"))]
    return "\n" + "\n".join(lines) + "\n"


def symptoms(up: str) -> str:
    lines = []
    for demo in demos():
        lines += ["", f"### {demo.name}", "", "| challenge | also known as | solution | naive → solved |"]
        lines.append("| --- | --- | --- | --- |")
        for result in results_of(demo.name):
            lines.append(f"| {linked(up, result)} | {terms(Path(readme.page_of(result)))} | {result['solution']} | {result['proof']} |")
    return "\n".join(lines) + "\n"


def linked(up: str, result: dict[str, Any]) -> str:
    return f"[{result['challenge']}]({up}/{os.path.relpath(readme.page_of(result), ROOT)})"


def terms(page: Path) -> str:
    """The field's names for a challenge, from its page."""
    found = ALSO_KNOWN_AS.search(page.read_text()) if page.suffix == ".md" else None
    return " ".join(found[1].split()) if found else ""


def source(up: str, file: str, name: str) -> str:
    return readme.source(ROOT, file, name).replace("](", f"]({up}/")


def excerpt(up: str, file: str, name: str) -> str:
    return readme.excerpt(ROOT, file, name).replace("](", f"]({up}/")


def pages(up: str, folder: str = ".") -> str:
    lines = []
    for path in sorted((DOCS / folder).glob("*.md")):
        if path.name == "README.md":
            continue
        text = readme.MARKER.sub(r"\4", path.read_text())
        title, first = title_of(path), re.search(r"^(?![#<|`])(\S.*?)\n\n", text, re.MULTILINE | re.DOTALL)
        said = " ".join(first[1].split()) if first else ""
        lines.append(f"- [{title}]({path.relative_to(DOCS) if folder == '.' else path.name}): {said}")
    return "\n" + "\n".join(lines) + "\n"


def title_of(path: Path) -> str:
    return path.read_text().partition("\n")[0].removeprefix("# ")


def variables(up: str) -> str:
    """Name, default and meaning, from .env.example: a comment is about the variables that follow it."""
    lines, comment, ended = ["| variable | default | meaning |", "| --- | --- | --- |"], "", True
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line.startswith("# ") and not line.startswith("# ---"):
            comment = line[2:] if ended else f"{comment} {line[2:]}"
        elif "=" in line:
            name, _, default = line.partition("=")
            lines.append(f"| `{name}` | {f'`{default}`' if default else '–'} | {comment.replace('|', '/')} |")
        ended = not line.startswith("# ") or line.startswith("# ---")
    return "\n" + "\n".join(lines) + "\n"


def processes(up: str) -> str:
    """Every process: what it runs, and what it waits for."""
    lines = ["| process | what runs | waits for |", "| --- | --- | --- |"]
    for service in all_processes():
        command = " ".join(" ".join(service.command).split()) or "what the image says"
        waits = ", ".join(
            f"{name} ({condition.removeprefix('service_').replace('_', ' ')})" for name, condition in service.depends_on.items()
        )
        lines.append(f"| {service.name} | `{command}` | {waits or '–'} |")
    return "\n" + "\n".join(lines) + "\n"
