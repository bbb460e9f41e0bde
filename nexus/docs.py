"""`make docs`: the pages of docs/, checked, their commands run, built as a site that needs no network.

The pages are copied to .run/docs, and with them, as pages too, every file of the repository that they link to. Links, shell blocks and
diagrams are brought into the form that the builder takes; then the finished site is read once more: nothing in it may lead nowhere,
and nothing may come from elsewhere.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from nexus import doc_blocks, docs_site, docs_stage, readme
from nexus.compose import ROOT
from nexus.concepts import DOCS, title_of, whole_pages

STAGE = ROOT / ".run/docs"
SITE = STAGE / "site"
PAGES = STAGE / "pages"
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
    docs_stage.stage(PAGES)
    (STAGE / "zensical.toml").write_text(configuration())
    argv = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean", "--config-file", "zensical.toml"]
    done = subprocess.run(argv, cwd=STAGE, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).partition("Traceback")[0]
        return [f"the site was not built:\n{said}"]
    docs_site.finish(SITE)
    return docs_site.unresolved(SITE)


def configuration() -> str:
    """docs/zensical.toml, with the pages in their order."""

    def entries(paths: list[Path]) -> str:
        return ", ".join(f'{{ "{title_of(path)}" = "{path.relative_to(DOCS)}" }}' for path in paths if path.exists())

    concepts = [DOCS / f"{name}.md" for name in CONCEPTS]
    decisions = [path for path in readme.pages() if path.parent.name == "decisions"]
    challenges = whole_pages()
    others = [path for path in readme.pages() if path not in [*concepts, *decisions, *challenges, DOCS / "README.md"]]
    folders = [path for path in readme.of_folders() if path.parent not in (ROOT, ROOT / "patterns")]
    demos = ", ".join(f'{{ "{path.parent.name}" = "{docs_stage.place(path)}" }}' for path in folders)
    patterns = f'{{ "Patterns" = "{docs_stage.place(ROOT / "patterns/README.md")}" }}'
    nav = (
        f'[{{ "Project Nexus" = "index.md" }}, {entries(others)}, {{ "Concepts" = [{entries(concepts)}] }}, '
        f'{{ "Challenges of the whole stack" = [{entries(challenges)}] }}, '
        f'{{ "Services" = [{demos}] }}, {patterns}, {{ "Decisions" = [{entries(decisions)}] }}]'
    )
    return (DOCS / "zensical.toml").read_text().replace("nav = []", f"nav = {nav}")
