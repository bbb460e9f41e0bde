"""Takes a pattern out: `make copy PATTERN=rest_demo/idempotency TO=../my-project`."""

import re
import shutil
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT
from nexus.demos import demos


def patterns() -> dict[str, Path]:
    """Every pattern by `demo/name`, where it is at home."""
    return {name: path for name, path in _modules().items() if test_of(path).exists()}


def borrowed() -> dict[str, Path]:
    """The copies by `demo/name`: a demo that uses another's pattern has taken it out, without its test, and leaves it as it is."""
    return {name: path for name, path in _modules().items() if not test_of(path).exists()}


def _modules() -> dict[str, Path]:
    """Every module and package of `patterns/`."""
    found = {}
    for demo in demos():
        for path in sorted((demo / "patterns").iterdir()):
            if path.name.startswith("_") or not (path.suffix == ".py" or (path / "__init__.py").exists()):
                continue
            found[f"{demo.name}/{path.stem}"] = path
    return found


def test_of(pattern: Path) -> Path:
    return pattern.parent.parent / "tests/patterns" / f"test_{pattern.stem}.py"


def needed(pattern: Path) -> list[Path]:
    """The pattern, and the patterns beside it that it imports."""
    found, waiting = [], [pattern]
    while waiting:
        path = waiting.pop()
        found.append(path)
        for file in [path] if path.is_file() else path.rglob("*.py"):
            for name in re.findall(r"^\s*(?:from|import) patterns\.(\w+)", file.read_text(), re.MULTILINE):
                beside = next(each for each in pattern.parent.iterdir() if each.stem == name)
                if beside not in found + waiting:
                    waiting.append(beside)
    return found


def copy(pattern: Path, to: Path) -> list[Path]:
    """Copies the pattern, what it stands on, and its test, to `to/patterns/` and `to/tests/patterns/`.

    Refuses to overwrite. Returns what it wrote.
    """
    test = test_of(pattern)
    pairs = [(each, to / "patterns" / each.name) for each in needed(pattern)] + [(test, to / "tests/patterns" / test.name)]
    for _, target in pairs:
        if target.exists():
            raise RuntimeError(f"{target} is there already; remove it first, or copy to another folder")
    for package in (to / "patterns", to / "tests", to / "tests/patterns"):
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
    for source, target in pairs:
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return [target for _, target in pairs]


def run(pattern: str = "", to: str = "") -> int:
    known = patterns()
    if pattern not in known or not to:
        Console(stderr=True).print(f"usage: make copy PATTERN=… TO=folder; patterns: {', '.join(known)}", highlight=False, soft_wrap=True)
        return 2
    if not Path(to).is_dir():
        raise RuntimeError(f"{to} is not a folder")
    for path in copy(known[pattern], Path(to).resolve()):
        Console(highlight=False).print(f"wrote {path}", soft_wrap=True)
    Console(highlight=False).print(f"how to use it, and what it costs: {known[pattern].parent.parent.relative_to(ROOT)}/README.md")
    return 0
