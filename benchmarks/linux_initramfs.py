"""An initramfs with one program in it: linux_guest.py, and of this Python just what it imports.

Nothing is compiled or installed for it: interpreter, modules and libraries are those that run here.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import linux_guest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_GUEST = Path(linux_guest.__file__)
_LIST = """
import sys
sys.path.append(sys.argv[1])
import linux_guest
print(*(m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)), sep="\\n")
"""
"""Prints the files of all modules that the guest's program imports."""
_ALONE = "-ISB"
"""Options of Python: nothing but its own library, no compiled files written."""
_LIBRARY = re.compile(r"(/\S+) \(0x")


class Entry(NamedTuple):
    """A file or folder of the archive."""

    mode: int
    data: bytes = b""


_FOLDER = Entry(stat.S_IFDIR | 0o755)


def initramfs(size: linux_guest.Size) -> bytes:
    """Return the archive that a kernel boots from, its init at /init."""
    python = Path(sys.executable).resolve()
    modules = _modules(python)
    parts = [python, *(path for path in modules if path.suffix == ".so")]
    entries = {str(path): _program(path.read_bytes()) for path in (*modules, python)}
    for path in _libraries(parts):
        entries[path] = _program(Path(path).read_bytes())
    entries["/init"] = _program(f"#!{python} {_ALONE}\n".encode() + _GUEST.read_bytes())
    entries[linux_guest.SCENARIO] = _program(json.dumps(size._asdict()).encode())
    return b"".join(archive(entries))


def _program(data: bytes) -> Entry:
    return Entry(stat.S_IFREG | 0o755, data)


def _modules(python: Path) -> list[Path]:
    command = [str(python), _ALONE, "-c", _LIST, str(_GUEST.parent)]
    listed = subprocess.check_output(command, env={}, text=True)  # noqa: S603 - this Python
    return [path for path in map(Path, listed.split("\n")[:-1]) if path.name != _GUEST.name]


def _libraries(programs: Iterable[Path]) -> Iterator[str]:
    """Give the shared libraries of programs, and what loads them, where they are looked for."""
    for program in programs:
        command = ["ldd", str(program)]
        # It fails for a program that has none.
        done = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603
        yield from libraries_of(done.stdout)


def libraries_of(listed: str) -> Iterator[str]:
    """Read what ldd prints: "name => path (address)" or just a path; the kernel's own has none."""
    # Those found relative to a program are listed with "..".
    return map(os.path.normpath, _LIBRARY.findall(listed))


def archive(entries: Mapping[str, Entry]) -> Iterator[bytes]:
    """Write the form "newc" of cpio (Documentation/driver-api/early-userspace/buffer-format.rst).

    Folders are made for the files in them.
    """
    folders = {folder for name in entries for folder in PurePosixPath(name).parents}
    named = {str(folder): _FOLDER for folder in folders if folder != PurePosixPath("/")}
    both = {**named, **entries}
    for number, name in enumerate(sorted(both), 1):  # a folder before what is in it
        yield _record(number, name.lstrip("/"), both[name])
    yield _record(0, "TRAILER!!!", Entry(0))


def _record(number: int, name: str, entry: Entry) -> bytes:
    path = name.encode() + b"\0"
    # inode, mode, owner, group, links, time, size, four of devices, length of the name, no checksum
    numbers = (number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08x" % value for value in numbers) + path
    return _padded(head) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
