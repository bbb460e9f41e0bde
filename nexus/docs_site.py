"""The finished site, read once more: what leads nowhere in it, and what it would load from elsewhere."""

import html.parser
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED_BY_CSS = re.compile(r"(?:url\(|@import\s*)[\"']?((?:https?:)?//[^)\"']+)")


def finish(site: Path) -> None:
    """Brings home what the builder would load from elsewhere: a worker, without which nothing is found in pages opened as files."""
    (site / "404.html").unlink()  # only for a server whose root this is
    for page in site.rglob("*.html"):
        own = os.path.relpath(site / "iframe-worker.min.js", page.parent)
        page.write_text(page.read_text().replace("https://unpkg.com/iframe-worker/shim", own))


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
