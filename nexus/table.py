"""The table that ends `make up`: service, URL, what to try first, state."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    service: str
    url: str
    try_first: str
    state: str


def show(rows: Iterable[Row], console: Console | None = None) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("service", no_wrap=True)
    table.add_column("url", no_wrap=True)
    table.add_column("try first", overflow="fold")
    table.add_column("state", overflow="fold")
    for row in rows:
        good = row.state.startswith(("ready", "running", "done"))
        table.add_row(row.service, row.url, row.try_first, f"[green]{row.state}[/green]" if good else f"[bold red]{row.state}[/bold red]")
    (console or Console()).print(table)


def from_compose(lines: Iterable[str]) -> list[Row]:
    """Rows from `docker compose ps --all --format json`: one JSON object a line (or, in older releases, one list)."""
    text = "".join(lines).strip()
    entries = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    rows = []
    for entry in sorted(entries, key=lambda each: each["Service"]):
        labels = entry["Labels"]
        if isinstance(labels, str):
            labels = dict(pair.partition("=")[::2] for pair in labels.split(","))
        port = next((each["PublishedPort"] for each in entry.get("Publishers") or [] if each["PublishedPort"]), None)
        if entry["State"] == "exited":
            state = "done" if entry["ExitCode"] == 0 else f"failed (exit code {entry['ExitCode']})"
        else:
            state = {"healthy": "ready", "": "running"}.get(entry.get("Health", ""), entry.get("Health", ""))
        url = f"http://127.0.0.1:{port}" if port else ""
        rows.append(Row(entry["Service"], url, labels.get("nexus.try", "") if port else "", state))
    return [row for row in rows if row.state != "done"]


if __name__ == "__main__":
    # a container has no terminal to measure
    show(from_compose(sys.stdin), Console(width=int(os.environ.get("COLUMNS", "110"))))
