"""Programs that are asked about Linux dumps."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

from benchmarks.core import core_of
from benchmarks.measuring import ROOT
from benchmarks.peers import Peer, json_lines, program_at, version_of, volatility3
from benchmarks.questions import DRGN, VOLATILITY3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.agreement import Row
    from benchmarks.questions import Question

_NO_FILE = re.compile(r"Anonymous Mapping|\[[^/]*\]")
"""What volatility3 shows where a mapping is of no file."""
_DELETED = re.compile(r" ?(.*) \(deleted\)", re.DOTALL)
_NUMBERED = re.compile(r"anon_inode:.*", re.DOTALL)


class Volatility3(Peer):
    """volatility3's command line, with a symbol table; its cache is kept in a folder."""

    kind = VOLATILITY3

    def __init__(self, python: str, dump: Path, table: Path, folder: Path) -> None:
        self.name = self.kind + version_of(VOLATILITY3, python)
        symbols, cache = folder / "symbols", folder / "cache"
        for place in (cache, symbols / "linux"):
            place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(table, symbols / "linux" / table.name)
        self._command = [python, str(ROOT / "benchmarks" / "volatility_rows.py")]
        self._command += ["--quiet", "--offline", "--renderer", "jsonl"]
        self._command += ["--cache-path", str(cache), "--symbol-dirs", str(symbols)]
        self._command += ["--file", str(dump)]

    def command(self, question: Question) -> list[str]:
        """Return the plugin's run."""
        return [*self._command, question.plugin]

    def rows(self, question: Question, output: Path) -> Iterator[Row]:
        """Read the rows; of threads that are not their process's first, lsof repeats the files."""
        for row in json_lines(output):
            if row.get("TID", row["PID"]) == row["PID"]:
                yield self.reduced(question, _COLUMNS[question.name](row))

    def reduced(self, question: Question, row: Row) -> Row:
        """Leave out of names what only one of the two has in them.

        ` (deleted)`, often with a blank before the path, is part of the path in volatility3; in
        memq it is a field of its own. Of a file that is an anonymous inode volatility3 shows the
        inode's number, one for all of them, where memq and /proc show what it is.
        """
        *first, name = row
        if question.name == "process" or name is None:
            return row
        deleted = _DELETED.fullmatch(name)
        name = deleted[1] if deleted else name
        return *first, _NUMBERED.sub("anon_inode:", name)


def _process(row: dict[str, Any]) -> Row:
    return row["PID"], row["COMM"]


def _vad(row: dict[str, Any]) -> Row:
    path = row["File Path"]
    name = None if path is None or _NO_FILE.fullmatch(path) else path
    return row["PID"], row["Start"], row["End"], row["Flags"], name


def _handle(row: dict[str, Any]) -> Row:
    return row["PID"], row["FD"], row["Path"]


_COLUMNS = {"process": _process, "vad": _vad, "handle": _handle}
"""How the rows of the plugin that answers a question are read."""


class Drgn(Peer):
    """drgn with the kernel's debug data and a script that yields the rows."""

    kind = name = DRGN

    def __init__(self, program: str, dump: Path, vmlinux: Path, folder: Path) -> None:
        core = core_of(dump, folder)
        self._command = [program, "-q", "-c", str(core), "-s", str(vmlinux)]
        self._command.append(str(ROOT / "benchmarks" / "drgn_rows.py"))

    def command(self, question: Question) -> list[str]:
        """Return the script's run."""
        return [*self._command, question.name]

    def rows(self, _question: Question, output: Path) -> Iterator[Row]:
        """Read the rows."""
        return map(tuple, json_lines(output))


def linux_peers(
    dump: Path, table: Path | None, vmlinux: Path | None, folder: Path, cores: Path
) -> tuple[list[Peer], list[str]]:
    """Return the programs that can be asked here, and what to say of those that cannot."""
    peers: list[Peer] = []
    absent = []
    python, program = volatility3(), program_at(DRGN, "MEMQ_DRGN")
    if python and table:
        peers.append(Volatility3(python, dump, table, folder))
    else:
        absent.append("volatility3: $MEMQ_VOLATILITY3 names a Python that has it, --isf its table")
    if program and vmlinux:
        peers.append(Drgn(program, dump, vmlinux, cores))
    else:
        absent.append("drgn: $MEMQ_DRGN names the program, --vmlinux the kernel with debug data")
    return peers, absent
