"""The lab of one demo, from its folder: `python -m labkit run [NAME ...]`, and its benchmarks: `python -m labkit bench [NAME ...]`."""

import argparse
import importlib
import json
import os
import secrets
import sys
from dataclasses import asdict
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connections
from rich.console import Console

from labkit import bench
from labkit.database import NoPostgres, lab_database
from labkit.experiment import Result, discover, measure
from labkit.nginx import NginxMissing
from labkit.postgres import PostgresMissing
from labkit.render import print_table
from labkit.state import State
from patterns.http.access_token.keys import new_pair

console = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="labkit", description="Runs the experiments of the demo in the current folder.")
    parser.add_argument("action", choices=["run", "list", "bench"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments or benchmarks to run; all if none is named")
    parser.add_argument("--output", type=Path, help="write the results here, as JSON")
    parser.add_argument("--state", type=Path, help="write the progress here, for the HTTP view")
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    if not Path("lab/__init__.py").exists():
        parser.error("there is no lab/ folder here: run this in a demo's folder")
    prepare_environment()
    state = State(arguments.state)
    try:
        # the lab's modules import models, so Django has to know its database before they are found
        with lab_database(Path.cwd().name):
            results = run(arguments, parser, state)
    except (NoPostgres, NginxMissing, PostgresMissing) as error:
        state.failed(str(error))
        parser.exit(2, f"labkit: {error}\n")
    except KeyboardInterrupt:
        state.failed("interrupted")
        parser.exit(130, "labkit: interrupted; nothing was left behind\n")
    except Exception as error:
        state.failed(f"{type(error).__name__}: {error}")
        raise
    # only now: who reads "done" may start the next run, and it shall find no database of this one
    if results:
        state.done(asdict(results[-1]))
    return 0 if all(result.holds for result in results) else 1


def prepare_environment() -> None:
    """Production's settings, as far as they go without TLS: DEBUG would keep every statement in memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("SECRET_KEY", secrets.token_hex(32))
    # a service that only verifies tokens has no private key, and its experiments log in
    os.environ["TOKEN_SIGNING_KEY"], os.environ["TOKEN_PUBLIC_KEYS"] = new_pair()
    os.environ["DEBUG"], os.environ["HTTPS"] = "0", "0"


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser, state: State) -> list[Result]:
    django.setup()
    if arguments.action == "bench":
        return run_benchmarks(arguments, parser)
    experiments = discover()
    if unknown := [name for name in arguments.names if name not in experiments]:
        parser.error(f"there is no experiment named {', '.join(unknown)}; the experiments are: {', '.join(experiments)}")
    if arguments.action == "list":
        print("\n".join(experiments))
        return []
    results: list[Result] = []
    demo = Path.cwd().name
    with console.status(f"{demo}: preparing the lab's database") as status:
        state.running("preparing")
        call_command("migrate", verbosity=0)
        for name in arguments.names or experiments:

            def on_stage(stage: str, name: str = name) -> None:
                status.update(f"{demo}: {name}, {stage} side")
                state.running(stage)

            results.append(measure(experiments[name], demo=demo, on_stage=on_stage))
            console.print(f"{demo}: {name}: {results[-1].proof} ({results[-1].seconds} s)", highlight=False, soft_wrap=True)
        connections.close_all()
    if arguments.output:
        arguments.output.write_text(json.dumps([asdict(result) for result in results]))
    else:
        print_table([asdict(result) for result in results])
    return results


def run_benchmarks(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Result]:
    """Measures lab/bench.py's benchmarks and puts what came out beside the entries of those that did not run."""
    benchmarks: dict[str, bench.Benchmark] = importlib.import_module("lab.bench").benchmarks
    if unknown := [name for name in arguments.names if name not in benchmarks]:
        parser.error(f"there is no benchmark named {', '.join(unknown)}; the benchmarks are: {', '.join(benchmarks)}")
    call_command("migrate", verbosity=0)
    path = arguments.output or Path("lab/bench.json")
    for name in arguments.names or benchmarks:
        with console.status(name) as status:

            def on_round(number: int, name: str = name) -> None:
                status.update(f"{name}: round {number + 1} of {benchmarks[name].rounds}")

            entry = bench.measure(benchmarks[name], on_round=on_round)
        path.write_text(json.dumps(bench.load(path) | {name: entry}, indent=2, ensure_ascii=False) + "\n")
        console.print(
            f"{name}: " + ", ".join(f"{row['label']} {row['ratio']:.2f}" for row in entry["rows"]), highlight=False, soft_wrap=True
        )
    connections.close_all()
    return []


if __name__ == "__main__":
    sys.exit(main())
