"""Proof that what was found is the kernel that ran: what it says in one place it says in others.

A wrong place, stale memory of an earlier boot, wrong types or a planted copy do not pass all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import SymbolError
from memq.os.linux.vmcoreinfo import Vmcoreinfo

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel

_MAX_RELEASE = 65
"""__NEW_UTS_LEN + 1."""
_SAME_IN_VMCOREINFO = ("_stext", "swapper_pg_dir", "init_top_pgt", "init_uts_ns")


def prove(kernel: LinuxKernel) -> None:
    """Raise SymbolError that says what does not hold; what is only odd goes to its warnings."""
    _prove_first_task(kernel)
    _check_vmcoreinfo(kernel)
    _prove_release(kernel)


def _prove_first_task(kernel: LinuxKernel) -> None:
    """The idle task of the first processor has its name, and the task list comes back to it.

    init_idle names it after its processor, but on kernels for one processor only.
    """
    task = kernel.types.required("task_struct")
    comm, first = task.member("comm"), kernel.symbol("init_task")
    name = (kernel.space.read(first + comm.offset, comm.size) or b"").partition(b"\0")[0]
    if name not in {b"swapper/0", b"swapper"}:
        told = name.decode("ascii", "backslashreplace")
        raise SymbolError(f"its first task is named {told!r} and not 'swapper/0'")
    head = first + task.offset("tasks")
    back = kernel.types.required("list_head").offset("prev")
    following = kernel.space.u64(head)
    link = None if following is None else kernel.space.u64(following + back)
    if link is None:
        # A dump that was cut short lacks it; that is no proof of anything.
        kernel.warnings.append("the task list ends at once: its second task is not in the dump")
    elif link != head:
        raise SymbolError("its task list does not lead back to the first task")


def _check_vmcoreinfo(kernel: LinuxKernel) -> None:
    """VMCOREINFO of another kernel is not this one's: it is left out."""
    info = kernel.info
    own = kernel.symbols.addresses(_SAME_IN_VMCOREINFO)
    others = [name for name, place in own.items() if info.symbol(name) not in {None, place}]
    if info.phys_base not in {None, kernel.phys_base}:
        others.append("phys_base")
    if info.entries and (others or info.release != kernel.release):
        what = f"its {others[0]} differs" if others else f"its release is {info.release!r}"
        kernel.warnings.append(f"VMCOREINFO is not this kernel's and is left out: {what}")
        kernel.info = Vmcoreinfo()


def _prove_release(kernel: LinuxKernel) -> None:
    """The release in the banner is the one that uname tells.

    Where VMCOREINFO agrees with the banner, a name that differs was changed in memory, by whatever
    ran there: that is told and not refused.
    """
    release = kernel.types.required("uts_namespace").offset("name.release")
    place = kernel.symbol("init_uts_ns") + release
    data = kernel.space.read(place, _MAX_RELEASE)
    if data is None:
        return
    told = data.partition(b"\0")[0].decode("ascii", "backslashreplace")
    if told == kernel.release:
        return
    if not kernel.vmcoreinfo:
        raise SymbolError(f"its banner tells of {kernel.release}, uname of {told!r}")
    kernel.warnings.append(f"uname tells of kernel {told!r}, its banner of {kernel.release}")
