"""A picture of a page, taken by the Chromium of this machine: `python portal/screenshot.py URL OUT.png [--width 1280] [--height 1400]`."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT_SECONDS = 60
# no first-run page, no calls home
QUIET = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def screenshot(program: str, url: str, output: Path, *, width: int, height: int) -> None:
    """Raises subprocess.CalledProcessError when the browser fails."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to be root in its sandbox
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        argv = [program, "--headless", *QUIET, *sandbox, f"--user-data-dir={profile}", "--hide-scrollbars"]
        argv += [f"--window-size={width},{height}", f"--screenshot={output.resolve()}", url]
        subprocess.run(argv, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes a picture of a page, as much as a window of this size shows.")
    parser.add_argument("url")
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, default=1280, help="of the window, in pixels (default: 1280)")
    parser.add_argument("--height", type=int, default=1400, help="of the window, in pixels (default: 1400)")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit(f"screenshot: no Chromium here; looked for {', '.join(NAMES)}")
    screenshot(program, arguments.url, arguments.output, width=arguments.width, height=arguments.height)


if __name__ == "__main__":
    main()
