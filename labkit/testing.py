"""The lab as tests: the same run that `make lab` does, in a process and a database of its own."""

import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def experiment_names() -> list[str]:
    """The experiments of the demo in the current folder, by their files' names; nothing is imported."""
    return [module.name for module in pkgutil.iter_modules(["lab"]) if module.name != "urls"]


def run_experiment(name: str) -> dict[str, Any]:
    """Its result; AssertionError with the run's own words when it came to none."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.json"
        argv = [sys.executable, "-m", "labkit", "run", name, "--output", str(output)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=180, env=environment)
        assert output.exists(), done.stderr
        [result] = json.loads(output.read_text())
        return dict(result)
