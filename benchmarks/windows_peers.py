"""Programs that are asked about Windows dumps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.measuring import ROOT
from benchmarks.peers import NoAnswerError, Peer, json_lines, python_with, version_of, volatility3
from benchmarks.questions import MEMPROCFS, VOLATILITY3
from memq.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.agreement import Row
    from benchmarks.questions import Question

_COLUMNS = {
    "process": ("PID", "ImageFileName"),
    "vad": ("PID", "Start VPN", "End VPN", "Protection", "File"),
    "handle": ("PID", "HandleValue", "Type"),
}
"""Of volatility3's plugins."""
_LETTERS = {
    "PAGE_NOACCESS": "----",
    "PAGE_READONLY": "r---",
    "PAGE_EXECUTE": "--x-",
    "PAGE_EXECUTE_READ": "r-x-",
    "PAGE_READWRITE": "rw--",
    "PAGE_WRITECOPY": "-w-c",
    "PAGE_EXECUTE_READWRITE": "rwx-",
    "PAGE_EXECUTE_WRITECOPY": "-wxc",
}
"""What MemProcFS has for a protection, behind two letters that say other things."""
_NAME_SIZE = 14
"""Letters of a process's name that MemProcFS shows: EPROCESS.ImageFileName, less its last byte."""


def _after(row: Row) -> Row:
    """Return a range with the address after its end, as memq has it, for that of its last byte."""
    pid, start, last, *others = row
    return pid, start, last + 1, *others


class Volatility3(Peer):
    """Plugins of volatility3, which is told where the kernel is."""

    kind = VOLATILITY3

    def __init__(self, python: str, dump: Path, tables: Path) -> None:
        self.name = self.kind + version_of(VOLATILITY3, python)
        program = str(ROOT / "tests" / "peers" / "windows_plugins.py")
        self._command = [python, program, str(dump), *kernel_of(dump, tables)]

    def command(self, question: Question) -> list[str]:
        """Return the plugin's run."""
        return [*self._command, question.plugin]

    def rows(self, question: Question, output: Path) -> Iterator[Row]:
        """Read the rows; a plugin that ended with an error has it for its only row."""
        (rows,) = json.loads(output.read_text("utf-8")).values()
        for row in rows:
            if "error" in row:
                raise NoAnswerError(row["error"])
            found = tuple(row[column] for column in _COLUMNS[question.name])
            yield _after(found) if question.name == "vad" else found


def kernel_of(dump: Path, tables: Path) -> list[str]:
    """Return what volatility3 is told: table, page tables, address and kind of the kernel.

    NoAnswerError where there is no table of it, or it is none that memq tells that of.
    """
    with Image(dump) as image:
        kernel = image.kernel
        identity = kernel.identity[1] if kernel.identity else "unknown"
        found = sorted(tables.glob(f"*{identity}*")) if kernel.space.word_size == 8 else []
        if not found:
            raise NoAnswerError(f"--tables has none of this kernel ({identity})")
        return [str(found[0].resolve()), hex(kernel.root), hex(kernel.image.base), "x64"]


class MemProcFS(Peer):
    """MemProcFS as a library, which finds the kernel itself."""

    kind = MEMPROCFS

    def __init__(self, python: str, dump: Path) -> None:
        self.name = self.kind + version_of("memprocfs", python)
        self._command = [python, str(ROOT / "benchmarks" / "memprocfs_rows.py"), str(dump)]

    def command(self, question: Question) -> list[str]:
        """Return the script's run."""
        return [*self._command, question.name]

    def rows(self, question: Question, output: Path) -> Iterator[Row]:
        """Read the rows; of a protection those letters that say it."""
        for row in map(tuple, json_lines(output)):
            if question.name == "vad":
                pid, start, end, letters = _after(row)
                yield pid, start, end, letters[2:]
            else:
                yield row

    def reduced(self, question: Question, row: Row) -> Row:
        """Leave out of memq's rows what MemProcFS does not say.

        It shortens names, and says protections in letters, which do not tell all apart; which file
        a range is of it tells only when it is asked to read the modules, too.
        """
        if question.name == "process":
            return row[0], row[1][:_NAME_SIZE]
        if question.name == "vad":
            return *row[:3], _LETTERS.get(row[3].split(" ")[0], row[3])
        return row


def windows_peers(dump: Path, tables: Path | None) -> tuple[list[Peer], list[str]]:
    """Return the programs that can be asked here, and what to say of those that cannot."""
    peers: list[Peer] = []
    absent = []
    python = python_with("memprocfs", "MEMQ_MEMPROCFS")
    if python:
        peers.append(MemProcFS(python, dump))
    else:
        absent.append("MemProcFS: $MEMQ_MEMPROCFS names a Python that has it")
    python = volatility3()
    if python and tables:
        try:
            peers.append(Volatility3(python, dump, tables))
        except NoAnswerError as error:
            absent.append(f"volatility3: {error}")
    else:
        absent.append("volatility3: $MEMQ_VOLATILITY3 names a Python that has it, --tables tables")
    return peers, absent
