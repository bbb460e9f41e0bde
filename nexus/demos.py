"""The demos there are, and the environment in which their tests and labs run."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from nexus.compose import ROOT
from nexus.sweep import MARK
from patterns.http.access_token.keys import new_pair

FROM_THE_SHELL = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "CI", "SSL_CERT_FILE", MARK)


class NoSuchDemo(RuntimeError):
    """DEMO names a folder that is not one of ours."""


ORDER = ["rest_demo", "graphql_demo", "queue_demo", "caching_demo", "database_demo", "async_demo"]


def demos(only: str | None = None) -> list[Path]:
    """The folders `*_demo`, in the order of the README; one when it is named."""
    found = [ROOT / name for name in ORDER if (ROOT / name / "manage.py").exists()]
    if only is None:
        return found
    if only not in {path.name for path in found}:
        raise NoSuchDemo(f'DEMO is "{only}"; the demos are: {", ".join(path.name for path in found)}')
    return [ROOT / only]


def shell_environment() -> dict[str, str]:
    """What our processes take over from the shell: nothing else of it can change a result."""
    return {name: os.environ[name] for name in FROM_THE_SHELL if name in os.environ}


def environment(demo: str, urls: Mapping[str, str]) -> dict[str, str]:
    """A clean environment with this demo's servers: what else is set in the shell cannot change a result."""
    number = ORDER.index(demo) if demo in ORDER else len(ORDER)
    # a server of its own, which evicts and which an experiment may fill
    redis = urls.get("PAGES_URL", urls["REDIS_URL"]) if demo == "caching_demo" else urls["REDIS_URL"]
    return shell_environment() | {
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DEBUG": "1",
        "DATABASE_URL": f"{urls['POSTGRES_URL']}/{demo}",
        "REDIS_URL": urlsplit(redis)._replace(path=f"/{number}").geturl(),  # two demos run at once, and one of them empties its store
        "RABBITMQ_URL": urls["RABBITMQ_URL"],
        "MEMCACHED_URL": urls["MEMCACHED_URL"],
        # a crowd on a busy machine may wait longer than a visitor should
        "STATEMENT_TIMEOUT_SECONDS": "120",
        "LOCK_TIMEOUT_SECONDS": "60",
        **token_keys(),
    }


@functools.cache
def token_keys() -> dict[str, str]:
    """One key pair for a run: what one service signs, the others accept."""
    signing, public = new_pair()
    return {"TOKEN_SIGNING_KEY": signing, "TOKEN_PUBLIC_KEYS": public}
