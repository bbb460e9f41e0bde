"""How results look: one table in the terminal, one in a README."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_table(results: Iterable[Mapping[str, Any]], console: Console | None = None) -> None:
    """One row an experiment: what it is, what was counted on both sides, whether the proof holds."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("demo", "experiment", "challenge", "proof: naive → solved"):
        table.add_column(heading, overflow="fold")
    table.add_column("holds")
    table.add_column("s", justify="right")
    for result in results:
        holds = "[green]yes[/green]" if result["holds"] else "[bold red]NO[/bold red]"
        table.add_row(result["demo"], result["name"], result["challenge"], result["proof"], holds, f"{result['seconds']:.1f}")
    (console or Console()).print(table)


def print_counts(result: Mapping[str, Any], console: Console) -> None:
    """Everything that one experiment counted, as its page shows it."""
    console.print(f"\nLoad: {result['load']}.", markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("counted")
    table.add_column("naive", justify="right")
    table.add_column("solved", justify="right")
    for name in {**result["naive"], **result["solved"]}:
        table.add_row(label(name), _cell(result["naive"].get(name)), _cell(result["solved"].get(name)))
    console.print(table)


def markdown_counts(result: Mapping[str, Any]) -> str:
    """The counts of one experiment as a Markdown table: a row a count, naive beside solved."""
    lines = [f"Load: {result['load']}.", "", "| counted | naive | solved |", "| --- | ---: | ---: |"]
    for name in {**result["naive"], **result["solved"]}:
        lines.append(f"| {label(name)} | {_cell(result['naive'].get(name))} | {_cell(result['solved'].get(name))} |")
    return "\n".join(lines)


def label(name: str) -> str:
    """A count's name for people: `distinct_bodies` is "distinct bodies", `slowest_ms` is "slowest (ms)"."""
    return f"{name[:-3].replace('_', ' ')} (ms)" if name.endswith("_ms") else name.replace("_", " ")


def _cell(value: int | float | None) -> str:
    return "–" if value is None else f"{value:,}"
