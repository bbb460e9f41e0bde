from pathlib import Path

import pytest

from nexus.demos import demos

ROOT = Path(__file__).resolve().parent.parent
DEMOS = demos()


@pytest.fixture(params=DEMOS, ids=lambda path: path.name)
def demo(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)
