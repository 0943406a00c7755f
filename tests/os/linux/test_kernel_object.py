"""What the kernel says of itself: names, clock, processors, and the machine's memory."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import Reason
from memq.os.linux import ram
from memq.os.linux.kernel_object import KernelObject
from memq.os.linux.locate import KERNEL_MAP
from tests.os.linux.machines import (
    BOOT_ID,
    BOOT_NUMBER,
    COMMAND_LINE,
    MASK,
    MEMORY,
    MEMORY_SIZE,
    NAMES,
    RESOURCES,
    TAINTED,
    Machine,
)
from tests.os.linux.machines import TYPES as MACHINE_TYPES
from tests.os.linux.processes import BOOT, CLOCK, SECOND, Tasks, values
from tests.os.linux.processes import TYPES as PROCESS_TYPES
from tests.os.linux.small import BASE, PAGE, SmallKernel, SmallTypes
from tests.os.linux.spaces import CONSTANTS

if TYPE_CHECKING:
    from pathlib import Path

TEXT = KERNEL_MAP + 0x100_0000 + 0x23C0_0000
NAMED = ("name", "release", "version", "machine", "host_name", "domain_name")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    types = SmallTypes(PROCESS_TYPES + MACHINE_TYPES, CONSTANTS)
    kernel = SmallKernel(types, tmp_path)
    Tasks(kernel)
    kernel.table |= {"_text": TEXT, "_end": TEXT + PAGE}
    return Machine(kernel)


def found(machine: Machine) -> KernelObject:
    machine.kernel.facts.clear()
    (portion,) = KernelObject.portions(machine.kernel.open_())
    assert portion.cut is None
    assert isinstance(portion.batch, KernelObject)
    assert len(portion.batch) == 1
    return portion.batch


def value(machine: Machine, name: str) -> Any:
    (only,) = values(found(machine).column(name))
    return only


def test_names(machine: Machine) -> None:
    told = [value(machine, name) for name in NAMED]
    assert told == ["Linux", "6.1.0-small", "#1 SMP", "x86_64", "web1", "(none)"]
    assert value(machine, "address") == NAMES
    assert value(machine, "banner") == machine.kernel.banner
    assert value(machine, "command_line") == "root=/dev/vda1 quiet"
    assert value(machine, "taints") == "OE"
    assert value(machine, "boot_id") == str(uuid.UUID(bytes=BOOT_NUMBER))


def test_names_that_are_not_there(machine: Machine) -> None:
    for page in (NAMES, TAINTED, BOOT_ID):
        machine.kernel.lose(page)
    machine.kernel.lose(COMMAND_LINE)
    for name in (*NAMED, "taints", "boot_id", "command_line"):
        assert value(machine, name) is Reason.NOT_IN_DUMP, name


def test_a_kernel_without_the_symbols(machine: Machine) -> None:
    machine.kernel.table = {"_text": TEXT, "_end": TEXT + PAGE}
    known = {name for name in KernelObject.fields if not isinstance(value(machine, name), Reason)}
    assert known == {
        "banner", "page_table_levels", "directory_table_base", "base", "physical_base",
        "kaslr_shift", "image_format",
    }  # fmt: skip
    assert value(machine, "release") is Reason.NOT_IN_KERNEL
    assert value(machine, "memory_size") is Reason.NOT_IN_KERNEL


def test_nobody_has_asked_for_the_number_of_the_boot(machine: Machine) -> None:
    machine.kernel.write(BOOT_ID, bytes(16))
    machine.kernel.write(COMMAND_LINE, bytes(8))
    assert value(machine, "boot_id") is Reason.NULL
    assert value(machine, "command_line") is Reason.NULL


def test_clock(machine: Machine) -> None:
    assert value(machine, "dump_time") == (BOOT // SECOND + 50) * SECOND + 5
    assert value(machine, "boot_time") == BOOT
    assert value(machine, "uptime") == value(machine, "dump_time") - BOOT


@pytest.mark.parametrize(
    "members",
    [
        {"xtime_sec": 77},
        # Both tell the same time, which no column can hold.
        {"xtime_sec": (1 << 63) // SECOND + 1, "tkr_mono.base": 1 << 62, "offs_real": 1 << 62},
        {"offs_boot": -(1 << 63)},
    ],
)
def test_clock_that_cannot_be(machine: Machine, members: dict[str, int]) -> None:
    for name, number in members.items():
        machine.kernel.set("timekeeper", CLOCK + 8, name, number)
    for name in ("dump_time", "boot_time", "uptime"):
        assert value(machine, name) is Reason.MALFORMED


def test_place(machine: Machine) -> None:
    machine.kernel.kaslr_shift = 0x23C0_0000
    machine.kernel.phys_base = 0x20_0000 - 0x23C0_0000
    assert value(machine, "base") == TEXT
    assert value(machine, "physical_base") == 0x120_0000
    assert value(machine, "kaslr_shift") == 0x23C0_0000
    assert value(machine, "directory_table_base") == machine.kernel.root
    assert value(machine, "page_table_levels") == 4
    assert value(machine, "image_format") == "raw"
    machine.kernel.kaslr_shift = -PAGE
    assert value(machine, "kaslr_shift") is Reason.MALFORMED


def test_processors(machine: Machine) -> None:
    assert value(machine, "processors") == 4
    machine.kernel.lose(MASK)
    assert value(machine, "processors") is Reason.NOT_IN_DUMP


def test_memory_is_counted_once_and_wherever_it_stands(machine: Machine) -> None:
    assert value(machine, "memory_size") == MEMORY_SIZE
    pages = [page * PAGE for page in machine.kernel.pages]
    inside = [page for page in pages if 0x10_0000 <= page < 0x80_0000 or 0x1000 <= page < 0xA_0000]
    assert 0 < len(inside) < len(pages)
    assert value(machine, "memory_present") == len(inside) * PAGE


@pytest.mark.parametrize(
    ("number", "members", "reason"),
    [
        (2, {"sibling": RESOURCES + 128}, Reason.LOOP),
        (4, {"sibling": BASE + 0x3000_0000}, Reason.NOT_IN_DUMP),
        (1, {"end": 0x10_0000}, Reason.MALFORMED),
        (1, {"end": 0xFFF}, Reason.MALFORMED),
        (5, {"end": (1 << 64) - 1}, Reason.MALFORMED),
        (0, {"child": 0}, Reason.NOT_IN_KERNEL),
    ],
)
def test_resources_that_are_damaged(
    machine: Machine, number: int, members: dict[str, int], reason: Reason
) -> None:
    machine.set(machine.resources[number], **members)
    for name in ("memory_size", "memory_present"):
        (status,) = found(machine).column(name).statuses.tolist()
        assert status == reason


def test_resources_without_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ram, "MAX_RESOURCES", len(machine.resources) - 2)
    assert value(machine, "memory_size") is Reason.LIMIT


def test_many_resources(machine: Machine) -> None:
    last = machine.resources[4]
    for number in range(1000):
        following = machine.resource(0x1_0000_0000 + number * PAGE, 0x1_0000_0FFF + number * PAGE,
                                     MEMORY)  # fmt: skip
        machine.set(last, sibling=following)
        last = following
    assert value(machine, "memory_size") == MEMORY_SIZE + 1000 * PAGE


def test_rows_taken_from_it_are_columns_of_their_length(machine: Machine) -> None:
    nothing = KernelObject.nothing(found(machine).context)
    for name in KernelObject.fields:
        assert len(nothing.column(name)) == 0
