"""`make docs`: the pages of docs/, checked, their commands run, built as a site that needs no network.

The pages are copied to .run/docs, and with them, as pages too, every file of the repository that they link to. Links, shell blocks and
diagrams are brought into the form that the builder takes; then the finished site is read once more: nothing in it may lead nowhere,
and nothing may come from elsewhere.
"""

import hashlib
import html.parser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mmdr
from rich.console import Console

from nexus import doc_blocks, readme
from nexus.compose import ROOT
from nexus.concepts import DOCS, title_of

STAGE = ROOT / ".run/docs"
SITE = STAGE / "site"
PAGES = STAGE / "pages"
WORKER = "iframe-worker.min.js"  # the builder would load it from elsewhere
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
FENCE = re.compile(r"^(```)(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINES = re.compile(r"L(\d+)(?:-L(\d+))?")
LOADED_BY_CSS = re.compile(r"(?:url\(|@import\s*)[\"']?((?:https?:)?//[^)\"']+)")
LANGUAGES = {".py": "python", ".yml": "yaml", ".sh": "sh", ".toml": "toml", ".json": "json", ".graphql": "graphql", ".ts": "ts"}
CONCEPTS = (
    "rest-apis", "graphql", "message-queues", "celery-and-rabbitmq", "caching", "database-design", "asynchronous-programming", "docker",
    "environments", "ci-cd", "testing", "security", "system-design", "version-control-and-code-review", "collaboration", "next-steps",
)  # fmt: skip
console = Console(highlight=False)


def run(only: str | None) -> int:
    """`only` is "build" or "blocks" for one half of the work."""
    problems = readme.differences()
    if only != "build":
        problems += doc_blocks.run()
    if only != "blocks":
        problems += build()
    for problem in problems:
        console.print(f"docs: {problem}", markup=False, soft_wrap=True)
    console.print(
        f"{len(readme.pages())} pages, {len(problems)} problems" + ("" if problems else f": {SITE / 'index.html'}"), soft_wrap=True
    )
    return 1 if problems else 0


def build() -> list[str]:
    shutil.rmtree(STAGE, ignore_errors=True)
    stage()
    (STAGE / "zensical.toml").write_text(configuration())
    argv = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean", "--config-file", "zensical.toml"]
    done = subprocess.run(argv, cwd=STAGE, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).partition("Traceback")[0]
        return [f"the site was not built:\n{said}"]
    (SITE / "404.html").unlink()  # only for a server whose root this is
    for finished in SITE.rglob("*.html"):
        own = os.path.relpath(SITE / WORKER, finished.parent)
        finished.write_text(finished.read_text().replace("https://unpkg.com/iframe-worker/shim", own))
    return unresolved(SITE)


def configuration() -> str:
    """docs/zensical.toml, with the pages in their order."""

    def entries(paths: list[Path]) -> str:
        return ", ".join(f'{{ "{title_of(path)}" = "{path.relative_to(DOCS)}" }}' for path in paths if path.exists())

    concepts = [DOCS / f"{name}.md" for name in CONCEPTS]
    decisions = [path for path in readme.pages() if path.parent.name == "decisions"]
    others = [path for path in readme.pages() if path not in [*concepts, *decisions, DOCS / "README.md"]]
    demos = ", ".join(f'{{ "{path.parent.name}" = "{place(path)}" }}' for path in readme.of_folders() if path.parent != ROOT)
    nav = (
        f'[{{ "Project Nexus" = "index.md" }}, {entries(others)}, {{ "Concepts" = [{entries(concepts)}] }}, '
        f'{{ "Services" = [{demos}] }}, {{ "Decisions" = [{entries(decisions)}] }}]'
    )
    return (DOCS / "zensical.toml").read_text().replace("nav = []", f"nav = {nav}")


def place(path: Path) -> Path:
    """Where a file of the repository stands in the site's pages."""
    if DOCS in path.parents and path.suffix in (".md", ".png"):
        relative = path.relative_to(DOCS)
        return relative.with_name("index.md") if relative == Path("README.md") else relative
    # the builder passes over what begins with a dot
    relative = Path("code", *(part.removeprefix(".") for part in path.relative_to(ROOT).parts))
    if path.is_dir():
        return relative / "index.md"
    return relative if path.suffix in (".md", ".png") else relative.with_name(f"{relative.name}.md")


def stage() -> None:
    """Writes the pages, and whatever is linked to, from page to page until nothing is missing."""
    waiting, done = [*readme.pages(), *readme.of_folders()], set()
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        target = PAGES / place(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            shutil.copy(path, target)
        elif path.suffix == ".md":
            text, linked = page(path)
            target.write_text(text)
            waiting += linked
        else:
            target.write_text(listing(path) if path.is_dir() else code(path))
            waiting += modules(path) if path.is_dir() else []
    for asset in (WORKER, "nexus.css"):
        shutil.copy(DOCS / asset, PAGES)


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
            text += fence(language=parts[at + 2], content=parts[at + 4])
    return text, linked


def fence(*, language: str, content: str) -> str:
    if language == "mermaid":
        return f'<div class="diagram">{diagram(content)}</div>'
    return f"```{language}\n{content}```"


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


class Seen(html.parser.HTMLParser):
    """What a finished page links to, what it loads, and the ids that others may link to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for key in ("id", "name") if (value := values.get(key))}
        if tag == "a" and (link := values.get("href")):
            self.links.append(link)
        loaded = values.get("src") or (
            values.get("href") if tag == "link" and values.get("rel") not in ("canonical", "prev", "next") else None
        )
        if loaded:
            self.loads.append(loaded)


def unresolved(site: Path) -> list[str]:
    """What leads nowhere in the finished site, and what it would load from elsewhere."""
    seen = {path: Seen() for path in site.rglob("*.html")}
    for path, parser in seen.items():
        parser.feed(path.read_text())
    problems = []
    for path, parser in seen.items():
        name = path.relative_to(site)
        problems += [f"{name} loads {each} from elsewhere" for each in parser.loads if urlsplit(each).netloc]
        for link in [*parser.links, *parser.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                problems.append(f"{name} links to {link}, which is not there")
            elif parts.fragment and target in seen and unquote(parts.fragment) not in seen[target].ids:
                problems.append(f"{name} links to {link}, and there is no such place")
    for sheet in site.rglob("*.css"):
        problems += [f"{sheet.name} loads {url} from elsewhere" for url in LOADED_BY_CSS.findall(sheet.read_text())]
    return sorted(set(problems))
