"""The TypeScript client: generated from the schema, compiled, and run against the service as production starts it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.tokens import access_token
from tests.served import served, test_database


def run(*argv: str, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


pytestmark = [pytest.mark.native, pytest.mark.slow]  # Node; npm ci takes a minute


@pytest.fixture(scope="session")  # a module's would be made twice: pytest-django moves tests with a database to the front
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed and generated outside of the demo's folder, beside a copy of the schema: nothing is left in it."""
    place = tmp_path_factory.mktemp("client")
    folder = Path(shutil.copytree("client", place / "client", ignore=shutil.ignore_patterns("node_modules", "build", "gql")))
    shutil.copy("schema.graphql", place)
    run("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    run("npm", "run", "generate", cwd=folder)
    return folder


@pytest.fixture
def service(seeded: str) -> Iterator[str]:
    """For the client's documents only."""
    with served(DATABASE_URL=test_database(), TRUSTED_DOCUMENTS_ONLY="1") as (url, _):
        yield url


def test_the_services_trusted_documents_are_the_clients(client: Path) -> None:
    generated = json.loads((client / "src/gql/persisted-documents.json").read_text())

    assert json.loads(Path("trusted_documents.json").read_text()) == generated


def test_the_client_compiles_and_pages_the_feed_and_likes(client: Path, service: str, seeded: str) -> None:
    run("npm", "run", "build", cwd=client)
    argv = ("node", "build/example.js", service)

    said = [json.loads(run(*argv, cwd=client, TOKEN=access_token("customer")).splitlines()[-1]) for _ in range(2)]

    assert said[0]["seen"] > 5  # more than a page
    assert said[0]["likedByMe"] is True
    assert said[0] == said[1]  # liking again changes nothing


def test_a_schema_that_lacks_what_the_client_asks_for_does_not_compile(client: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(client, tmp_path / "client", symlinks=True))
    schema = Path("schema.graphql").read_text()
    (tmp_path / "schema.graphql").write_text(schema.replace("likeCount: Int!", "likes: Int!"))

    done = subprocess.run(["npm", "run", "generate"], cwd=copy, capture_output=True, text=True, timeout=600)

    assert done.returncode != 0
    assert "likeCount" in done.stdout + done.stderr
