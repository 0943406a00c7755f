"""An initramfs with one program in it: a module of ours, and of this Python what that imports.

Nothing is compiled or installed for it: interpreter, modules and libraries are those that run here.
They are put where a package has them, wherever they are here, so that guests are alike.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PYTHON = f"/usr/bin/python3.{sys.version_info.minor}"
"""The interpreter in the guest."""
ALONE = "-ISB"
"""Options of Python: nothing but its own library, no compiled files written."""
_LIST = """
import os, sys
sys.path.append(sys.argv[1])
__import__(sys.argv[2])
files = {m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)}
for name in sys.modules:  # one may stand in for another, which is looked for all the same
    for folder in sys.path:
        place = os.path.join(folder, *name.split("."))
        files |= {path for path in (place + ".py", place + "/__init__.py") if os.path.isfile(path)}
print(*sorted(files), sep="\\n")
"""
"""Prints the files of all modules that the guest's program imports."""
_INIT = """\
#!{python} {alone}
import sys
sys.path.append("{place}")
from {module} import main
main()
"""
_PLACE = "/usr/lib/guest"
"""Where modules of ours are in the guest."""
_LIBRARY = re.compile(r"(/\S+) \(0x")


class Entry(NamedTuple):
    """A file or folder of the archive."""

    mode: int
    data: bytes = b""


_FOLDER = Entry(stat.S_IFDIR | 0o755)


def file_entry(data: bytes, mode: int = 0o755) -> Entry:
    """Return an ordinary file."""
    return Entry(stat.S_IFREG | mode, data)


def initramfs(module: str, more: Mapping[str, Entry]) -> bytes:
    """Return the archive that a kernel boots from; its init calls `main` of a module of ours."""
    init = _INIT.format(python=PYTHON, alone=ALONE, place=_PLACE, module=module)
    entries = {**python_entries(module), "/init": file_entry(init.encode()), **more}
    return b"".join(archive(entries))


def python_entries(module: str) -> dict[str, Entry]:
    """Return the interpreter, and all that it needs for a module."""
    python = Path(sys.executable).resolve()
    modules = _modules(python, module)
    entries = {_place(path): file_entry(path.read_bytes()) for path in modules}
    shared = (path for path in modules if path.suffix == ".so")
    return {**entries, **program_entries({PYTHON: python}, shared)}


def program_entries(programs: Mapping[str, Path], more: Iterable[Path] = ()) -> dict[str, Entry]:
    """Return programs of this machine, by where they shall be, and their shared libraries."""
    entries = {place: file_entry(path.read_bytes()) for place, path in programs.items()}
    for name in _libraries([*programs.values(), *more]):
        entries[_place(Path(name))] = file_entry(Path(name).read_bytes())
    return entries


def _place(path: Path) -> str:
    """Say where in the guest a file belongs."""
    for ours, there in ((ROOT, _PLACE), (Path(sys.base_prefix).resolve(), "/usr")):
        for form in (path, path.resolve()):
            if form.is_relative_to(ours) and ours != Path("/usr"):
                return f"{there}/{form.relative_to(ours).as_posix()}"
    return str(path)


def _modules(python: Path, module: str) -> list[Path]:
    command = [str(python), ALONE, "-c", _LIST, str(ROOT), module]
    listed = subprocess.check_output(command, env={}, text=True)  # noqa: S603 - this Python
    return [Path(os.path.normpath(line)) for line in listed.split("\n")[:-1]]


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
