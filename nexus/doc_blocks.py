"""The shell and SQL blocks of all documents, run as they stand there, and their output compared with the block that follows.

    ```sh run            run with the private servers; the `text` block after it is the whole output, … stands for anything
    ```sql run           the same, on rest_demo's own database
    ```sh not-run: why   for the reader only

The blocks of a page share one shell. rest_demo runs meanwhile at $SHOP, seeded, as `make up` starts it; so do graphql_demo at $COMMUNITY,
caching_demo at $CATALOGUE, database_demo at $WAREHOUSE, queue_demo at $FULFILMENT and async_demo at $QUOTES.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.console import Console

from nexus import contract, doc_services, readme
from nexus.compose import ROOT
from nexus.demos import FROM_THE_SHELL, environment
from nexus.private_set import private_set

BLOCK = re.compile(r"^```(sh|sql)([^\n]*)\n(.*?)^```\n(?:\s*^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
SEPARATOR = "\x1e"
TIMEOUT_SECONDS = 60
PROGRAMS = ("bash", "curl", "jq", "redis-cli")
console = Console(highlight=False)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    how: str  # "run", or "not-run: why"
    code: str
    expected: str | None

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2].strip(), match[3], match[4])


def unmarked(page: Path) -> list[str]:
    """Blocks that say neither that they run, and what comes out, nor why they do not."""
    found = []
    for block in blocks(page):
        if block.how == "run" and block.expected is None:
            found.append(f"{block.where} runs, and no text block after it says what comes out")
        elif block.how != "run" and not re.fullmatch(r"not-run: .{10,}", block.how):
            found.append(f"{block.where} says neither `run` nor `not-run: why`")
    return found


def run() -> list[str]:
    """Runs all of them. Returns what came out otherwise than the page says."""
    # the handbook first: its queries look at tables in which the others place orders
    documents = [*readme.pages(), *readme.of_folders(), *readme.challenge_pages()]
    pages = [[block for block in blocks(page) if block.how == "run"] for page in documents]
    problems = [problem for page in documents for problem in unmarked(page)]
    problems += [f"{name} is missing, which the pages' commands use" for name in PROGRAMS if not shutil.which(name)]
    if problems:
        return problems
    code = "".join(block.code for page in pages for block in page)
    with private_set() as urls, doc_services.running(urls, code) as variables:
        settings = environment(contract.DEMO.name, urls)
        given = variables | {"REDIS_URL": urls["REDIS_URL"].replace("://:", "://default:")}  # redis-cli wants the name, too
        for page in pages:
            answers = {**shell(page, settings | given), **sql(page, settings["DATABASE_URL"])}
            problems += [f"{block.where}: {said}" for block in page if (said := difference(block.expected or "", answers[block]))]
    console.print(f"{sum(map(len, pages))} blocks run, {len(problems)} problems")
    return problems


def shell(page: list[Block], variables: Mapping[str, str]) -> dict[Block, str]:
    """The output of each shell block. One that fails ends the page's shell: those after it come out empty."""
    mine = [block for block in page if block.language == "sh"]
    script = "".join(f"{block.code}\nprintf '\\036'\n" for block in mine)
    kept = {name: os.environ[name] for name in FROM_THE_SHELL if name in os.environ}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env={**kept, **variables}, timeout=TIMEOUT_SECONDS,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    outputs = done.stdout.split(SEPARATOR)
    return {block: outputs[at] if at < len(outputs) else "" for at, block in enumerate(mine)}


def sql(page: list[Block], url: str) -> dict[Block, str]:
    """The rows of each SQL block, as psql shows them without its frame."""
    found = {}
    for block in page:
        if block.language == "sql":
            with psycopg.connect(url) as connection:
                cursor = connection.execute(block.code.encode())
                head = [column.name for column in cursor.description or []]
                rows = [["" if value is None else str(value) for value in row] for row in cursor.fetchall()]
            found[block] = "\n".join(" | ".join(row) for row in [head, *rows])
    return found


def difference(expected: str, output: str) -> str:
    """Empty when the output is what was expected, where … stands for anything."""
    wanted, came = (re.sub(r"[ \t]+$", "", text.strip(), flags=re.MULTILINE) for text in (expected, output))
    if re.fullmatch(".*?".join(map(re.escape, wanted.split("…"))), came, re.DOTALL):
        return ""
    return f"expected\n{wanted}\nand got\n{came}"
