"""Proof that what was found is the kernel that ran, and that these types are its types.

The first process speaks for both. A table that is shifted as a whole passes comparisons of one
structure's members with each other; the type bytes of dispatcher headers, and pointers that lead
back, it does not pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import SymbolError

if TYPE_CHECKING:
    from memq.os.windows.kernel import WindowsKernel
    from memq.symbols.types import StructType

PROCESS_OBJECT, THREAD_OBJECT = 3, 6
"""Types of dispatcher objects (KOBJECTS in ntosp.h), the same since NT 3."""
HIVE_SIGNATURE = 0xBEE0_BEE0


def prove(kernel: WindowsKernel) -> None:
    """Raise SymbolError that says what does not hold; what is only odd goes to its warnings."""
    process = kernel.system_process
    if process is None:
        raise SymbolError("PsInitialSystemProcess leads to no process in this dump")
    layout = kernel.types.required("_EPROCESS")
    _prove_process(kernel, process, layout)
    _prove_thread(kernel, process, layout)
    _prove_modules(kernel)
    _prove_hives(kernel)


def _prove_process(kernel: WindowsKernel, process: int, layout: StructType) -> None:
    """The first process is System, number 4, and its page tables map the kernel."""
    space = kernel.space
    kind = space.read(process, 1)
    if kind is None:
        raise SymbolError("the first process is not in the dump")
    if kind[0] & 0x7F != PROCESS_OBJECT:
        raise SymbolError(f"the first process has type {kind[0]} and not {PROCESS_OBJECT}")
    number = space.word(process + layout.offset("UniqueProcessId"))
    if number != 4:
        raise SymbolError(f"the first process has number {number} and not 4")
    name = space.read(process + layout.offset("ImageFileName"), 7)
    if name is not None and name.rstrip(b"\0") not in {b"System", b"Idle"}:
        told = name.partition(b"\0")[0].decode("ascii", "backslashreplace")
        raise SymbolError(f"the first process is named {told!r} and not 'System'")


def _prove_thread(kernel: WindowsKernel, process: int, layout: StructType) -> None:
    """Both lists of the first process's threads begin with the same thread, which leads back."""
    space, threads = kernel.space, kernel.types.required("_KTHREAD")
    inner = space.word(process + layout.offset("Pcb.ThreadListHead"))
    outer = space.word(process + layout.offset("ThreadListHead"))
    if inner is None or outer is None:
        return
    if inner == process + layout.offset("Pcb.ThreadListHead"):
        kernel.warnings.append("the first process has no threads")
        return
    thread = inner - threads.offset("ThreadListEntry")
    other = outer - kernel.types.required("_ETHREAD").offset("ThreadListEntry")
    if thread != other:
        raise SymbolError("the first process's two lists of threads do not begin with the same one")
    own = threads.find("Process") or threads.member("ApcState.Process")  # XP
    kind, owner = space.read(thread, 1), space.word(thread + own.offset)
    if kind is None or owner is None:
        kernel.warnings.append("the first thread is not in the dump")
    elif kind[0] & 0x7F != THREAD_OBJECT:
        raise SymbolError(f"the first thread has type {kind[0]} and not {THREAD_OBJECT}")
    elif owner != process:
        raise SymbolError("the first thread does not lead back to its process")


def _prove_modules(kernel: WindowsKernel) -> None:
    """The list of loaded modules begins with the kernel itself."""
    head = kernel.optional("PsLoadedModuleList")
    first = None if head is None else kernel.space.word(head)
    if head is None or first is None:
        kernel.warnings.append("the list of loaded modules is not in the dump")
        return
    # Since 15063 it has a type of its own; the public tables of both begin the same way.
    layout = kernel.types.struct("_KLDR_DATA_TABLE_ENTRY") or kernel.types.required(
        "_LDR_DATA_TABLE_ENTRY"
    )
    base = kernel.space.word(first + layout.offset("DllBase"))
    if base is not None and base != kernel.image.base:
        raise SymbolError(f"its list of modules begins with one at {base:#x}, not with the kernel")


def _prove_hives(kernel: WindowsKernel) -> None:
    """The first hive has its signature where the types say."""
    head, layout = kernel.optional("CmpHiveListHead"), kernel.types.struct("_CMHIVE")
    first = None if head is None else kernel.space.word(head)
    if layout is None or first is None or first == head:
        return
    hive = first - layout.offset("HiveList")
    signature = kernel.space.u32(hive + layout.offset("Hive.Signature"))
    if signature is not None and signature != HIVE_SIGNATURE:
        raise SymbolError(f"the first hive has the signature {signature:#x}")
