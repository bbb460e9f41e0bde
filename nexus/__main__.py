"""Runs one action of the Makefile. Use make: it sets up the environment first."""

import argparse
import os
import signal
import sys

from rich.console import Console

ACTIONS = [
    "up", "down", "status", "logs", "reset", "doctor", "lab", "bench", "contract", "chaos", "readme", "docs", "claims", "test", "copy",
    "nightly", "lint", "shape", "commits", "secrets", "audit", "planted", "token", "edge",
]  # fmt: skip
HOLD_THE_LOCK = {"up", "down", "reset"}  # to their end; all others until the set-up is complete


def main() -> int:
    parser = argparse.ArgumentParser(prog="nexus", description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("words", nargs="*", help="copy: the pattern, the project, the dotted name; commits: the file with the message")
    arguments = parser.parse_args()
    # so that what was started is stopped, as with Ctrl-C; `nohup make up` ignores SIGHUP, and so do we
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    demo = os.environ.get("DEMO") or None
    from nexus import packages, private_set

    try:
        private_set.remove_dead()
        if not packages.set_up(arguments.action):
            return 1
        if arguments.action not in HOLD_THE_LOCK:
            packages.release_lock()
        return act(arguments.action, arguments.words, demo)
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted")
        return 130
    finally:
        packages.release_lock()


def act(action: str, words: list[str], demo: str | None) -> int:
    from nexus import doctor, lifecycle
    from nexus.private_set import ServersMissing

    try:
        match action:
            case "up":
                lifecycle.up(demo or "all")
            case "down":
                lifecycle.down(demo)
            case "status":
                lifecycle.status()
            case "logs":
                lifecycle.logs(demo)
            case "reset":
                lifecycle.reset(demo or "all")
            case "doctor":
                return doctor.doctor(demo or "all")
            case "lab":
                from nexus import lab

                return lab.run(demo, os.environ.get("ONLY") or None)
            case "bench":
                from nexus import lab

                return lab.bench(demo, os.environ.get("ONLY") or None)
            case "contract":
                from nexus import contract

                return contract.run(os.environ.get("SEED") or None)
            case "chaos":
                from nexus import chaos

                return chaos.run(os.environ.get("DURATION") or None, os.environ.get("SEED") or None)
            case "readme":
                from nexus import readme

                return readme.render_all()
            case "docs":
                from nexus import docs

                return docs.run(os.environ.get("ONLY") or None)
            case "claims":
                from nexus import lab

                return lab.claims(demo, os.environ.get("ONLY") or None)
            case "test":
                from nexus import testing

                return testing.run(demo, os.environ.get("ONLY") or None, slow=os.environ.get("SLOW", "") not in ("", "0"))
            case "nightly":
                from nexus import testing

                return testing.run(demo, os.environ.get("ONLY") or None, nightly=True)
            case "edge":
                from nexus import testing

                return testing.edge(os.environ.get("ONLY") or None)
            case "shape":
                from nexus import testing

                return testing.shape(os.environ.get("ONLY") or None)
            case "commits":
                from nexus import commits

                return commits.check_file(words[0]) if words else commits.run(os.environ.get("BASE") or "")
            case "secrets":
                from nexus import secret_scan

                return secret_scan.run()
            case "audit":
                from nexus import lint

                return lint.audit()
            case "planted":
                from nexus import planted

                return planted.run(os.environ.get("ONLY") or None)
            case "lint":
                from nexus import lint

                return lint.run(os.environ.get("ONLY") or None)
            case "token":
                from nexus import demo_token

                return demo_token.run(*words)
            case "copy":
                from nexus import copying

                return copying.run(*words)
    except (doctor.Problem, ServersMissing, OSError, RuntimeError) as error:
        Console(stderr=True, highlight=False).print(f"nexus: {error}", soft_wrap=True, markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
