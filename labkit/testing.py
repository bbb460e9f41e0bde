"""The lab as tests: the same run that `make lab` does, one for all of a demo's experiments, in a process and a database of its own."""

import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from labkit.experiment import NO_EXPERIMENTS


def experiment_names() -> list[str]:
    """The experiments of the demo in the current folder, by their files' names; nothing is imported."""
    return [module.name for module in pkgutil.iter_modules(["lab"]) if module.name not in NO_EXPERIMENTS]


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """What the chosen experiments counted, by name; AssertionError with the run's own words when it came to nothing."""
    items: list[Any] = request.session.items
    names = [item.callspec.params["name"] for item in items if "results" in item.fixturenames]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        argv = [sys.executable, "-m", "labkit", "run", *names, "--output", str(output)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, env=environment)
        assert output.exists(), done.stderr
        return {result["name"]: result for result in json.loads(output.read_text())}
