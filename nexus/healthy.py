"""Is this process well? `python -m nexus.healthy http` or `… file`; the exit code says it. Standard library only.

http   GET /ready on PORT answers 200; a service without that path (a stand-in of a third party) answers at all
file   the process touched ALIVE_FILE within the last 30 s: its loop still turns
"""

import os
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

ALIVE_SECONDS = 30


def http(port: int, timeout_seconds: float = 4) -> bool:
    try:
        # no proxy: the shell may name one, and it could not reach us
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/ready", timeout=timeout_seconds):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 404
    except (OSError, HTTPException):
        return False


def file(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < ALIVE_SECONDS
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    if sys.argv[1] == "http":
        sys.exit(not http(int(os.environ["PORT"])))
    sys.exit(not file(Path(os.environ["ALIVE_FILE"])))
