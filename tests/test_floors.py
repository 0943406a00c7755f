"""The house plan, enforced: a package imports from lower floors, third parties have their rooms.

The picture is in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from typing import TYPE_CHECKING, NamedTuple

from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FLOORS = (
    {"column", "errors", "garbage", "merge", "node", "progress", "run"},
    {"layers"},
    {"schema", "symbols"},
    {"os", "lang"},
    {"eval", "output"},
    {
        "cli",
        "hunt",
        "image",
        "options",
        "profile",
        "repl",
        "ui",
        "printing",
        "summary",
        "__init__",
        "__main__",
        "__version__",
    },
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OPEN_FLOORS = {0, len(FLOORS) - 1}
"""Floors of single modules, which may import each other; packages of one floor may not."""
NEIGHBOURS = {("eval", "output")}
"""Who may import from the same floor, and in which direction: queries give output's records."""

FENCES = {
    "lark": ("memq/lang/",),
    "orjson": ("memq/output/", "memq/symbols/isf.py"),
    "re2": ("memq/eval/regexes.py",),
    "zstandard": ("memq/layers/compress.py",),
    "platformdirs": ("memq/layers/compress.py", "memq/symbols/store.py", "memq/ui/log.py"),
    "prompt_toolkit": ("memq/ui/",),
    "mmap": ("memq/layers/",),
    "lzma": ("memq/layers/compress.py",),
    "gzip": ("memq/layers/compress.py",),
    "yaml": ("memq/hunt/",),
    "sqlite3": ("memq/hunt/",),
    "urllib": ("memq/symbols/server.py",),
    "elftools": ("memq/symbols/dwarf.py",),
}
"""Where a module may be imported, and nowhere else."""
MODULES = {"google-re2": "re2", "pyelftools": "elftools", "PyYAML": "yaml"}
"""Under which name a dependency is imported, where that is another one."""


class Import(NamedTuple):
    """One import statement: who, where, and the dotted name of what."""

    path: str
    line: int
    target: str

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of the importing module below memq/: ("layers", "lime")."""
        return tuple(self.path.removeprefix("memq/").removesuffix(".py").split("/"))


def imports_of(path: str, source: str) -> Iterator[Import]:
    """Find every import of a module, also those inside functions and for the type checker only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "memq":
            yield from (Import(path, node.lineno, f"memq.{a.name}") for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(path, node.lineno, "." * node.level + (node.module or ""))


def broken_floors(imports: Iterable[Import]) -> Iterator[str]:
    """Say which imports do not go down."""
    for found in imports:
        parts = found.target.split(".")
        if found.target.startswith("."):
            yield f"{found.path}:{found.line}: relative import"
        elif parts[0] == "memq":
            here, there = found.rooms, tuple(parts[1:]) or ("__init__",)
            if _is_upward(here[0], there[0]) or _is_other_system(here, there):
                yield f"{found.path}:{found.line}: {'.'.join(here[:-1]) or here[0]} -> {there[0]}"


def _is_upward(here: str, there: str) -> bool:
    if here not in FLOOR or there not in FLOOR:
        return True  # every room stands on a floor: add it to FLOORS
    if here == there or (here, there) in NEIGHBOURS:
        return False
    same_floor = FLOOR[here] == FLOOR[there] and FLOOR[here] not in OPEN_FLOORS
    return FLOOR[there] > FLOOR[here] or same_floor


def _is_other_system(here: tuple[str, ...], there: tuple[str, ...]) -> bool:
    """One system's code knows nothing of the other's."""
    systems = {"linux", "windows"}
    return bool(systems & set(here) and systems & set(there) - set(here))


def broken_fences(imports: Iterable[Import]) -> Iterator[str]:
    """Say which imports of third parties stand outside their rooms."""
    for found in imports:
        allowed = FENCES.get(found.target.split(".")[0])
        if allowed is not None and not found.path.startswith(allowed):
            rooms = ", ".join(allowed)
            yield f"{found.path}:{found.line}: {found.target} is imported only in {rooms}"


def package(root: Path = ROOT) -> list[Import]:
    """Every import of memq/."""
    files = sorted((root / "memq").rglob("*.py"))
    return [
        found
        for file in files
        for found in imports_of(file.relative_to(root).as_posix(), file.read_text("utf-8"))
    ]


def test_imports_go_down() -> None:
    assert not list(broken_floors(package()))


def test_third_parties_stay_in_their_rooms() -> None:
    assert not list(broken_fences(package()))


def test_dependencies_are_what_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["profile"]
    names = {re.split(r"[^\w-]", name)[0] for name in wanted}
    declared = {MODULES.get(name, name) for name in names}
    imported = {found.target.split(".")[0] for found in package()} - {"memq"}
    assert imported - set(sys.stdlib_module_names) == declared


def test_a_wrong_import_is_named() -> None:
    source = (
        "import memq.os\nfrom memq import eval\nif True:\n    from memq.symbols.btf import Btf\n"
        "from memq.errors import Reason\nfrom memq.layers.raw import open_\nfrom . import lime\n"
    )
    assert list(broken_floors(imports_of("memq/layers/space.py", source))) == [
        "memq/layers/space.py:1: layers -> os",
        "memq/layers/space.py:2: layers -> eval",
        "memq/layers/space.py:7: relative import",
        "memq/layers/space.py:4: layers -> symbols",
    ]


def test_one_system_does_not_import_the_other() -> None:
    found = [
        *imports_of("memq/os/linux/process.py", "from memq.os.windows import kernel"),
        *imports_of("memq/os/linux/process.py", "from memq.os.linux import kernel"),
        *imports_of("memq/os/detect.py", "from memq.os.linux import kernel"),
        *imports_of("memq/os/linux/process.py", "import memq.lang.ast"),
    ]
    assert list(broken_floors(found)) == [
        "memq/os/linux/process.py:1: os.linux -> os",
        "memq/os/linux/process.py:1: os.linux -> lang",
    ]


def test_a_library_outside_its_room_is_named() -> None:
    found = imports_of("memq/eval/run.py", "import lark.lexer\nimport numpy as np")
    (complaint,) = broken_fences(found)
    assert complaint == "memq/eval/run.py:1: lark.lexer is imported only in memq/lang/"
