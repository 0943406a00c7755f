"""Where the interpreter keeps what outlives a session: history, and what went wrong inside."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from platformdirs import user_state_path

from memq import __version__

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 20
"""Bytes of the log, after which it begins anew; the one before is kept."""


def state_folder() -> Path:
    """Return the user's folder for it, which need not be there."""
    return user_state_path("memq", appauthor=False)


def prepared(name: str) -> Path:
    """Return the path of a file there that others cannot read; OSError if it cannot be."""
    folder = state_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.touch(mode=0o600, exist_ok=True)
    return path


def log_failure(entry: str, error: BaseException) -> str:
    """Write an internal error to the log; return where that is, or why it is nowhere."""
    try:
        path = prepared("memq.log")
        if path.stat().st_size > _LARGEST:
            path.replace(path.with_suffix(".log.1"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"--- {datetime.now(UTC).isoformat()} memq {__version__}\n{entry}\n")
            file.write("".join(traceback.format_exception(error)) + "\n")
    except OSError as problem:
        return f"the log could not be written: {problem.strerror or problem}"
    return str(path)
