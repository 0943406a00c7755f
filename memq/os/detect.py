"""Which system a dump holds, and its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from memq.errors import SymbolError
from memq.os.hints import Hints
from memq.os.linux.kernel import Hunt as LinuxHunt
from memq.os.windows.stub import low_stub

if TYPE_CHECKING:
    from memq.layers.crash_header import CrashHeader
    from memq.layers.physical import PhysicalMemory
    from memq.os.linux.kernel import LinuxKernel
    from memq.os.windows.kernel import Hunt as WindowsHunt
    from memq.os.windows.kernel import WindowsKernel
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
    is_windows = hints.is_of_windows or physical.crash is not None or low_stub(physical) is not None
    linux = LinuxHunt(physical, progress, _types(hints, progress))
    found = None if is_windows else linux.quick()
    if found is not None:
        return _linux(found, hints)
    from memq.os.windows.kernel import Hunt as WindowsHunt  # noqa: PLC0415 - as below

    windows = WindowsHunt(physical, progress, hints)
    kernel = windows.quick()
    if kernel is None:
        found = linux.quick() if is_windows else linux.search()
    if found is not None:
        return _linux(found, hints)
    kernel = kernel or windows.search()
    if kernel is not None:
        return _windows(kernel)
    raise SymbolError(_account(physical, linux, windows, is_windows=is_windows))


# The declarations of one system are not imported for dumps of the other.


def _linux(kernel: LinuxKernel, hints: Hints) -> Found:
    from memq.os.linux.system import LINUX  # noqa: PLC0415 - as above

    return Found(LINUX, kernel, [*kernel.warnings, *_unused(hints, "the dump is of Linux")])


def _windows(kernel: WindowsKernel) -> Found:
    from memq.os.windows.system import WINDOWS  # noqa: PLC0415 - as above

    return Found(WINDOWS, kernel, kernel.warnings)


def _triage(
    physical: PhysicalMemory, crash: CrashHeader, progress: Progress, hints: Hints
) -> Found:
    """Return what a triage minidump speaks of, which has no kernel that could be found."""
    from memq.os.windows.triage import triage_kernel  # noqa: PLC0415 - seldom needed

    try:
        kernel = triage_kernel(physical, crash, hints, progress)
    except SymbolError as error:
        raise SymbolError(f"{physical.path}: {error}") from error
    found = _windows(kernel)
    why = "a triage minidump has no page tables"
    return found._replace(warnings=[*found.warnings, *_unused(hints, why)])


def _unused(hints: Hints, why: str) -> list[str]:
    """Say that something was given which is for whole dumps of Windows."""
    given = {
        "the page tables": hints.directory_table_base is not None,
        "the kernel's base": hints.kernel_base is not None,
        "page files": bool(hints.page_files),
    }
    names = [name for name, is_given in given.items() if is_given]
    return [f"{' and '.join(names)} that were given are not used: {why}"] if names else []


def _types(hints: Hints, progress: Progress) -> Types | None:
    """Return the types of a file that was given."""
    if hints.profile is None or hints.profile.is_dir():
        return None
    from memq.symbols.table_files import open_table  # noqa: PLC0415 - seldom needed

    return open_table(hints.profile, progress).types


def _account(
    physical: PhysicalMemory, linux: LinuxHunt, windows: WindowsHunt, *, is_windows: bool
) -> str:
    """Say why no kernel was found."""
    if is_windows:
        return f"{physical.path}: no Windows kernel found: {windows.account()}"
    text = f"{physical.path}: no Linux kernel found: {linux.account()}"
    return f"{text}; nor one of Windows: {windows.account()}"
