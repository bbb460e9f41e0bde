"""Takes a pattern out: `make copy PATTERN=rest_demo/idempotency TO=../my-project`."""

import shutil
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT
from nexus.demos import demos


def patterns() -> dict[str, Path]:
    """Every pattern by `demo/name`: a module or a package of `patterns/`."""
    found = {}
    for demo in demos():
        for path in sorted((demo / "patterns").iterdir()):
            if path.name.startswith("_") or not (path.suffix == ".py" or (path / "__init__.py").exists()):
                continue
            found[f"{demo.name}/{path.stem}"] = path
    return found


def copy(pattern: Path, to: Path) -> list[Path]:
    """Copies the pattern to `to/patterns/` and its test to `to/tests/patterns/`. Refuses to overwrite. Returns what it wrote."""
    demo = pattern.parent.parent
    test = demo / "tests/patterns" / f"test_{pattern.stem}.py"
    pairs = [(pattern, to / "patterns" / pattern.name), (test, to / "tests/patterns" / test.name)]
    for _, target in pairs:
        if target.exists():
            raise RuntimeError(f"{target} is there already; remove it first, or copy to another folder")
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        for package in (target.parent, *([to / "tests"] if "tests" in target.parts else [])):
            (package / "__init__.py").touch()
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
