"""A machine that QEMU emulates, whose memory is a file of ours.

So nothing has to be dumped: once the machine is paused, its memory is copied from where it is, and
pages that it never touched are holes there and remain holes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MEMORY = "guest-memory"
_CONSOLE = "console"
_BLOCK = 1 << 16
_RANGE = re.compile(
    r"^\s*([0-9a-f]{16})-([0-9a-f]{16}) \([^)]*\): " + _MEMORY + r"(?: @([0-9a-f]+))?", re.MULTILINE
)


class Range(NamedTuple):
    """A piece of memory: its physical address, where it lies in the file, and its bytes."""

    address: int
    offset: int
    size: int


class Machine:
    """A guest that runs from the moment it is entered until it is left, whatever happens."""

    def __init__(self, folder: Path, kernel: Path, initramfs: Path, megabytes: int) -> None:
        self._folder, self._boot, self._megabytes = folder, (kernel, initramfs), megabytes

    def __enter__(self) -> Self:
        self._memory = os.memfd_create(_MEMORY)
        os.ftruncate(self._memory, self._megabytes << 20)
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=(self._memory,),
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._memory)

    @property
    def _errors(self) -> Path:
        return self._folder / "errors"

    def _command(self) -> list[str]:
        kernel, initramfs = self._boot
        memory = f"size={self._megabytes}M,mem-path=/proc/self/fd/{self._memory},share=on"
        return [
            # So that it ends with us even if we are killed.
            *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"),
            *("-machine", f"q35,memory-backend={_MEMORY}"),
            *("-object", f"memory-backend-file,id={_MEMORY},{memory}"),
            *("-m", f"{self._megabytes}M", "-smp", "2"),
            # Emulated everywhere, so alike everywhere; page tables of four levels, as is usual.
            *("-accel", "tcg,thread=multi", "-cpu", "max,la57=off"),
            *("-nodefaults", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel), "-initrd", str(initramfs)),
            *("-append", "console=ttyS0 quiet panic=-1 rdinit=/init"),
            *("-serial", f"file:{self._folder / _CONSOLE}", "-qmp", "stdio"),
        ]

    def said(self, mark: str, seconds: float) -> Iterator[str]:
        """Give what the guest says: lines of its console that begin with a mark, as they come.

        Each may take so many seconds.
        """
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            ended = self._process.poll() is not None
            whole = self._console().rpartition("\n")[0].splitlines()
            lines = [line.removeprefix(mark) for line in whole if line.startswith(mark)]
            for line in lines[count:]:
                yield line
                end = time.monotonic() + seconds
            count = len(lines)
            if ended:
                raise SystemExit(f"the guest has ended: {self._last_words()}")
            time.sleep(0.1)
        raise SystemExit(f"the guest is silent for {seconds:g} seconds: {self._last_words()}")

    def _console(self) -> str:
        console = self._folder / _CONSOLE
        return console.read_text(errors="replace") if console.exists() else ""

    def _last_words(self) -> str:
        text = self._console() + self._errors.read_text(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        told = [line for line in lines if re.search("panic|Error", line)]
        return " | ".join((told or lines)[-3:]) or "it said nothing"

    def save(self, path: Path) -> None:
        """Pause the guest and write its memory: physical addresses are offsets in the file."""
        self._ask("qmp_capabilities")
        self._ask("stop")
        tree = self._ask("human-monitor-command", **{"command-line": "info mtree -f"})
        with path.open("wb") as output:
            copy_ranges(self._memory, output, memory_ranges(tree))

    def _ask(self, command: str, **arguments: str) -> Any:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise ValueError("QEMU was started without pipes")
        requests.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        requests.flush()
        for line in answers:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise SystemExit(f"QEMU does not know {command}: {answer['error']['desc']}")
        raise SystemExit(f"QEMU has ended: {self._last_words()}")


def memory_ranges(tree: str) -> list[Range]:
    """Read where memory lies out of QEMU's "info mtree -f", as the processor sees it.

    There is a view for each bus; that of the processor is called "memory".
    """
    view = next(view for view in tree.split("FlatView #") if 'AS "memory"' in view)
    found = [(int(a, 16), int(b, 16), int(c or "0", 16)) for a, b, c in _RANGE.findall(view)]
    return [Range(first, offset, last + 1 - first) for first, last, offset in found]


def copy_ranges(memory: int, output: IO[bytes], ranges: Sequence[Range]) -> None:
    """Copy memory to where it lies physically; holes and zeros become holes."""
    output.truncate(max(piece.address + piece.size for piece in ranges))
    for piece in ranges:
        for offset, size in _data(memory, piece.offset, piece.offset + piece.size):
            block = os.pread(memory, size, offset)
            if block.strip(b"\0"):
                output.seek(piece.address + offset - piece.offset)
                output.write(block)


def _data(file: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give offset and size of the blocks within which a file has anything."""
    while start < end:
        try:
            begin = os.lseek(file, start, os.SEEK_DATA)
        except OSError:  # ENXIO: no more data
            return
        stop = min(os.lseek(file, begin, os.SEEK_HOLE), end)
        for offset in range(begin, stop, _BLOCK):
            yield offset, min(_BLOCK, stop - offset)
        start = max(stop, begin)
