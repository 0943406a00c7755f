"""Measure how soon the interpreter asks: from the start of the process to its prompt on a terminal.

    python -m benchmarks.startup [DUMP ...]

Prints the median and the least of wall seconds to the prompt, and of processor seconds until it has
been left again. Needs pseudo-terminals (Linux, macOS).
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import ROOT
from benchmarks.works import SAMPLE

_PROMPT = b"memq> "
_END_OF_FILE = b"\x04"


def main() -> int:
    """Print a line for each dump."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("dumps", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    say = sys.stdout.write
    say(f"{'dump':40}{'prompt':>9}{'least':>9}{'processor':>11}{'least':>9}\n")
    for dump in options.dumps or [SAMPLE]:
        _started(dump)  # unpacked, compiled, read once
        runs = [_started(dump) for _ in range(options.runs)]
        walls, processors = zip(*runs, strict=True)
        say(
            f"{dump.name[-38:]:40}{statistics.median(walls):9.3f}{min(walls):9.3f}"
            f"{statistics.median(processors):11.3f}{min(processors):9.3f}\n"
        )
    return 0


def _started(dump: Path) -> tuple[float, float]:
    """Start the interpreter, and leave it at its first prompt; return wall and CPU seconds."""
    import pty  # noqa: PLC0415 - not there on Windows

    with tempfile.TemporaryDirectory() as state:
        # Compiled modules are kept, as an installation has them.
        environment = os.environ | {"TERM": "xterm-256color", "XDG_STATE_HOME": state}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "memq", str(dump.resolve())]
        started = time.perf_counter()
        process, terminal = pty.fork()
        if not process:
            os.chdir(ROOT)
            os.execve(command[0], command, environment)  # noqa: S606 - no shell
        _read_until(terminal, _PROMPT)
        wall = time.perf_counter() - started
        os.write(terminal, _END_OF_FILE)
        _read_until(terminal, None)
        usage = os.wait4(process, 0)[2]
    return wall, usage.ru_utime + usage.ru_stime


def _read_until(terminal: int, wanted: bytes | None) -> None:
    """Read what the program writes, up to a text or to its end."""
    seen = b""
    while wanted is None or wanted not in seen:
        if not select.select([terminal], [], [], 60)[0]:
            raise TimeoutError(f"no prompt: {seen!r}")
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # EIO: it has ended
            data = b""
        if not data:
            if wanted is not None:
                raise RuntimeError(seen.decode(errors="replace"))
            return
        seen += data


if __name__ == "__main__":
    sys.exit(main())
