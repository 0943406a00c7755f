"""The kernel's clocks at the time of the dump (kernel/time/timekeeping.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import Reason

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel

SECOND = 1_000_000_000
TOLERANCE = 2 * SECOND


def boot_time(kernel: LinuxKernel) -> int | Reason:
    """Return when the system was started, by its own clock: nanoseconds since 1970, UTC.

    `tk_core` holds the timekeeper behind a sequence counter. That it does is checked: the seconds
    that it counts and the offset from the monotonic clock must tell the same time.
    """
    address = kernel.optional("tk_core")
    layout = kernel.types.struct("timekeeper")
    if address is None or layout is None:
        return Reason.NOT_IN_KERNEL
    core = kernel.types.struct("tk_data")  # named since 6.13; before, an anonymous structure
    inside = core.find("timekeeper") if core is not None else None
    distance = inside.offset if inside is not None else _behind_counter(kernel)
    data = kernel.space.read(address + distance, layout.size)
    if data is None:
        return Reason.NOT_IN_DUMP

    def number(path: str, *, signed: bool = True) -> int:
        member = layout.member(path)
        return int.from_bytes(data[member.offset : member.end], "little", signed=signed)

    real, boot = number("offs_real"), number("offs_boot")
    fraction = number("tkr_mono.xtime_nsec", signed=False) >> (number("tkr_mono.shift") & 63)
    told = number("xtime_sec", signed=False) * SECOND + fraction
    if abs(number("tkr_mono.base") + fraction + real - told) > TOLERANCE:
        return Reason.MALFORMED
    return real - boot


def _behind_counter(kernel: LinuxKernel) -> int:
    """Return the size of the counter (seqcount_raw_spinlock_t since 5.10), aligned to 8 bytes."""
    for name in ("seqcount_raw_spinlock_t", "seqcount_raw_spinlock", "seqcount_t", "seqcount"):
        counter = kernel.types.struct(name)
        if counter is not None:
            return (counter.size + 7) & ~7
    return 8
