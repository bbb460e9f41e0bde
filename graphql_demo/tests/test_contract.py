"""schemathesis, from the committed schema, against the running service: a thousand made-up operations, and not one fault of ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from labkit.database import lab_database
from labkit.processes import answers, free_port, wait_until

PRODUCTION = {"DEBUG": "0", "SECRET_KEY": "k3y-" * 20, "HTTPS": "0", "GRANIAN_HOST": "127.0.0.1", "GRANIAN_WEBSOCKETS": "0"}
PASSWORD = "a password"
# what is fit for the schema and refused all the same: a page's size, a signed cursor, a query's cost, NUL in a variable
REFUSALS = {"BAD_USER_INPUT", "QUERY_TOO_LARGE", "GRAPHQL_VALIDATION_FAILED", "UNAUTHENTICATED"}


def test_no_operation_that_fits_the_schema_is_a_fault_of_ours(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with lab_database("graphql_contract"), log.open("wb") as output:
        for command in ("migrate", "seed"):
            environment = {**os.environ, "DEMO_PASSWORD": PASSWORD, "DEBUG": "1"}
            subprocess.run([sys.executable, "manage.py", command], env=environment, check=True, capture_output=True)
        port = free_port()
        argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "config.wsgi:application"]
        with subprocess.Popen(argv, env={**os.environ, **PRODUCTION}, stdout=output, stderr=output) as service:
            try:
                wait_until(lambda: answers("127.0.0.1", port), timeout_seconds=30, what="the service")
                said = explore(f"http://127.0.0.1:{port}", "staff", tmp_path)
            finally:
                service.terminate()

    [generated] = re.findall(r"(\d+) generated", said)
    titles = set(re.findall(r"^- (?:ST\d+ )?(.*)$", said, re.MULTILINE))
    codes = set(re.findall(r'"code":"([A-Z_]+)"', said))
    assert int(generated) >= 1000
    assert titles <= {"GraphQL client error"}, said[-5000:]
    assert codes <= REFUSALS, codes
    assert " ERROR " not in log.read_text()


def explore(url: str, username: str, folder: Path) -> str:
    login = httpx.post(f"{url}/auth/token/", json={"username": username, "password": PASSWORD}, timeout=30).json()
    schemathesis = str(Path(sys.executable).with_name("schemathesis"))
    argv = [schemathesis, "run", str(Path("schema.graphql").resolve()), "--url", f"{url}/graphql/", "--checks", "all", "--seed", "1"]
    argv += ["-H", f"Authorization: Bearer {login['access']}", "--max-examples", "60", "--no-color"]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=200).stdout
