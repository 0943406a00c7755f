"""Interrupts and processors of Windows images, held to the truth; tables that lie."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from memq.errors import Reason
from memq.os.windows.interrupt import Interrupt
from memq.os.windows.processors import processors
from tests.os.linux.small import BASE
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from memq.schema.batch import Portion
    from tests.os.windows.images import WindowsImage


def test_handlers_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "interrupt.Select([processor, vector, address, module])"
    rows = [tuple(row.values()) for row in opened.query(query).rows()]
    count = len(windows.truth["processors"])
    assert rows == [
        (number, vector, address, "ntoskrnl.exe")
        for number in range(count)
        for vector, address in enumerate(windows.truth["idt"])
    ]


def test_programs_may_raise_breakpoints(opened: Image) -> None:
    query = "interrupt.Where(vector == 3).Select([privilege_level, type, symbol])"
    assert {tuple(row.values()) for row in opened.query(query).rows()} == {
        (3, "interrupt gate", "KiBreakpointTrap")
    }


def test_processors_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = processors(opened.kernel)
    assert found.cut is None
    recorded = windows.truth["processors"]
    assert found.blocks.addresses.tolist() == [int(one["prcb"], 16) for one in recorded]
    assert found.regions.addresses.tolist() == [int(one["pcr"], 16) for one in recorded]
    assert found.interrupt_tables.values.tolist() == [int(one["idt"], 16) for one in recorded]
    fields = {
        "number": "number", "address": "prcb", "control_region": "pcr",
        "current_thread": "current_thread", "idle_thread": "idle_thread",
        "interrupt_table": "idt", "descriptor_table": "gdt",
    }  # fmt: skip
    rows = list(opened.query(f"processor.Select([{', '.join(fields)}])").rows())
    assert rows == [{name: one[key] for name, key in fields.items()} for one in recorded]


# Small kernels

SOURCE = """
struct _KPRCB { long Number; void *InterruptObject[256]; };
struct _KPCR { long Anything; void *IdtBase; struct _KPRCB Prcb; };
struct _KINTERRUPT { short Type; void *ServiceRoutine; };
"""
BLOCKS, TABLE = IMAGE + 0x1000, BASE + 0x8000
REGIONS = [BASE + 0xA000, BASE + 0xC000]
OBJECT = BASE + 0xE000


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    """Two processors, which share a table whose entries lead into the kernel."""
    kernel = SmallWindows(SOURCE, tmp_path)
    kernel.module("ntoskrnl.exe", IMAGE, 0x1_0000)
    kernel.module("disk.sys", BASE + 0x20_0000, 0x1000)
    kernel.write(IMAGE, bytes(0x2000))
    kernel.table["KiProcessorBlock"] = BLOCKS
    kernel.table["Handlers"] = IMAGE + 0x4000
    for number, region in enumerate(REGIONS):
        kernel.put("_KPCR", region, {"IdtBase": TABLE})
        place = region + kernel.offset("_KPCR", "Prcb")
        kernel.write(BLOCKS + number * 8, place.to_bytes(8, "little"))
    for vector in range(256):
        gate(kernel, vector, IMAGE + 0x4000 + vector * 16)
    return kernel


def gate(kernel: SmallWindows, vector: int, handler: int, attributes: int = 0x8E00) -> None:
    """Put an entry: present, an interrupt gate, for the kernel alone."""
    parts = (handler & 0xFFFF, 0x10, attributes, handler >> 16 & 0xFFFF, handler >> 32, 0)
    kernel.write(TABLE + vector * 16, struct.pack("<HHHHII", *parts))


def found(kernel: SmallWindows) -> Portion:
    (portion,) = Interrupt.portions(kernel.open_())
    return portion


def test_entries_are_put_together(small: SmallWindows) -> None:
    gate(small, 1, BASE + 0x20_0010, 0xEF02)
    gate(small, 2, 0, 0)
    gate(small, 4, IMAGE, 0x8C00)
    gate(small, 5, 0x1234, 0x8500)
    portion = found(small)
    batch = portion.batch
    assert portion.cut is None
    assert len(batch) == 512
    assert batch.column("address").values[:2].tolist() == [IMAGE + 0x4000, BASE + 0x20_0010]
    assert batch.column("address").statuses[:6].tolist() == [
        0, 0, Reason.NULL, 0, 0, Reason.NULL,
    ]  # fmt: skip
    assert batch.column("module").to_list()[:2] == ["ntoskrnl.exe", "disk.sys"]  # type: ignore[attr-defined]
    assert batch.column("type").to_list()[:2] == ["interrupt gate", "trap gate"]  # type: ignore[attr-defined]
    assert batch.column("type").statuses[:5].tolist() == [0, 0, Reason.NULL, 0, Reason.MALFORMED]
    assert batch.column("type").to_list()[5] == "task gate"  # type: ignore[attr-defined]
    assert batch.column("privilege_level").values[:2].tolist() == [0, 3]
    assert batch.column("stack_index").values[:2].tolist() == [0, 2]
    assert batch.column("is_present").values[:3].tolist() == [True, True, False]


def test_interrupts_of_devices_lead_to_their_drivers(small: SmallWindows) -> None:
    small.put("_KINTERRUPT", OBJECT, {"Type": 22, "ServiceRoutine": BASE + 0x20_0020})
    small.put("_KINTERRUPT", OBJECT + 0x40, {"Type": 3, "ServiceRoutine": 7})
    for vector, place in ((50, OBJECT), (51, OBJECT + 0x40), (52, 0x1234)):
        small.set("_KPCR", REGIONS[0], f"Prcb.InterruptObject[{vector}]", place)
    batch = found(small).batch
    assert batch.column("object_address").values[[50, 51, 52, 306]].tolist() == [OBJECT, 0, 0, 0]
    assert batch.column("service_module").to_list()[50] == "disk.sys"  # type: ignore[attr-defined]
    assert batch.column("service_routine").known.sum() == 1


def test_an_object_that_is_not_in_the_dump_is_unknown(small: SmallWindows) -> None:
    small.set("_KPCR", REGIONS[0], "Prcb.InterruptObject[50]", BASE + 0x40_0000)
    small.write(BLOCKS + 8, (BASE + 0x50_0000).to_bytes(8, "little"))
    batch = found(small).batch
    for name in ("object_address", "service_routine", "service_module"):
        statuses = batch.column(name).statuses[[49, 50, 306]].tolist()
        assert statuses == [Reason.NULL, Reason.NOT_IN_DUMP, Reason.NOT_IN_DUMP], name


def test_a_table_that_is_not_in_the_dump(small: SmallWindows) -> None:
    small.set("_KPCR", REGIONS[1], "IdtBase", BASE + 0x40_0000)
    portion = found(small)
    assert portion.cut is not None
    assert portion.cut.reason == Reason.NOT_IN_DUMP
    assert (
        portion.batch.column("address").statuses.tolist() == [0] * 256 + [Reason.NOT_IN_DUMP] * 256
    )


def test_processors_end_at_a_null_and_not_at_nonsense(small: SmallWindows) -> None:
    assert processors_of(small) == (2, None)
    small.write(BLOCKS + 16, (7).to_bytes(8, "little"))
    assert processors_of(small) == (2, Reason.MALFORMED)
    del small.table["KiProcessorBlock"]
    assert processors_of(small) == (0, Reason.NOT_IN_KERNEL)


def test_the_processor_that_wrote_a_triage_dump_keeps_its_number(small: SmallWindows) -> None:
    del small.table["KiProcessorBlock"]
    place = REGIONS[1] + small.offset("_KPCR", "Prcb")
    small.set("_KPRCB", place, "Number", 3)
    small.set("_KPCR", REGIONS[1], "Prcb.InterruptObject[50]", OBJECT)
    small.put("_KINTERRUPT", OBJECT, {"Type": 22})
    small.triage = SimpleNamespace(processor=SimpleNamespace(address=place))  # type: ignore[assignment]
    batch = found(small).batch
    assert batch.column("processor").values.tolist() == [3] * 256
    assert batch.column("object_address").values[50] == OBJECT


def processors_of(kernel: SmallWindows) -> tuple[int, Reason | None]:
    all_ = processors(kernel.open_().kernel)
    return len(all_.blocks), None if all_.cut is None else all_.cut.reason
