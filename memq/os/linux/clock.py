"""The kernel's clocks at the time of the dump (kernel/time/timekeeping.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from memq.errors import Reason
from memq.symbols.lists import reason_at

if TYPE_CHECKING:
    from memq.os.linux.kernel import LinuxKernel

SECOND = 1_000_000_000
TOLERANCE = 2 * SECOND
LIMIT = 1 << 63
"""Times are columns of int64: no clock passes the year 2262."""


class Clock(NamedTuple):
    """What the kernel's clock said when it was last kept, at a tick."""

    now: int
    """Nanoseconds since 1970, UTC."""
    boot: int
    """When the system was started, by the same clock."""

    @property
    def uptime(self) -> int:
        """Nanoseconds since the start, suspensions included."""
        return self.now - self.boot


def boot_time(kernel: LinuxKernel) -> int | Reason:
    """Return when the system was started, by its own clock: nanoseconds since 1970, UTC."""
    found = clock_of(kernel)
    return found if isinstance(found, Reason) else found.boot


def clock_of(kernel: LinuxKernel) -> Clock | Reason:
    """Return the kernel's clock.

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
        return reason_at(kernel.space, address + distance, layout.size)

    def number(path: str, *, signed: bool = True) -> int:
        member = layout.member(path)
        return int.from_bytes(data[member.offset : member.end], "little", signed=signed)

    real, boot = number("offs_real"), number("offs_boot")
    fraction = number("tkr_mono.xtime_nsec", signed=False) >> (number("tkr_mono.shift") & 63)
    told = number("xtime_sec", signed=False) * SECOND + fraction
    if abs(number("tkr_mono.base") + fraction + real - told) > TOLERANCE:
        return Reason.MALFORMED
    found = Clock(told, real - boot)
    return found if all(abs(time) < LIMIT for time in (*found, found.uptime)) else Reason.MALFORMED


def _behind_counter(kernel: LinuxKernel) -> int:
    """Return the size of the counter (seqcount_raw_spinlock_t since 5.10), aligned to 8 bytes."""
    for name in ("seqcount_raw_spinlock_t", "seqcount_raw_spinlock", "seqcount_t", "seqcount"):
        counter = kernel.types.struct(name)
        if counter is not None:
            return (counter.size + 7) & ~7
    return 8
