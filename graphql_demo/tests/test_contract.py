"""schemathesis, from the committed schema, against the running service: made-up operations, the same each time, and no fault of ours."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.tokens import access_token
from tests.served import served, test_database

pytestmark = pytest.mark.slow

# what is fit for the schema and refused all the same: a page's size, a signed cursor, a query's cost, NUL in a variable
REFUSALS = {"BAD_USER_INPUT", "QUERY_TOO_LARGE", "GRAPHQL_VALIDATION_FAILED", "UNAUTHENTICATED"}
EXAMPLES = 10  # of each of the schema's fields, and the phases' own


def test_no_operation_that_fits_the_schema_is_a_fault_of_ours(seeded: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with served(DATABASE_URL=test_database()) as (url, _):
        said = explore(url, "staff", tmp_path)

    [generated] = re.findall(r"(\d+) generated", said)
    titles = set(re.findall(r"^- (?:ST\d+ )?(.*)$", said, re.MULTILINE))
    codes = set(re.findall(r'"code":"([A-Z_]+)"', said))
    assert int(generated) >= 150
    assert titles <= {"GraphQL client error"}, said[-5000:]
    assert codes <= REFUSALS, codes
    assert " ERROR " not in capfd.readouterr().err


def explore(url: str, username: str, folder: Path) -> str:
    schemathesis = str(Path(sys.executable).with_name("schemathesis"))
    argv = [schemathesis, "run", str(Path("schema.graphql").resolve()), "--url", f"{url}/graphql/", "--checks", "all", "--no-color"]
    header = f"Authorization: Bearer {access_token(username)}"
    argv += ["--seed", "1", "--generation-deterministic", "--max-examples", str(EXAMPLES), "-H", header]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=600).stdout
