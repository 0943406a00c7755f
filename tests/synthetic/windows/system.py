"""What a kernel has once: low stub, shared user data, processors, debugger's data."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.synthetic.windows.options import filetime
from tests.synthetic.windows.record import ring
from tests.synthetic.windows.tables import PAGE

if TYPE_CHECKING:
    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.record import Record

STUB = 0x13000
"""Physical address of the page that processors start in."""
SHARED = {8: 0xFFFF_F780_0000_0000, 4: 0xFFDF_0000}
SHARED_USER = 0x7FFE_0000
VECTORS = 256
PRCB_OFFSETS = {8: 0x180, 4: 0x120}
"""Where a _KPCR holds its _KPRCB, by the size of a pointer; not all tables have the member."""
KDBG_SIZE = {3790: 0x318, 7601: 0x340, 9600: 0x360}
_KDBG = {
    0x20: "DbgBreakPointWithStatus",
    0x48: "PsLoadedModuleList",
    0x50: "PsActiveProcessHead",
    0x58: "PspCidTable",
    0x60: "ExpSystemResourcesList",
    0x78: "KeTimeIncrement",
    0x80: "KeBugCheckCallbackListHead",
    0x88: "KiBugCheckData",
    0x98: "ObpRootDirectoryObject",
    0xA0: "ObpTypeObjectType",
    0xC0: "MmPfnDatabase",
    0x1C8: "MmHighestUserAddress",
    0x1D0: "MmSystemRangeStart",
    0x1D8: "MmUserProbeAddress",
    0x208: "NtBuildLab",
    0x218: "KiProcessorBlock",
    0x220: "MmUnloadedDrivers",
    0x228: "MmLastUnloadedDriver",
    0x268: "CmNtCSDVersion",
    0x270: "MmPhysicalMemoryBlock",
}
"""Offsets in the debugger's data (wdbgexts.h, KDDEBUGGER_DATA64) that hold a variable's address."""


def write_low_stub(kernel: Kernel) -> None:
    """Write PROCESSOR_START_BLOCK as far as it tells the kernel's root: jump, target, CR3."""
    page = bytearray(PAGE)
    struct.pack_into("<Q", page, 0, 0x1_0006_4DE9)
    struct.pack_into("<Q", page, 0x70, kernel.image.base + 0x1230)
    struct.pack_into("<Q", page, 0xA0, kernel.space.tables.root)
    kernel.memory.write(STUB, bytes(page))


def write_shared_data(kernel: Kernel) -> int:
    """Write _KUSER_SHARED_DATA and return the physical address of its page."""
    options, address = kernel.options, SHARED[kernel.word]
    kernel.space.map(address)
    record = kernel.record("_KUSER_SHARED_DATA", address)
    record["NtSystemRoot"] = "C:\\Windows".encode("utf-16-le") + bytes(2)
    record.fill(dict(zip(("NtMajorVersion", "NtMinorVersion"), options.version, strict=True)))
    record.fill({"NtProductType": 1, "ProductTypeIsValid": 1})
    if options.build >= 10240:
        record.offer({"NtBuildNumber": options.build})
    _system_time(record, "SystemTime", filetime(options.snapshot))
    _system_time(record, "InterruptTime", filetime(options.snapshot) - filetime(options.boot))
    return kernel.space.physical(address)


def _system_time(record: Record, member: str, time: int) -> None:
    low, high = time & 0xFFFF_FFFF, time >> 32
    record.fill(
        {f"{member}.LowPart": low, f"{member}.High1Time": high, f"{member}.High2Time": high}
    )


def write_version(kernel: Kernel) -> None:
    """Write what says which build it is, and where the debugger's data are."""
    image, options = kernel.image, kernel.options
    image.set("NtBuildNumber", 0xF000_0000 | options.build, size=4)
    image.put("NtBuildLab", f"{options.build}.1.synthetic\0".encode())
    image.set("KeNumberProcessors", options.processors, size=4)
    image.set("KeBootTime", filetime(options.boot), size=8)
    image.set("MmHighestUserAddress", kernel.space.mode.kernel_start - 0x10001)
    image.set("MmSystemRangeStart", kernel.space.mode.kernel_start)
    version = kernel.variable("KdVersionBlock", "_DBGKD_GET_VERSION64")
    if version is not None:
        version.fill({"MajorVersion": 0xF, "MinorVersion": options.build, "Flags": 0x47})
        version["MachineType"] = 0x8664 if options.is_64_bit else 0x14C
        version["KernBase"] = _wide(kernel, image.base)
        version["PsLoadedModuleList"] = _wide(kernel, image.address("PsLoadedModuleList") or 0)
        version["DebuggerDataList"] = _wide(
            kernel, image.address("KdpDebuggerDataListHead", 16) or 0
        )


def _wide(kernel: Kernel, address: int) -> int:
    """Return an address as one of 64 bits: the debugger extends those of x86 by their sign."""
    return address if kernel.word == 8 or not address else address | 0xFFFF_FFFF << 32


def write_debugger_data(kernel: Kernel) -> None:
    """Write KdDebuggerDataBlock: plain, encoded, or nothing."""
    image, options = kernel.image, kernel.options
    size = next((s for build, s in KDBG_SIZE.items() if options.build <= build), 0x380)
    address, head = (
        image.address(name, length)
        for name, length in (("KdDebuggerDataBlock", size), ("KdpDebuggerDataListHead", 16))
    )
    if address is None or options.kdbg == "wiped":
        return
    block = bytearray(size)
    struct.pack_into(
        "<QQ4sIQ", block, 0, head or 0, head or 0, b"KDBG", size, _wide(kernel, image.base)
    )
    for offset, name in _KDBG.items():
        place = image.address(name) if offset < size else None
        struct.pack_into("<Q", block, offset, _wide(kernel, place or 0))
    if options.kdbg == "encoded":
        image.put("KdpDataBlockEncoded", b"\1")
        block = bytearray(_encoded(kernel, bytes(block)))
    kernel.space.write(address, bytes(block))
    if head is not None:
        ring(kernel.space, head, [address])


def wait_keys(kernel: Kernel) -> tuple[int, int] | None:
    """Return KiWaitNever and KiWaitAlways, written when first asked for; None on x86."""
    if kernel.word == 4:
        return None
    never, always = (kernel.image.address(name) for name in ("KiWaitNever", "KiWaitAlways"))
    if never is None or always is None:
        return None
    if not any(kernel.space.read(never, 8)):
        for place in (never, always):
            kernel.space.pointer(place, kernel.random.getrandbits(64) | 1 << 63)
    found = (int.from_bytes(kernel.space.read(place, 8), "little") for place in (never, always))
    return next(found), next(found)


def encode(value: int, salt: int, keys: tuple[int, int]) -> int:
    """Hide a number as the kernel hides pointers to DPCs and the debugger's data."""
    never, always = keys
    mixed = int.from_bytes((value ^ always).to_bytes(8, "little"), "big") ^ salt
    turn = never & 0x3F
    return ((mixed >> turn | mixed << 64 - turn) & (1 << 64) - 1) ^ never


def _encoded(kernel: Kernel, block: bytes) -> bytes:
    keys, salt = wait_keys(kernel), kernel.image.address("KdpDataBlockEncoded", 1)
    if keys is None or salt is None:
        return block
    words = struct.unpack(f"<{len(block) // 8}Q", block)
    return struct.pack(f"<{len(words)}Q", *(encode(word, salt, keys) for word in words))


def write_processors(kernel: Kernel) -> list[Record]:
    """Write a _KPCR with its _KPRCB for each processor; return the _KPRCBs."""
    found, places = [], []
    for number in range(kernel.options.processors):
        offset = PRCB_OFFSETS[kernel.word]
        record = kernel.new("_KPCR", "KPCR", more=offset + kernel.size("_KPRCB"))
        block = kernel.record("_KPRCB", record.address + offset)
        if kernel.word == 8:
            record.fill({"Self": record.address, "CurrentPrcb": block.address})
        else:
            record.fill({"SelfPcr": record.address, "Prcb": block.address})
        record["IdtBase|IDT"] = _interrupts(kernel)
        block.fill({"Number": number, "MinorVersion": 1, "MajorVersion": 1})
        _reset_timers(kernel, block)
        found.append(block)
        places.append(block.address)
    kernel.image.set("KiProcessorBlock", *places)
    return found


def _interrupts(kernel: Kernel) -> int:
    """Write an IDT whose gates all lead into the kernel."""
    gates = []
    for vector in range(VECTORS):
        target = kernel.image.base + 0x2000 + vector * 0x40
        low, middle, high = target & 0xFFFF, target >> 16 & 0xFFFF, target >> 32
        wide = struct.pack("<HHHHII", low, 0x10, 0x8E00, middle, high, 0)
        gates.append(wide if kernel.word == 8 else struct.pack("<HHHH", low, 8, 0x8E00, middle))
    table = kernel.nonpaged.allocate(PAGE, "IDT ")
    kernel.space.write(table, b"".join(gates))
    return table


def timer_heads(block: Record) -> list[int]:
    """Return the addresses of a processor's list heads of timers; none before 7."""
    member = block.find("TimerTable.TimerEntries")
    element = None if member is None else member.type.target()
    if member is None or element is None:
        return []
    count = member.type.count
    if element.kind == "array":  # since 20348: [2][256]
        inner = element.target()
        count, element = count * element.count, inner if inner is not None else element
    return [block.address + member.offset + index * element.size for index in range(count)]


def _reset_timers(kernel: Kernel, block: Record) -> None:
    entry = kernel.types.struct("_KTIMER_TABLE_ENTRY")
    for head in timer_heads(block):
        place = head + (entry.offset("Entry") if entry is not None else 0)
        ring(kernel.space, place, [])
