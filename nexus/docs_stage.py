"""The pages of the handbook as the builder takes them: with every file of the repository that they link to as a page beside them."""

import hashlib
import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mmdr

from nexus import readme
from nexus.compose import ROOT
from nexus.concepts import DOCS

PICTURES = (".png", ".svg")
PLAIN = (".md", *PICTURES)
ASSETS = ("iframe-worker.min.js", "nexus.css")
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
FENCE = re.compile(r"^(```)(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINES = re.compile(r"L(\d+)(?:-L(\d+))?")
LANGUAGES = {".py": "python", ".yml": "yaml", ".sh": "sh", ".toml": "toml", ".json": "json", ".graphql": "graphql", ".ts": "ts"}


def place(path: Path) -> Path:
    """Where a file of the repository stands in the site's pages."""
    if DOCS in path.parents and path.suffix in PLAIN:
        relative = path.relative_to(DOCS)
        return relative.with_name("index.md") if relative == Path("README.md") else relative
    # the builder passes over what begins with a dot
    relative = Path("code", *(part.removeprefix(".") for part in path.relative_to(ROOT).parts))
    if path.is_dir():
        return relative / "index.md"
    return relative if path.suffix in PLAIN else relative.with_name(f"{relative.name}.md")


def stage(pages: Path) -> None:
    """Writes the pages, and whatever is linked to, from page to page until nothing is missing."""
    waiting, done = [*readme.pages(), *readme.of_folders()], set()
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        target = pages / place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in PICTURES:
            shutil.copy(path, target)
        elif path.suffix == ".md":
            text, linked = page(path)
            target.write_text(text)
            waiting += linked
        else:
            target.write_text(listing(path) if path.is_dir() else code(path))
            waiting += modules(path) if path.is_dir() else []
    for asset in ASSETS:
        shutil.copy(DOCS / asset, pages)


def page(path: Path) -> tuple[str, list[Path]]:
    """A page for the site, and the files that it links to."""
    linked: list[Path] = []

    def relink(match: "re.Match[str]") -> str:
        file, _, anchor = match[0].partition("#")
        if urlsplit(file).scheme or not file:
            return match[0]
        target = (path.parent / unquote(file)).resolve()
        if not target.exists():
            return match[0]  # the builder says that it leads nowhere
        if target.is_dir() and (target / "README.md").exists():
            target /= "README.md"
        linked.append(target)
        if lines := LINES.fullmatch(anchor):
            anchor = f"__codelineno-0-{lines[1]}"
        return os.path.relpath(place(target), place(path).parent) + (f"#{anchor}" if anchor else "")

    # what is not code, with the markers taken off
    parts = FENCE.split(readme.MARKER.sub(r"\4", path.read_text()))
    text = ""
    for at in range(0, len(parts), 5):
        text += re.sub(LINK, relink, parts[at])
        if at + 4 < len(parts):
            text += fence(language=parts[at + 2], how=parts[at + 3].strip(), content=parts[at + 4])
    return text, linked


def fence(*, language: str, how: str, content: str) -> str:
    if language == "mermaid":
        return f'<div class="diagram">{diagram(content)}</div>'
    why = how.removeprefix("not-run: ")
    return f"```{language}\n{content}```" + (f"\n\n*Not run by `make docs`: {why}.*" if why != how else "")


def diagram(text: str) -> str:
    """The picture itself, so that the reader needs no script for it."""
    svg = mmdr.render("%%{init: {'theme': 'neutral', 'fontFamily': 'sans-serif'}}%%\n" + text).svg()
    name = f"diagram-{hashlib.sha256(text.encode()).hexdigest()[:8]}"  # the picture's styles are told apart by it
    return re.sub(r"\n\s*", " ", svg.replace("merman", name))


def code(path: Path) -> str:
    """A file as a page: each line has an address."""
    name = path.relative_to(ROOT)
    link = os.environ.get("SOURCE_URL", "").rstrip("/")
    where = f"[In the repository]({link}/{name})\n\n" if link else ""
    language = LANGUAGES.get(path.suffix, "text")
    head = f"---\nsearch:\n  exclude: true\nhide: [toc]\n---\n# {name}\n\n{where}"
    return f'{head}``````{language} linenums="1"\n{path.read_text()}``````\n'


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if path.stat().st_size)


def listing(folder: Path) -> str:
    lines = [f"- [{path.relative_to(folder)}]({path.relative_to(folder)}.md)" for path in modules(folder)]
    return f"---\nsearch:\n  exclude: true\n---\n# {folder.relative_to(ROOT)}\n\n" + "\n".join(lines) + "\n"
