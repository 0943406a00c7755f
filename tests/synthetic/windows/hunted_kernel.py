"""What a rootkit leaves in the kernel: code of no module, and all ways that lead to it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.synthetic.windows.system import PRCB_OFFSETS

if TYPE_CHECKING:
    from tests.synthetic.windows.machine import Machine

VECTOR = 0x31
SERVICE = 7
DUE = 0x4_0000_0000
FOLDER = "\\??\\C:\\Users\\Public\\vuln.sys"


def plant(machine: Machine) -> None:
    """Load an honest driver and two others, and let everything lead to the hidden one."""
    modules, callbacks, kernel = machine.modules, machine.callbacks, machine.kernel
    disk, vulnerable = modules.load("disk.sys"), modules.load("vuln.sys")
    kernel.text(vulnerable.record, "FullDllName", FOLDER)
    machine.shadow = modules.load("win32k.sys")
    hidden = modules.load("hidden.sys", is_hidden=True)
    modules.driver("hidden", hidden, devices=1)
    code = hidden.truth.base + 0x1000
    modules.driver("disk", disk, devices=1, hooks={14: code + 0x100})
    machine.service_hooks[SERVICE] = code + 0x200
    for at in (disk.truth.base + 0x1100, code + 0x300):
        callbacks.notify("PspCreateProcessNotifyRoutine", at)
        callbacks.timer(machine.processors[0], at, due=DUE)
    for number, at in ((8, disk.truth.base + 0x1400), (12, code + 0x400)):
        thread = machine.system.thread(number, start=at)
        thread.record["Tcb.SystemThread|SystemThread"] = 1
    _interrupt(machine, code + 0x500)
    _unloaded(machine, hidden.truth.base + 0x10_0000)
    _deferred_call(machine, code + 0x600)


def _unloaded(machine: Machine, base: int) -> None:
    """Leave the object of a driver in memory that the kernel says it has unloaded."""
    machine.modules.unload("gone.sys", base, 0x4000, machine.options.boot)
    record = machine.objects.create("Driver", "_DRIVER_OBJECT").record
    record.fill({"Type": 4, "Size": record.type.size, "DriverStart": base, "DriverSize": 0x4000})
    machine.kernel.text(record, "DriverName", "\\Driver\\gone")


def _interrupt(machine: Machine, target: int) -> None:
    """Let a gate of the first processor's table lead elsewhere."""
    kernel = machine.kernel
    control = kernel.record("_KPCR", machine.processors[0].address - PRCB_OFFSETS[kernel.word])
    low, middle, high = target & 0xFFFF, target >> 16 & 0xFFFF, target >> 32
    gate = struct.pack("<HHHHII", low, 0x10, 0x8E00, middle, high, 0)
    kernel.space.write(control["IdtBase"] + VECTOR * len(gate), gate)


def _deferred_call(machine: Machine, target: int) -> None:
    """Queue a call on the first processor; the lists of calls end with 0."""
    kernel = machine.kernel
    call = kernel.new("_KDPC", "Dpc ")
    call.fill({"Type": 0x13, "DeferredRoutine": target})
    kernel.space.pointer(machine.processors[0].at("DpcData"), call.at("DpcListEntry"))
