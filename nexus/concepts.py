"""Fills the pages of docs/ between their markers, as nexus/readme.py fills the READMEs. Paths begin at the repository's root.

challenges WHICH…           a table: demos (all of theirs) or demo/experiment, with the proof and the links to the lines
symptoms                    every challenge by what people say, with what they try first
proof DEMO/EXPERIMENT       its proof, in the line of the text
figure DEMO/EXPERIMENT SIDE COUNT   one counted number, in the line of the text
ratio DEMO/BENCHMARK LABEL  how fast one way was beside the baseline, in the line of the text
counts DEMO/EXPERIMENT      its whole table
bench DEMO/BENCHMARK        its whole table
source PATH NAME            a link to the file of a function or class
excerpt PATH NAME           the lines themselves
pages FOLDER                the pages of a folder of docs/, each with its first paragraph
variables                   every variable of .env.example
processes                   every process of docker-compose.yml
number WHAT                 how many demos, experiments, patterns or processes there are
planted                     the faults that `make planted` plants, and what turns red
"""

import ast
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nexus import planted as planting
from nexus import readme
from nexus.compose import ROOT
from nexus.demos import demos
from nexus.figures import all_processes, bench, counts, figure, number, proof, ratio, results_of

DOCS = ROOT / "docs"
EXPERIMENT_SECTION = r"^### {name}\n(.*?)(?=^###? |\Z)"
OBVIOUS_FIX = re.compile(r"\*\*The obvious fix fails\.\*\*\s+(.*?)\n\n", re.DOTALL)
QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"")
SOURCE_MARKER = re.compile(r"<!-- begin source ([^ ]+) ([^ ]+) -->")


def body(page: Path, kind: str, arguments: list[str]) -> str:
    makers: tuple[Callable[..., str], ...] = (
        challenges, symptoms, proof, figure, ratio, counts, bench, source, excerpt, pages, variables, processes, number, planted,
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


def section(result: dict[str, Any]) -> str:
    """What the demo's README says of an experiment."""
    text = (ROOT / result["demo"] / "README.md").read_text()
    found = re.search(EXPERIMENT_SECTION.format(name=result["name"]), text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise RuntimeError(f"{result['demo']}/README.md has no section {result['name']}")
    return found[1]


def challenges(up: str, *which: str) -> str:
    lines = ["| they say | solution | proof: naive → solved | read it |", "| --- | --- | --- | --- |"]
    for result in [each for name in which for each in results_of(name)]:
        demo = result["demo"]
        sources = [source(up, os.path.normpath(f"{demo}/{file}"), name) for file, name in SOURCE_MARKER.findall(section(result))]
        experiment = f"[`{result['name']}`]({up}/{demo}/lab/{result['name']}.py)"
        said = f"[{result['challenge']}]({up}/{demo}/README.md#{result['name']})"
        lines.append(f"| {said} | {result['solution']} | {result['proof']} | {', '.join([experiment, *short(sources)])} |")
    return "\n" + "\n".join(lines) + "\n"


def short(sources: list[str]) -> list[str]:
    """Links with the name alone: the path stands in their address."""
    return list(dict.fromkeys(re.sub(r"^\[(`[^`]+`)[^\]]*\]", r"[\1]", each) for each in sources))


def symptoms(up: str) -> str:
    lines = []
    for demo in demos():
        lines += ["", f"### {demo.name}", "", "| they say | what is tried first | what helps | proof: naive → solved |"]
        lines.append("| --- | --- | --- | --- |")
        for result in results_of(demo.name):
            said = f"[{result['challenge']}]({up}/{demo.name}/README.md#{result['name']})"
            fix = OBVIOUS_FIX.search(section(result))
            tried = first_sentence(" ".join(fix[1].split())).replace("|", "\\|") if fix else ""
            lines.append(f"| {said} | {tried} | {result['solution']} | {result['proof']} |")
    return "\n".join(lines) + "\n"


def first_sentence(text: str) -> str:
    """Up to the first full stop or question mark that is no part of code or of a quotation, or that ends the quotation."""
    masked = QUOTED.sub(lambda found: "x" * (len(found[0]) - 1) + ("." if found[0][-2] in ".?" else "x"), text)
    end = re.search(r"[.?](?=\s|$)", masked)
    return text[: end.end()] if end else text


def source(up: str, file: str, name: str) -> str:
    return readme.source(ROOT, file, name).replace("](", f"]({up}/")


def excerpt(up: str, file: str, name: str) -> str:
    """The code of a function, method or class, as it stands in the file."""
    link = source(up, file, name)
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            code = textwrap.dedent("\n".join((ROOT / file).read_text().splitlines()[first - 1 : node.end_lineno]))
            break
    return f"\n```python\n{code}\n```\n\n{link}\n"


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
    """Name, default and meaning, as .env.example says them."""
    lines, comment = ["| variable | default | meaning |", "| --- | --- | --- |"], ""
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line.startswith("# "):
            comment = line[2:]
        elif "=" in line:
            name, _, default = line.partition("=")
            lines.append(f"| `{name}` | {f'`{default}`' if default else '–'} | {comment.replace('|', '/')} |")
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
