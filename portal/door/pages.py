"""A challenge's page: the Markdown beside its experiment, rendered as HTML."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from markdown_it import MarkdownIt
from markdown_it.token import Token

MARKER = re.compile(r"<!-- (?:begin [^>]*|end) -->")
# no raw HTML: the page's text becomes text
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def find_page(demo: str, name: str) -> Path | None:
    """The name is compared with the files there are, and never becomes a path."""
    pages = (settings.REPOSITORY / demo / "lab").glob("*.md")
    return next((page for page in pages if page.stem == name), None)


def title_of(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def render_page(page: Path, demo: str) -> str:
    tokens = MARKDOWN.parse(MARKER.sub("", page.read_text(encoding="utf-8")))
    for token in tokens:
        if token.attrGet("style"):  # a column of numbers; the browser may apply no inline style here
            token.attrs = {"class": "number"}
        if token.children:
            token.children = list(_with_addresses(token.children, f"{demo}/lab"))
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


def _with_addresses(tokens: Iterable[Token], folder: str) -> Iterator[Token]:
    """Relative links lead to this site's page or to the code; one without an address becomes text that names the file."""
    file = ""  # of the link without an address that we are in; links are not nested
    for token in tokens:
        if token.type == "link_open":
            path = posixpath.normpath(posixpath.join(folder, href := str(token.attrGet("href"))))
            address = _address(href, path)
            file = "" if address else path
            token.attrs = {"href": address} if address else {"title": path}
        if file and token.type in ("link_open", "link_close"):
            token.tag = "span"
        if file and token.type == "text":
            token.content = _from_root(token.content, file)
        if token.type == "link_close":
            file = ""
        yield token


def _from_root(text: str, file: str) -> str:
    """ " in shop/models.py" is " in rest_demo/shop/models.py"."""
    words, space, path = text.rpartition(" ")
    return f"{words}{space}{file}" if path and file.endswith(f"/{path}") else text


def _address(href: str, path: str) -> str:
    if href.startswith(("http://", "https://", "#")):
        return href
    if found := re.fullmatch(r"(\w+)/lab/(\w+)\.md", path):
        return reverse("challenge", args=found.groups())
    return f"{settings.SOURCE_URL}/{path}" if settings.SOURCE_URL else ""
