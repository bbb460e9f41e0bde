import shutil
from pathlib import Path

import pytest

from nexus.demos import demos

ROOT = Path(__file__).resolve().parent.parent
DEMOS = demos()
# when a test copies this checkout
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv*", ".make.lock*", ".run", ".env", "__pycache__", ".*_cache", "node_modules", "*.sqlite3"
)  # fmt: skip


@pytest.fixture(params=DEMOS, ids=lambda path: path.name)
def demo(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)
