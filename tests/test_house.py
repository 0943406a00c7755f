"""Rules of the house that no other tool checks; CONTRIBUTING.md has them in words."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_FILE_BYTES = 500_000
"""Of anything but a sample."""
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root)/")
CACHES_OF_MODULES = {"lru_cache", "cache"}


class Function(NamedTuple):
    """A function of a module, and its length in lines."""

    lines: int
    place: str


def repository_files() -> list[Path]:
    """Files that git knows or would take; where there is no git, all but tools' own folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return [p for p in ROOT.rglob("*") if p.is_file() and not _is_ignored(p)]
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def _is_ignored(path: Path) -> bool:
    tools = (".venv", ".git", ".mypy", ".ruff", ".pytest", ".hypothesis", "__pycache__")
    return any(folder.startswith(tools) for folder in path.relative_to(ROOT).parts[:-1])


def text_files() -> Iterator[tuple[str, str]]:
    """Name and content of every file of the repository that is text."""
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            yield path.relative_to(ROOT).as_posix(), content.decode("utf-8")


def python_files() -> Iterator[tuple[str, str]]:
    """Name and content of every Python file of the repository."""
    return ((name, text) for name, text in text_files() if name.endswith(".py"))


def functions() -> list[Function]:
    """Every function of the repository, longest first."""
    found = []
    for name, text in python_files():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append(Function(length, f"{name}:{node.lineno}: {node.name}"))
    return sorted(found, reverse=True)


def test_files_are_short() -> None:
    lengths = {name: text.count("\n") for name, text in python_files()}
    assert not {name: n for name, n in lengths.items() if n > MAX_FILE_LINES}


def test_functions_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    longest = functions()[:10]
    with capsys.disabled():
        print("\nlongest functions:", *(f"{lines:4} {place}" for lines, place in longest), sep="\n")  # noqa: T201
    assert not [function for function in longest if function.lines > MAX_FUNCTION_LINES]


def test_no_caches_in_modules() -> None:
    # ruff bans them by name; this also sees what a noqa lets through.
    for name, text in python_files():
        taken = set(_from_functools(ast.parse(text)))
        assert not taken & CACHES_OF_MODULES, name


def _from_functools(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module == "functools":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "functools":
            yield node.attr


def test_classes_of_values_are_the_cheap_ones() -> None:
    pattern = re.compile(r"^ *from dataclasses import [^#\n]*\bdataclass\b", re.MULTILINE)
    found = {name for name, text in python_files() if pattern.search(text)}
    assert {name for name in found if name.startswith("memq/")} == {"memq/node.py"}


def test_no_path_of_a_machine() -> None:
    assert not [
        f"{name}:{number}: {line.strip()}"
        for name, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATHS.search(line)
    ]


def test_nothing_large_but_samples() -> None:
    large = [p.relative_to(ROOT) for p in repository_files() if p.stat().st_size > MAX_FILE_BYTES]
    assert not [path for path in large if path.parts[0] != "samples"]


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_papers_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 0


def test_ci_runs_the_commands_of_the_readme() -> None:
    # .ci/run takes them out of README.md by the same mark; there must be two, in this order.
    readme = (ROOT / "README.md").read_text("utf-8").splitlines()
    query, tests = (line for line in readme if line.startswith("python3 -m venv"))
    assert "samples/" in query
    assert tests.endswith("-m pytest -n auto")


def test_the_typing_mark_is_shipped() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["packages"] == ["memq"]
    assert (ROOT / "memq" / "py.typed").exists()
