"""Nothing that only POSIX has is needed to start: the program runs on Windows, too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lab import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ABSENT = {
    "termios",
    "fcntl",
    "tty",
    "pty",
    "pwd",
    "grp",
    "resource",
    "curses",
    "readline",
    "syslog",
}
"""Modules that Windows has not."""
LACKING = {
    "EX_OK", "WNOHANG", "chown", "ctermid", "fchmod", "fork", "forkpty", "getegid", "geteuid",
    "getgid", "getgroups", "getpgid", "getpgrp", "getpriority", "getuid", "initgroups", "killpg",
    "mkfifo", "nice", "openpty", "posix_fadvise", "pread", "preadv", "pwrite", "sched_getaffinity",
    "setgid", "setpgid", "setpgrp", "setpriority", "setsid", "setuid", "statvfs", "sysconf",
    "tcgetpgrp", "tcsetpgrp", "ttyname", "uname", "wait", "waitpid",
}  # fmt: skip
"""What Windows' os has not."""
FILES = sorted((ROOT / "memq").rglob("*.py"))


def needed(path: Path) -> Iterator[str]:
    """Yield what a file imports, and what of os it names."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module.partition(".")[0]
            yield from (f"{module}.{one.name}" for one in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def test_nothing_of_posix_alone_is_named() -> None:
    forbidden = ABSENT | {f"os.{name}" for name in LACKING}
    found = {(path.name, one) for path in FILES for one in forbidden & set(needed(path))}
    assert len(FILES) > 100
    assert not found


@pytest.mark.parametrize(
    "statement", ["import pty", "from os import fork", "x = os.pread(1, 2, 3)"]
)
def test_it_would_be_found(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "one.py"
    path.write_text(statement)
    assert set(needed(path)) & (ABSENT | {f"os.{name}" for name in LACKING})


@pytest.mark.skipif(os.name != "posix", reason="they are not there anyway")
def test_the_interpreter_is_imported_without_them() -> None:
    program = f"""
import sys
for name in {sorted(ABSENT)}:
    sys.modules[name] = None
import importlib, pkgutil
import memq.repl, memq.cli, memq.ui
found = [one.name for one in pkgutil.walk_packages(memq.ui.__path__, "memq.ui.")]
for name in found:
    importlib.import_module(name)
print(len(found))
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert int(result.stdout) > 20
