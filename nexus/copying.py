"""Copies a pattern into another project: `make copy PATTERN=outbox TO=../my-project`."""

import ast
import difflib
import filecmp
import importlib.metadata
import itertools
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from nexus.compose import ROOT

HOME = ROOT / "patterns"
USAGE = "usage: make copy PATTERN=outbox TO=../my-project [AS=common.outbox]"
IGNORED = shutil.ignore_patterns("__pycache__")
DOTTED_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*", re.IGNORECASE)
SERVER_URLS = {
    "RABBITMQ_URL": "amqp://user:password@localhost:5672/%2F",
    "REDIS_URL": "redis://localhost:6379",
    "MEMCACHED_URL": "localhost:11211",
}


@dataclass(frozen=True)
class Use:
    """The `Use` block of a docstring: what to add where, in a project that copied the pattern."""

    text: str
    settings: str  # Python for settings.py
    code: str  # Python for the caller
    commands: tuple[str, ...]  # shell commands, without the `$`


def patterns() -> dict[str, Path]:
    """Every pattern's folder by `group/name`, as in `messaging/outbox`."""
    folders = sorted(path.parent for path in HOME.glob("*/*/__init__.py"))
    return {f"{path.parent.name}/{path.name}": path for path in folders}


def find(name: str) -> Path | None:
    """The folder of `messaging/outbox`, or of `outbox` alone: names are unique."""
    return next((path for key, path in patterns().items() if name in (key, path.name)), None)


def dotted(pattern: Path) -> str:
    return ".".join(pattern.relative_to(ROOT).parts)


def docstring(pattern: Path) -> str:
    return ast.get_docstring(ast.parse((pattern / "__init__.py").read_text())) or ""


def section(pattern: Path, title: str) -> str:
    """The text under one heading of the docstring, dedented; empty when there is none."""
    found = re.search(rf"^{title}(?=\s\s|\s*$)(.*?)(?=^\S|\Z)", docstring(pattern), re.MULTILINE | re.DOTALL)
    lines = found[1].strip("\n").splitlines() if found else []
    return "\n".join(line.removeprefix("    ").rstrip() for line in lines).strip("\n")


def use(pattern: Path) -> Use:
    """Parts begin with `# settings.py`, `# your code` or `$ command`."""
    text = section(pattern, "Use")
    parts: dict[str, list[str]] = {"# settings.py": [], "# your code": []}
    commands: list[str] = []
    part: list[str] = []
    for line in text.splitlines():
        if line in parts:
            part = parts[line]
        elif line.startswith("$ "):
            commands.append(line[2:].partition("  ")[0].strip())
        else:
            part.append(line)
    settings, code = ("\n".join(lines) for lines in parts.values())
    return Use(text, settings, code, tuple(commands))


def requires(pattern: Path) -> tuple[str, ...]:
    """The names in the pattern's `REQUIRES`: patterns of its group that it imports."""
    for node in ast.parse((pattern / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REQUIRES":
            return tuple(ast.literal_eval(node.value))
    return ()


def needed(pattern: Path) -> list[Path]:
    """The pattern, and all that it requires, directly or not."""
    found = [pattern]
    for path in found:
        found += [each for name in requires(path) if (each := path.parent / name) not in found]
    return found


def packages(pattern: Path) -> list[str]:
    """The distributions that the pattern and its test import, with the versions tested here."""
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    known = importlib.metadata.packages_distributions()
    modules = {module for path in needed(pattern) for file in path.rglob("*.py") for module in _imported(file)}
    names = {known[module][0].lower() for module in modules - sys.stdlib_module_names if module in known}
    names |= {"pytest-django"} if "pytest" in names and "django" in names else set()
    return sorted(f"{name}=={pins[name]}" for name in names if name in pins)


def _imported(file: Path) -> set[str]:
    """The top-level names of a file's absolute imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.partition(".")[0])
    return names


def copy(pattern: Path, project: Path, name: str = "") -> list[Path]:
    """Copies the pattern to the dotted `name` inside `project`, and what it requires beside it.

    Returns the folders that it wrote. A folder that is there and equal is skipped.
    Raises RuntimeError, before anything is written, for one that is there and differs.
    """
    target = project.joinpath(*(name or f"patterns.{pattern.name}").split("."))
    pairs = [(each, target if each == pattern else target.parent / each.name) for each in needed(pattern)]
    pairs = [(source, to) for source, to in pairs if not to.exists() or differing(source, to)]
    for source, to in pairs:
        if to.exists():
            files = ", ".join(differing(source, to)[:5])
            raise RuntimeError(f"{to} exists and differs ({files}): nothing was written. Compare: diff -ru -x __pycache__ {to} {source}")
    for folder in reversed([each for each in target.parents if each.is_relative_to(project) and each != project]):
        if not folder.exists():
            folder.mkdir()
            (folder / "__init__.py").touch()
    for source, to in pairs:
        shutil.copytree(source, to, ignore=IGNORED)
    return [to for _, to in pairs]


def differing(source: Path, to: Path) -> list[str]:
    """The files of the pattern that are missing in `to` or have other contents there."""
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    same, _, _ = filecmp.cmpfiles(source, to, map(str, files), shallow=False)
    return [str(file) for file in files if str(file) not in same]


def renamed(text: str, pattern: Path, name: str) -> str:
    """`text` of the pattern's docstring, for a copy under the dotted `name`."""
    text = text.replace(dotted(pattern), name)
    for each in needed(pattern)[1:]:
        text = text.replace(dotted(each), ".".join([*name.split(".")[:-1], each.name]))
    return text


def run(name: str = "", to: str = "", dotted_name: str = "") -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    pattern = find(name)
    if pattern is None or not to:
        errors.print(f"{USAGE}\n{unknown(name)}patterns:")
        for group, names in itertools.groupby(patterns(), lambda key: key.partition("/")[0]):
            errors.print(f"  {group:10} {', '.join(key.partition('/')[2] for key in names)}")
        return 2
    project = Path(to).resolve()
    if not project.is_dir():
        raise RuntimeError(f"TO={to} is not a folder. {USAGE}")
    if dotted_name and not DOTTED_NAME.fullmatch(dotted_name):
        raise RuntimeError(f"AS={dotted_name} is not a dotted module name such as common.outbox")
    dotted_name = dotted_name or f"patterns.{pattern.name}"
    written = copy(pattern, project, dotted_name)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for folder in written:
        why = "" if folder.name == dotted_name.rpartition(".")[2] else f"   ({dotted_name} imports it)"
        console.print(f"wrote {folder}{why}")
    if not written:
        console.print("the pattern is already there and unchanged: nothing was written")
    console.print(f"\n{next_steps(pattern, project, dotted_name)}")
    return 0


def unknown(name: str) -> str:
    """A line about a name that no pattern has, with the nearest one."""
    if not name or find(name):
        return ""
    near = difflib.get_close_matches(name, [path.name for path in patterns().values()], n=1)
    return f"No pattern is named {name}" + (f"; did you mean {near[0]}?\n" if near else ".\n")


def next_steps(pattern: Path, project: Path, name: str) -> str:
    """What to do after the copy: install, set, use, test."""
    block = use(pattern)
    urls = [f"    {key} = {SERVER_URLS[key]!r}" for key in SERVER_URLS if key in text_of(pattern)]
    settings = re.search(r"DJANGO_SETTINGS_MODULE\W+([\w.]+)", text_of(project / "manage.py"))
    lines = [
        f"install (the versions tested here): python -m pip install {' '.join(packages(pattern))}",
        *(["", "it reads these settings:", *urls] if urls else []),
        "",
        renamed(block.text, pattern, name),
        "",
        f"test it: python -m pytest {name.replace('.', '/')} --ds={settings[1] if settings else 'YOUR.settings'}",
    ]
    if (pattern / "models.py").exists():
        lines.append("         (on PostgreSQL, with psycopg[binary]; on SQLite the tests of concurrency fail)")
    if urls:
        lines.append("         (the test reads the addresses of its servers from the environment)")
    return "\n".join(lines)


def text_of(path: Path) -> str:
    """A file, or all Python of a folder; empty when there is none."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path] * path.is_file()
    return "\n".join(file.read_text() for file in files)
