"""The kernel of a triage minidump, in which neither its image nor page tables are.

Its list of drivers says where it lay, and the header where three of its symbols were: together they
fit the table of one kernel, or of none. What the dump has is read at its virtual address; of lists
it has single elements, so that each is cut short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.layers.paging import ARM64, X86, X86_64
from memq.layers.space import AddressSpace, DirectWindow
from memq.os.windows.kernel import WindowsKernel
from memq.os.windows.pe import KERNEL_NAMES, PeImage
from memq.os.windows.proof import PROCESS_OBJECT, THREAD_OBJECT
from memq.os.windows.tables import Choice, NoTypes
from memq.symbols.store import ProfileStore
from memq.symbols.table_files import open_table
from memq.symbols.tables import ImageSymbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from memq.layers.crash_header import CrashHeader
    from memq.layers.physical import PhysicalMemory
    from memq.layers.triage_lists import TriageDriver
    from memq.os.hints import Hints
    from memq.progress import Progress

_MACHINES = {0x14C: X86, 0x8664: X86_64, 0xAA64: ARM64}
_USER_END = 1 << 47
_ADVICE = "give the file of its table with --profile"


def triage_kernel(
    physical: PhysicalMemory, crash: CrashHeader, hints: Hints, progress: Progress
) -> WindowsKernel:
    """Return the kernel that a triage minidump speaks of; SymbolError where it names none."""
    driver = _kernel_driver(crash)
    mode = _MACHINES.get(crash.machine or 0)
    if mode is None:
        raise SymbolError(f"its machine is {crash.machine}, which memq does not know")
    windows = [DirectWindow(0, 1 << 32, 0)]
    if mode.word_size == 8:
        start = crash.triage.window_start if crash.triage is not None else 0
        windows = [DirectWindow(start, 1 << 64, 0), DirectWindow(0, _USER_END, _USER_END)]
    root = crash.directory_table_base or 0
    space = AddressSpace(physical, mode, root, windows)
    image = PeImage(
        driver.base, driver.size, crash.machine or 0, driver.time_stamp, mode.word_size == 8, (), ()
    )
    refused: list[str] = []
    for choice in _choices(crash, driver, hints, progress, mode.word_size):
        kernel = WindowsKernel(
            physical=physical,
            space=space,
            image=image,
            physical_base=None,
            exports={},
            identity=None,
            build=crash.minor_version,
            choice=choice,
            symbols=ImageSymbols(driver.base, choice.rvas, driver.base + driver.size),
            warnings=[*choice.warnings, *refused[:1]],
        )
        why = _refusal(kernel, crash)
        if why is None:
            return kernel
        refused.append(f"{choice.source} is not used: {why}")
    raise SymbolError("; ".join(refused))


def _kernel_driver(crash: CrashHeader) -> TriageDriver:
    """Return the entry of the kernel in the list of drivers: by its name, as a rule the first."""
    for driver in crash.triage.drivers if crash.triage is not None else ():
        if (driver.name or "").lower().rpartition("\\")[2] in KERNEL_NAMES:
            return driver
    raise SymbolError("its list of drivers does not name the kernel")


def _choices(
    crash: CrashHeader, driver: TriageDriver, hints: Hints, progress: Progress, word_size: int
) -> Iterator[Choice]:
    """Yield tables that may be this kernel's: the one that is given, or that fits, or near ones."""
    places = {
        "PsLoadedModuleList": crash.ps_loaded_module_list,
        "PsActiveProcessHead": crash.ps_active_process_head,
        "KdDebuggerDataBlock": crash.kd_debugger_data_block,
    }
    rvas = {name: place - driver.base for name, place in places.items() if place}
    # A folder is searched by the identity of a PDB, which such a dump does not tell.
    if hints.profile is not None and not hints.profile.is_dir():
        yield _given(hints.profile, rvas, progress)
        return
    store = ProfileStore()
    fitting = store.fitting(rvas) if len(rvas) == len(places) else []
    if len(fitting) == 1 and (found := store.table(fitting[0])) is not None:
        yield Choice(found.types, found.rvas, found.source, is_exact=True)
    several = f"{len(fitting)} profiles fit it" if len(fitting) > 1 else "no profile fits it"
    # Of arm64 no types are known: those of x86-64 have other registers and other places.
    is_x86 = crash.machine in {0x14C, 0x8664}
    near = store.nearest(crash.minor_version or 0, rvas, word_size) if is_x86 else None
    if near is not None:
        warning = f"{several}: types are those of a near build; {_ADVICE}"
        for number, candidate in enumerate(near.candidates):
            source = f"memq's profile of build {candidate.entry.build}, which is not this one's"
            yield Choice(near.types(number), rvas, source, is_exact=False, warnings=(warning,))
    warning = f"{several}: what needs types of structures is unknown; {_ADVICE}"
    yield Choice(NoTypes(), rvas, "the dump's header", is_exact=False, warnings=(warning,))


def _given(path: Path, rvas: Mapping[str, int], progress: Progress) -> Choice:
    """Return the table of a file that was given: its symbols only if the header's lie there."""
    table = open_table(path, progress)
    wrong = [name for name, rva in rvas.items() if table.rvas.get(name, rva) != rva]
    if not wrong:
        return Choice(table.types, table.rvas, str(path), True, table.has_all_symbols)
    warning = f"{path}: has {wrong[0]} where the dump's header has it not: only types are used"
    return Choice(table.types, rvas, str(path), is_exact=False, warnings=(warning,))


def _refusal(kernel: WindowsKernel, crash: CrashHeader) -> str | None:
    """Say what does not hold of the process and thread that the dump has; None if all does."""
    if isinstance(kernel.types, NoTypes) or crash.triage is None:
        return None
    parts = crash.triage
    process = parts.process.address if parts.process is not None else None
    thread = parts.thread.address if parts.thread is not None else None
    for address, kind in ((process, PROCESS_OBJECT), (thread, THREAD_OBJECT)):
        first = None if address is None else kernel.space.read(address, 1)
        if first is not None and first[0] & 0x7F != kind:
            return f"type {first[0]} stands where {kind} is expected"
    threads = kernel.types.required("_KTHREAD")
    owner = threads.find("Process") or threads.member("ApcState.Process")  # XP
    led = None if thread is None else kernel.space.word(thread + owner.offset)
    if led is not None and process is not None and led != process:
        return "its thread does not lead back to its process"
    number = kernel.types.required("_EPROCESS").offset("UniqueProcessId")
    pid = None if process is None else kernel.space.word(process + number)
    if pid is not None and (pid % 4 or pid > 1 << 24):
        return f"its process has the number {pid}"
    return None
