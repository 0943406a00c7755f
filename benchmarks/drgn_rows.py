"""Writes rows by drgn, as JSON lines: `drgn -q -c CORE -s VMLINUX drgn_rows.py process|vad|handle`.

Run as a program by benchmarks.linux_peers, never imported. It is what a user of drgn would write:
its helpers, a row at a time.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_RIGHTS = ((1, "r"), (2, "w"), (4, "x"))
"""VM_READ, VM_WRITE and VM_EXEC, from include/linux/mm.h; macros, which no debug data has."""

_IN_MEMORY = b"[tmpfs]"
"""What d_path has for memfd_create(2) and System V segments."""
_NUMBERED = {"sockfs": "socket", "pipefs": "pipe"}
"""What files of these types are called, before the number of their inode."""


class Rows:
    """The rows of the kernel that drgn was started for."""

    def __init__(self) -> None:
        self._program = importlib.import_module("drgn").get_default_prog()
        self._linux = importlib.import_module("drgn.helpers.linux")

    def process(self) -> Iterator[tuple[Any, ...]]:
        """Yield process id and name."""
        for task in self._processes():
            yield task.pid.value_(), _text(task.comm)

    def vad(self) -> Iterator[tuple[Any, ...]]:
        """Yield process id, start, end, protection and file name of each mapping."""
        for task in self._processes():
            if not task.mm:
                continue
            pid = task.pid.value_()
            for vma in self._linux.for_each_vma(task.mm):
                flags, file = vma.vm_flags.value_(), vma.vm_file
                rights = "".join(letter if flags & bit else "-" for bit, letter in _RIGHTS)
                path = self._path(file) if file else None
                yield pid, vma.vm_start.value_(), vma.vm_end.value_(), rights, path

    def handle(self) -> Iterator[tuple[Any, ...]]:
        """Yield process id, number and name of each descriptor."""
        for task in self._processes():
            if not task.files:
                continue
            pid = task.pid.value_()
            for number, file in self._linux.for_each_file(task):
                if file:  # one that is reserved has none yet
                    yield pid, number, self._name(file)

    def _processes(self) -> Iterator[Any]:
        for task in self._linux.for_each_task(self._program):
            if task.pid.value_() == task.tgid.value_():
                yield task

    def _path(self, file: Any) -> str:
        """Return the path; what memory without a file is called, d_path says of no such file."""
        path: bytes = self._linux.d_path(file.f_path)
        if path == _IN_MEMORY:
            path = b"/" + file.f_path.dentry.d_name.name.string_()
        return path.decode("utf-8", "replace")

    def _name(self, file: Any) -> str:
        """Return what /proc/PID/fd shows; d_path shows of files without a path the type alone."""
        dentry = file.f_path.dentry
        kind = _text(dentry.d_sb.s_type.name)
        if kind in _NUMBERED:
            return f"{_NUMBERED[kind]}:[{file.f_inode.i_ino.value_()}]"
        if kind == "anon_inodefs":
            return f"anon_inode:{_text(dentry.d_name.name)}"
        return self._path(file)


def _text(characters: Any) -> str:
    text: bytes = characters.string_()
    return text.decode("utf-8", "replace")


def main() -> int:
    """Write the rows that are asked for."""
    for row in getattr(Rows(), sys.argv[1])():
        sys.stdout.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
