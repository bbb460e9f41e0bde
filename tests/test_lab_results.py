"""What `make lab` keeps, and what it says of a name that it does not know."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from labkit.experiment import Result, load_results, save_results
from labkit.render import print_counts
from nexus import lab


def result(seconds: float, orders: int) -> Result:
    counts = {"orders": orders}
    return Result(
        "double_click", "rest_demo", "Two orders", "a key", "two clicks", counts, {"orders": 1}, "orders: 2 → 1", True, seconds, "x.py"
    )


@pytest.mark.parametrize(("seconds", "orders", "kept"), [(2, 50, 1), (2, 49, 2)])
def test_a_run_that_differs_in_its_seconds_alone_changes_no_file(tmp_path: Path, seconds: float, orders: int, kept: float) -> None:
    file = tmp_path / "results.json"
    save_results(file, [result(1, 50)])

    save_results(file, [result(seconds, orders)])

    assert load_results(file)["double_click"]["seconds"] == kept
    assert len(json.loads(file.read_text())) == 1


def test_an_experiment_that_does_not_exist_is_named_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert lab.run(None, "doubleclick") == 2  # and no server was started
    assert lab.claims("rest_demo", "zzz") == 2

    said = " ".join(capsys.readouterr().out.split())
    assert "there is no experiment named doubleclick; did you mean double_click?" in said
    assert "there is no experiment named zzz; there are bulk_import, deep_page," in said


def test_all_counts_of_one_experiment_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_counts({"load": "two clicks", "naive": {"orders": 2000}, "solved": {"orders": 1, "slowest_ms": 3}}, Console(width=80))

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["orders", "2,000", "1"] in rows
    assert ["slowest", "(ms)", "–", "3"] in rows
