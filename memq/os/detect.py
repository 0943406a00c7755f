"""Which system a dump holds, and its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memq.errors import SymbolError
from memq.os.hints import Hints
from memq.os.linux.kernel import Hunt as LinuxHunt
from memq.os.linux.system import LINUX
from memq.os.windows.kernel import Hunt as WindowsHunt
from memq.os.windows.locate import low_stub
from memq.os.windows.system import WINDOWS

if TYPE_CHECKING:
    from memq.layers.crash_header import CrashHeader
    from memq.layers.physical import PhysicalMemory
    from memq.progress import Progress
    from memq.schema.declare import System
    from memq.symbols.types import Types


class Found(NamedTuple):
    """A system's declarations, and the kernel that its objects are read by."""

    system: System
    kernel: Any
    warnings: list[str]


def detect(physical: PhysicalMemory, progress: Progress, hints: Hints | None = None) -> Found:
    """Find the kernel in physical memory; SymbolError in one line if there is none.

    First whatever costs next to nothing, for both systems; then searches through all memory.
    """
    hints = hints or Hints()
    if physical.crash is not None and physical.crash.triage is not None:
        return _triage(physical, physical.crash, progress, hints)
    windows = WindowsHunt(physical, progress, hints)
    is_windows = hints.is_of_windows or physical.crash is not None or low_stub(physical) is not None
    if is_windows:
        kernel = windows.quick()
        if kernel is not None:
            return Found(WINDOWS, kernel, kernel.warnings)
    linux = LinuxHunt(physical, progress, _types(hints, progress))
    found = linux.quick()
    if found is None and not is_windows:
        other = windows.quick()
        if other is not None:
            return Found(WINDOWS, other, other.warnings)
        found = linux.search()
    if found is not None:
        return Found(LINUX, found, found.warnings)
    last = windows.search()
    if last is not None:
        return Found(WINDOWS, last, last.warnings)
    raise SymbolError(_account(physical, linux, windows, is_windows=is_windows))


def _triage(
    physical: PhysicalMemory, crash: CrashHeader, progress: Progress, hints: Hints
) -> Found:
    """Return what a triage minidump speaks of, which has no kernel that could be found."""
    from memq.os.windows.triage import triage_kernel  # noqa: PLC0415 - seldom needed

    try:
        kernel = triage_kernel(physical, crash, hints, progress)
    except SymbolError as error:
        raise SymbolError(f"{physical.path}: {error}") from error
    return Found(WINDOWS, kernel, kernel.warnings)


def _types(hints: Hints, progress: Progress) -> Types | None:
    """Return the types of a file that was given."""
    if hints.profile is None:
        return None
    from memq.symbols.isf import open_isf  # noqa: PLC0415 - seldom needed

    return open_isf(hints.profile, progress)


def _account(
    physical: PhysicalMemory, linux: LinuxHunt, windows: WindowsHunt, *, is_windows: bool
) -> str:
    """Say why no kernel was found."""
    if is_windows:
        return f"{physical.path}: no Windows kernel found: {windows.account()}"
    text = f"{physical.path}: no Linux kernel found: {linux.account()}"
    return f"{text}; nor one of Windows: {windows.account()}"
