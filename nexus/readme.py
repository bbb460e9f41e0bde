"""Fills READMEs and challenge pages between their markers: `<!-- begin KIND ARGUMENTS -->` and `<!-- end -->`.

challenges [NAME…]    the table of a demo's challenges (in the root's README: of these), each with a link to its page
counts NAME           what one experiment counted, naive beside solved
patterns [GROUP]      every pattern (of a group): what it does, and the problem it solves
source PATH NAME      a link to the file of a function or class
excerpt PATH NAME     the code of a function, method (Class.method) or class, without its docstring
proof, figure, ratio, spread, number, challenge   one number or link in a line of text: see nexus/concepts.py

Paths begin at the page's folder. A challenge's page is `lab/<experiment>.md`, beside its experiment.
The pages in docs/ have the markers of nexus/concepts.py; the paths in theirs begin at the root.
"""

import ast
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from labkit.experiment import load_results
from labkit.render import markdown_counts
from nexus import bars, concepts, copying
from nexus.compose import ROOT
from nexus.demos import demos

MARKER = re.compile(r"(<!-- begin ([a-z]+)((?: [^ ]+)*?) -->)(.*?)(<!-- end -->)", re.DOTALL)
IN_A_LINE = ("proof", "figure", "ratio", "spread", "number", "challenge")
console = Console(highlight=False)


def pages() -> list[Path]:
    """The pages of docs/, its own README first."""
    return sorted((ROOT / "docs").rglob("*.md"), key=lambda path: (path.parent, path.name != "README.md", path.name))


def readmes() -> list[Path]:
    return [*of_folders(), *challenge_pages(), *pages()]


def challenge_pages() -> list[Path]:
    return sorted(page for demo in demos() for page in (demo / "lab").glob("*.md"))


def of_folders() -> list[Path]:
    folders = [*demos(), ROOT / "portal", ROOT / "patterns"]
    return [ROOT / "README.md", *(path / "README.md" for path in folders if (path / "README.md").exists())]


def render_all() -> int:
    for path in reversed(readmes()):  # an index after the pages that it quotes
        if (text := rendered(path)) != path.read_text():
            path.write_text(text)
            console.print(f"rendered {path.relative_to(ROOT)}")
    if (drawn := bars.drawn()) != bars.PICTURE.read_text():
        bars.PICTURE.write_text(drawn)
        console.print(f"drew {bars.PICTURE.relative_to(ROOT)}")
    return 0


def differences() -> list[str]:
    """The READMEs, pages and pictures that do not say what the results and the code say."""
    stale = [path for path in readmes() if rendered(path) != path.read_text()]
    stale += [bars.PICTURE] if bars.drawn() != bars.PICTURE.read_text() else []
    return [f"{path.relative_to(ROOT)} differs from its results or its code: make readme" for path in stale]


def rendered(path: Path) -> str:
    return MARKER.sub(lambda match: match[1] + body(path, match[2], match[3].split()) + match[5], path.read_text())


def body(path: Path, kind: str, arguments: list[str]) -> str:
    if (ROOT / "docs") in path.parents:
        return concepts.body(path, kind, arguments)
    makers: tuple[Callable[..., str], ...] = (challenges, counts, patterns, source, excerpt)
    known = {maker.__name__: maker for maker in makers}
    if kind in IN_A_LINE:
        return concepts.body(path, kind, arguments)
    if kind not in known:
        raise RuntimeError(f"{path.relative_to(ROOT)}: unknown marker {kind}; there are {', '.join(known)}")
    return known[kind](path.parent, *arguments)


def results(folder: Path) -> list[dict[str, Any]]:
    folders = demos() if folder == ROOT else [folder]
    return [entry for each in folders for entry in load_results(each / "lab/results.json").values()]


def challenges(folder: Path, *names: str) -> str:
    """One row per challenge: its page, what was counted, what solves it."""
    lines = ["| challenge | naive → solved | solution |", "| --- | --- | --- |"]
    for result in results(folder):
        if names and result["name"] not in names:
            continue
        base = "" if folder != ROOT else f"{result['demo']}/"
        inside = result["code"].startswith(("patterns/", "deploy/"))
        code = f"{os.path.relpath(ROOT, folder) + '/' if inside else base}{result['code']}"
        page = os.path.relpath(page_of(result), folder)
        lines.append(f"| [{result['challenge']}]({page}) | {result['proof']} | [{result['solution']}]({code}) |")
    return "\n" + "\n".join(lines) + "\n"


def page_of(result: dict[str, Any]) -> str:
    """Where a challenge is explained."""
    return str(ROOT / result["demo"] / "lab" / f"{result['name']}.md")


def counts(folder: Path, name: str) -> str:
    demo = folder.parent if folder.name == "lab" else folder
    result = load_results(demo / "lab/results.json").get(name)
    if result is None:
        raise RuntimeError(f"{demo.name} has no result of {name}: make lab DEMO={demo.name}")
    return f"\n{markdown_counts(result)}\n"


def patterns(folder: Path, group: str = "") -> str:
    """The patterns of a group; in a demo's README those that it imports."""
    lines = ["| pattern | what it does | the problem |", "| --- | --- | --- |"]
    for name, path in copying.patterns().items():
        if group == path.parent.name or (not group and imports(folder, copying.dotted(path))):
            problem = " ".join(copying.section(path, "Problem").split())
            code = os.path.relpath(path / "__init__.py", folder)
            lines.append(f"| [`{name}`]({code}) | {copying.docstring(path).partition(chr(10))[0]} | {problem} |")
    return "\n" + "\n".join(lines) + "\n"


def imports(folder: Path, module: str) -> bool:
    return any(re.search(rf"\b{module}\b", path.read_text()) for path in folder.rglob("*.py"))


def source(folder: Path, file: str, name: str) -> str:
    find(folder / file, name)
    return f"[`{name}` in {re.sub(r'^([.][.]/)+', '', file).removesuffix('/__init__.py')}]({file})"


def excerpt(folder: Path, file: str, name: str) -> str:
    """The code as it stands in the file, so that a page cannot show what the file no longer has."""
    node = find(folder / file, name)
    lines = (folder / file).read_text().splitlines()
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    taken = list(range(first, (node.end_lineno or node.lineno) + 1))
    if ast.get_docstring(node):
        words = node.body[0]
        end = words.end_lineno or words.lineno
        end += lines[end : end + 1] == [""]
        taken = [number for number in taken if not words.lineno <= number <= end]
    code = textwrap.dedent("\n".join(lines[number - 1] for number in taken))
    return f"\n```python\n{code}\n```\n\n{source(folder, file, name)}\n"


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def find(path: Path, name: str) -> Definition:
    """The function, class, or Class.method of this name in a file."""
    found: list[Definition] = []
    inside: ast.AST = ast.parse(path.read_text())
    for part in name.split("."):
        found = [each for each in ast.walk(inside) if isinstance(each, Definition) and each.name == part]
        if not found:
            raise RuntimeError(f"{path.relative_to(ROOT)} has no {name}, which a page links to")
        inside = found[0]
    return found[0]
