import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.demos import demos
from tests.native_stack import Stack

ROOT = Path(__file__).resolve().parent.parent
DEMOS = demos()
# when a test copies this checkout
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv*", ".make.lock*", ".run", ".env", "__pycache__", ".*_cache", "node_modules", "*.sqlite3"
)  # fmt: skip


# what the shell of the set-up reads and runs
SET_UP = ("nexus/*.sh", "nexus/__init__.py", "tests/smoke.sh", "constraints.txt", ".env.example", "docker-compose.yml")
SET_UP_OF_DEMOS = ("*/requirements.txt", "*/manage.py")


def copy_set_up(to: Path) -> None:
    """A checkout in which door.sh works, up to what it hands over to Python. Copying all of it takes 0.5 s."""
    for pattern in (*SET_UP, *SET_UP_OF_DEMOS):
        for path in ROOT.glob(pattern):
            target = to / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


@pytest.fixture(params=DEMOS, ids=lambda path: path.name)
def demo(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack") / "nexus"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    stack = Stack(folder)
    up = stack.make("up")
    assert up.returncode == 0, up.stdout + up.stderr
    yield stack
    stack.make("down")
    shutil.rmtree((folder / ".run/data").resolve())
    stack.release()
