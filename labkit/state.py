"""What a running experiment tells the HTTP door: a small JSON file, replaced whole so that no reader sees half of it."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


def state_folder(demo: Path) -> Path:
    """Where the states of a demo's experiments are: private to this user and this checkout, and writable in a read-only container."""
    return Path(tempfile.gettempdir()) / f"lab-{os.getuid()}-{hashlib.sha256(str(demo).encode()).hexdigest()[:12]}"


class State:
    """Writes to `path`; without one it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def running(self, stage: str) -> None:
        self._write(status="running", stage=stage)

    def done(self, result: dict[str, Any]) -> None:
        self._write(status="done", result=result)

    def failed(self, error: str) -> None:
        self._write(status="failed", error=error)

    def _write(self, **fields: Any) -> None:
        if self.path is None:
            return
        draft = self.path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(fields))
        draft.replace(self.path)


def read_state(path: Path) -> dict[str, Any]:
    """The last state written, or `{"status": "idle"}`."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {"status": "idle"}
