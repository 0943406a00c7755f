"""Callbacks of each kind, and timers.

Structures that no symbol table has, with their offsets on x64 and x86:
EX_CALLBACK_ROUTINE_BLOCK {rundown, function, context}, CM_CALLBACK_ENTRY, SHUTDOWN_PACKET,
NOTIFICATION_PACKET; the records of bug checks are KBUGCHECK_CALLBACK_RECORD and
KBUGCHECK_REASON_CALLBACK_RECORD of wdm.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.synthetic.windows.record import ring
from tests.synthetic.windows.system import encode, timer_heads, wait_keys
from tests.synthetic.windows.truth import CallbackTruth, Hex, TimerTruth

if TYPE_CHECKING:
    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Thing
    from tests.synthetic.windows.record import Record

ARRAYS = {
    "PspCreateProcessNotifyRoutine": "PspCreateProcessNotifyRoutineCount",
    "PspCreateThreadNotifyRoutine": "PspCreateThreadNotifyRoutineCount",
    "PspLoadImageNotifyRoutine": "PspLoadImageNotifyRoutineCount",
}
"""Arrays of fast references, and the variable that counts each."""
SLOTS = 64
SHARED_HEADS = 512
LISTS = {
    "CallbackListHead": "CMcb",
    "KeBugCheckCallbackListHead": "KbCb",
    "KeBugCheckReasonCallbackListHead": "KbCr",
    "IopNotifyShutdownQueueHead": "IoSh",
    "IopNotifyLastChanceShutdownQueueHead": "IoSh",
    "IopFsNotifyChangeQueueHead": "IoFs",
    "RtlpDebugPrintCallbackList": "DbCb",
}
"""Lists whose entries begin with their link, and the entries' pool tags."""


SINGLE = ("KiNmiCallbackListHead", "PspLegoNotifyRoutine", "SeFileSystemNotifyRoutinesHead",
          "SeFileSystemNotifyRoutinesExHead")  # fmt: skip
"""Variables that lead to the first routine of a kind; 0 where there is none."""


class Callbacks:
    """Registers callbacks; the arrays and lists are written at the end."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.arrays: dict[str, list[int]] = {name: [] for name in ARRAYS}
        self.lists: dict[str, list[int]] = {name: [] for name in LISTS}
        self.timers: dict[int, list[int]] = {}

    def notify(self, array: str, function: int) -> int:
        """Register a routine in one of the arrays; return its block."""
        kernel = self.kernel
        block = kernel.nonpaged.allocate(3 * kernel.word, "Cbrb")
        kernel.space.pointer(block, 0x20, function, 0)
        self.arrays[array].append(block)
        kernel.truth.callbacks.append(CallbackTruth(array, Hex(function), Hex(block)))
        return block

    def registry(self, function: int, altitude: str) -> int:
        """Register a routine for the registry (CM_CALLBACK_ENTRY)."""
        kernel = self.kernel
        entry = self._entry("CallbackListHead", 0x50)
        cookie, place, text = (0x18, 0x28, 0x30) if kernel.word == 8 else (0x10, 0x1C, 0x20)
        kernel.space.write(entry + cookie, (0x1DB_0000_0001).to_bytes(8, "little"))
        kernel.space.pointer(entry + place, function)
        data = altitude.encode("utf-16-le")
        buffer = kernel.paged.allocate(len(data) + 2, "CMal")
        kernel.space.write(buffer, data)
        kernel.space.pointer(entry + text, len(data) | (len(data) + 2) << 16, buffer)
        truth = CallbackTruth("CmRegisterCallbackEx", Hex(function), Hex(entry), altitude)
        kernel.truth.callbacks.append(truth)
        return entry

    def bug_check(self, function: int, component: str, *, has_reason: bool = False) -> int:
        """Register a routine for bug checks; those with a reason have another record."""
        kernel, word = self.kernel, self.kernel.word
        name = "KeBugCheckReasonCallbackListHead" if has_reason else "KeBugCheckCallbackListHead"
        entry = self._entry(name, 0x40)
        text = kernel.nonpaged.allocate(len(component) + 1, "KbNm")
        kernel.space.write(text, component.encode())
        kernel.space.pointer(entry + 2 * word, function)
        kernel.space.pointer(entry + (3 if has_reason else 5) * word, text)
        kernel.truth.callbacks.append(CallbackTruth(name, Hex(function), Hex(entry)))
        return entry

    def shutdown(self, device: Thing, *, is_last: bool = False) -> int:
        """Register a device for the shutdown; its driver's function 16 is what is called."""
        name = "IopNotifyLastChanceShutdownQueueHead" if is_last else "IopNotifyShutdownQueueHead"
        entry = self._entry(name, 3 * self.kernel.word)
        self.kernel.space.pointer(entry + 2 * self.kernel.word, device.address)
        driver = self.kernel.record("_DRIVER_OBJECT", device.record["DriverObject"])
        function = driver["MajorFunction[16]"]
        truth = CallbackTruth("IoRegisterShutdownNotification", Hex(function), Hex(entry))
        self.kernel.truth.callbacks.append(truth)
        return entry

    def file_system(self, driver: Thing, function: int) -> int:
        """Register a driver's routine for file systems that come and go."""
        entry = self._entry("IopFsNotifyChangeQueueHead", 4 * self.kernel.word)
        self.kernel.space.pointer(entry + 2 * self.kernel.word, driver.address, function)
        truth = CallbackTruth("IoRegisterFsRegistrationChange", Hex(function), Hex(entry))
        self.kernel.truth.callbacks.append(truth)
        return entry

    def _entry(self, name: str, size: int) -> int:
        entry = self.kernel.nonpaged.allocate(size, LISTS[name])
        self.lists[name].append(entry)
        return entry

    def timer(self, processor: Record, routine: int, *, due: int, period: int = 0) -> Record:
        """Start a timer with a DPC on a processor; `due` in units of 100 ns."""
        kernel = self.kernel
        heads = timer_heads(processor) or self._shared_heads()
        timer, dpc = kernel.new("_KTIMER", "Time"), kernel.new("_KDPC", "Dpc ")
        dpc.fill({"Type": 0x13, "DeferredRoutine": routine})
        timer.fill({"Header.Type": 8, "DueTime.QuadPart": due, "Period": period})
        keys = wait_keys(kernel)
        value = dpc.address
        if keys is not None and kernel.options.build >= 7600:
            value = encode(value, timer.address, keys)
        timer["Dpc"] = value
        if heads:
            head = heads[(due >> 18) % len(heads)]
            self.timers.setdefault(head, []).append(timer.at("TimerListEntry"))
        truth = TimerTruth(Hex(timer.address), Hex(routine), period, due)
        kernel.truth.timers.append(truth)
        return timer

    def _shared_heads(self) -> list[int]:
        """Return the heads of the lists that all processors share, as until Vista."""
        entry = self.kernel.types.struct("_KTIMER_TABLE_ENTRY")  # XP has lists and nothing else
        size = entry.size if entry is not None else 2 * self.kernel.word
        table = self.kernel.image.address("KiTimerTableListHead", SHARED_HEADS * size)
        return [] if table is None else [table + number * size for number in range(SHARED_HEADS)]

    def finish(self) -> None:
        """Write arrays, counts and lists."""
        kernel = self.kernel
        for name, blocks in self.arrays.items():
            places = [kernel.fast(block) for block in blocks]
            kernel.image.set(name, *places, *[0] * (SLOTS - len(places)))
            kernel.image.set(ARRAYS[name], len(blocks), size=4)
        kernel.image.set("CmpCallBackCount", len(self.lists["CallbackListHead"]), size=4)
        for name, entries in self.lists.items():
            head = kernel.image.address(name, 2 * kernel.word)
            if head is not None:
                ring(kernel.space, head, entries)
        for name in SINGLE:
            kernel.image.set(name, 0)
        entry = kernel.types.struct("_KTIMER_TABLE_ENTRY")
        offset = entry.offset("Entry") if entry is not None else 0
        for head, links in self.timers.items():
            ring(kernel.space, head + offset, links)
