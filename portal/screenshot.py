"""A picture of a whole page, taken by the Chromium of this machine: `python portal/screenshot.py URL OUT.png [--width 1280] [--dark]`."""

import argparse
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
TIMEOUT_SECONDS = 30


class Browser:
    """A headless Chromium, spoken to over a pipe: JSON messages, each ended by a zero byte.

    Chromium reads its commands from file descriptor 3 and answers on 4 (its switch --remote-debugging-pipe). The plain
    --screenshot takes only as much of a page as its window shows, and no window is narrower than 500 pixels.
    Source: Chrome DevTools Protocol, domains Target, Page, Emulation and Runtime.
    """

    def __init__(self, program: str, profile: str) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # lifted first, out of the way of 3 and 4 themselves
        lifted = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out)]
        argv = [program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--hide-scrollbars", "--disable-gpu"]
        argv += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to be root in its sandbox
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=lambda: [os.dup2(fd, to) for fd, to in zip(lifted, (3, 4), strict=True)] and None,
        )
        for fd in (theirs_in, theirs_out, *lifted):
            os.close(fd)
        self.commands: IO[bytes] = os.fdopen(ours_out, "wb", buffering=0)
        self.answers: IO[bytes] = os.fdopen(ours_in, "rb")
        self.number = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    session: str | None = None

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer; events that come between are dropped."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params, **({"sessionId": self.session} if self.session else {})}
        self.commands.write(json.dumps(command).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def _read(self) -> bytes:
        message = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser is gone")
            message += byte
        return bytes(message)

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {TIMEOUT_SECONDS} s for {what}")
        time.sleep(0.05)


def screenshot(program: str, url: str, output: Path, *, width: int, is_dark: bool) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
            browser.call("Emulation.setEmulatedMedia", features=[scheme])
            if error := browser.call("Page.navigate", url=url).get("errorText"):
                raise RuntimeError(f"{url}: {error}")
            wait_until(lambda: bool(browser.evaluate("location.href != 'about:blank' && document.readyState == 'complete'")), "the page")
            height = browser.evaluate("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            shot = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
            output.write_bytes(base64.b64decode(shot["data"]))
        finally:
            browser.process.terminate()
            browser.process.wait(timeout=10)


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes a picture of a whole page.")
    parser.add_argument("url")
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, default=1280, help="of the page, in pixels (default: 1280)")
    parser.add_argument("--dark", action="store_true", help="as one sees it who prefers dark")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        sys.exit(f"screenshot: no Chromium here; looked for {', '.join(NAMES)}")
    screenshot(program, arguments.url, arguments.output, width=arguments.width, is_dark=arguments.dark)


if __name__ == "__main__":
    main()
