"""Timers and deferred procedure calls: lists of each era, hidden pointers, lists that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.windows.timer import DeferredCall, Timer
from tests.os.linux.small import BASE
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from memq.schema.batch import ObjectType, Portion

TYPES = """
struct _DISPATCHER_HEADER { unsigned char Type; int SignalState; };
struct _KTIMER {
    struct _DISPATCHER_HEADER Header; unsigned long DueTime; struct _LIST_ENTRY TimerListEntry;
    struct _KDPC *Dpc; unsigned int Processor; unsigned int Period;
};
struct _KPCR { long Anything; struct _KPRCB *Prcb; };
"""
NEW = (
    TYPES
    + """
struct _SINGLE_LIST_ENTRY { struct _SINGLE_LIST_ENTRY *Next; };
struct _KDPC_LIST { struct _SINGLE_LIST_ENTRY ListHead; void *LastEntry; };
struct _KDPC {
    long Type; struct _SINGLE_LIST_ENTRY DpcListEntry; void *DeferredRoutine; void *DeferredContext;
};
struct _KDPC_DATA { struct _KDPC_LIST DpcList; long Count; };
struct _KTIMER_TABLE_ENTRY { long Lock; struct _LIST_ENTRY Entry; unsigned long Time; };
struct _KTIMER_TABLE { struct _KTIMER_TABLE_ENTRY TimerEntries[2][3]; };
struct _KPRCB { long Number; struct _KDPC_DATA DpcData[2]; struct _KTIMER_TABLE TimerTable; };
"""
)
OLD = (
    TYPES
    + """
struct _KDPC {
    long Type; struct _LIST_ENTRY DpcListEntry; void *DeferredRoutine; void *DeferredContext;
};
struct _KDPC_DATA { struct _LIST_ENTRY DpcListHead; long Count; };
struct _KTIMER_TABLE_ENTRY { struct _LIST_ENTRY Entry; unsigned long Time; };
struct _KPRCB { long Number; struct _KDPC_DATA DpcData[2]; };
"""
)
BLOCKS = [BASE + 0x8000, BASE + 0x9000]
TIMERS = [BASE + 0xA000 + n * 0x100 for n in range(8)]
CALLS = [BASE + 0xC000 + n * 0x100 for n in range(8)]
NEVER, ALWAYS = 0x1234_5678_9ABC_DE0D, 0x0FED_CBA9_8765_4321


def hidden(timer: int, call: int) -> int:
    """Hide a pointer as the kernel does: with both numbers, and with where the timer is."""
    mixed = int.from_bytes((call ^ ALWAYS).to_bytes(8, "little"), "big") ^ timer
    turn = NEVER & 63
    return (mixed >> turn | mixed << 64 - turn) & (1 << 64) - 1 ^ NEVER


def kernel_of(source: str, folder: Path) -> SmallWindows:
    """Two processors, whose lists are empty."""
    kernel = SmallWindows(source, folder)
    kernel.module("ntoskrnl.exe", IMAGE, 0x1_0000)
    kernel.write(IMAGE, bytes(0x3000))
    kernel.table |= {"KiProcessorBlock": IMAGE + 0x1000, "KiWaitNever": IMAGE + 0x2000,
                     "KiWaitAlways": IMAGE + 0x2008, "Expired": IMAGE + 0x4000}  # fmt: skip
    kernel.write(IMAGE + 0x2000, NEVER.to_bytes(8, "little") + ALWAYS.to_bytes(8, "little"))
    for number, block in enumerate(BLOCKS):
        kernel.put("_KPRCB", block)
        kernel.write(IMAGE + 0x1000 + number * 8, block.to_bytes(8, "little"))
    for place in TIMERS:
        kernel.put("_KTIMER", place, {"Header.Type": 8, "DueTime": 10_000_000, "Period": 20})
    for place in CALLS:
        kernel.put("_KDPC", place, {"DeferredRoutine": IMAGE + 0x4000, "DeferredContext": 5})
    return kernel


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    return kernel_of(NEW, tmp_path)


def chain(kernel: SmallWindows, head: int, timers: list[int]) -> None:
    link = kernel.offset("_KTIMER", "TimerListEntry")
    kernel.chain(head, [place + link for place in timers])


def head(kernel: SmallWindows, processor: int, table: int, number: int) -> int:
    path = f"TimerTable.TimerEntries[{table}][{number}]"
    entry = kernel.types.layouts["_KPRCB"].member(path).offset
    return BLOCKS[processor] + entry + kernel.offset("_KTIMER_TABLE_ENTRY", "Entry")


def found(kernel: SmallWindows, type_: type[ObjectType] = Timer) -> Portion:
    (portion,) = type_.portions(kernel.open_())
    return portion


def test_the_lab_has_none(opened: Image) -> None:
    assert list(opened.query("timer.Count()").rows()) == [0]
    assert list(opened.query("dpc.Count()").rows()) == [0]


def test_timers_of_all_lists(small: SmallWindows) -> None:
    chain(small, head(small, 0, 0, 2), TIMERS[:2])
    chain(small, head(small, 0, 1, 1), TIMERS[2:3])
    chain(small, head(small, 1, 1, 2), TIMERS[3:4])
    small.set("_KTIMER", TIMERS[0], "Dpc", hidden(TIMERS[0], CALLS[0]))
    small.set("_KTIMER", TIMERS[2], "Dpc", hidden(TIMERS[2], 0))
    small.set("_KTIMER", TIMERS[3], "Dpc", hidden(TIMERS[3], 0x1234))
    small.set("_KTIMER", TIMERS[3], "Header.Type", 3)
    portion = found(small)
    timers = portion.batch
    assert portion.cut is None
    assert timers.rows["address"].tolist() == TIMERS[:4]
    assert timers.column("processor").values.tolist() == [0, 0, 0, 1]
    assert timers.column("dpc").values[0] == CALLS[0]
    null, malformed = Reason.NULL, Reason.MALFORMED
    assert timers.column("dpc").statuses.tolist() == [0, null, null, malformed]
    assert timers.column("symbol").to_list() == ["Expired", None, None, None]  # type: ignore[attr-defined]
    assert timers.column("module").to_list()[0] == "ntoskrnl.exe"  # type: ignore[attr-defined]
    assert timers.column("context_address").values[0] == 5
    assert timers.column("due_time").statuses.tolist() == [0, 0, 0, malformed]
    assert timers.column("due_time").values[0] == 1_000_000_000
    assert timers.column("period").values[0] == 20_000_000
    assert not timers.column("is_signaled").values[0]


def test_without_the_numbers_the_pointers_stay_hidden(small: SmallWindows) -> None:
    del small.table["KiWaitAlways"]
    chain(small, head(small, 0, 0, 0), TIMERS[:2])
    small.set("_KTIMER", TIMERS[0], "Dpc", hidden(TIMERS[0], CALLS[0]))
    timers = found(small).batch
    assert timers.column("routine").statuses.tolist() == [Reason.NOT_IN_KERNEL, Reason.NULL]


def test_timers_that_loop_end(small: SmallWindows) -> None:
    chain(small, head(small, 0, 0, 0), TIMERS[:3])
    link = small.offset("_KTIMER", "TimerListEntry")
    small.write(TIMERS[2] + link, (TIMERS[1] + link).to_bytes(8, "little"))
    portion = found(small)
    assert portion.batch.rows["address"].tolist() == TIMERS[:3]
    assert portion.cut is not None
    assert portion.cut.reason == Reason.LOOP


def test_queues_are_singly_linked(small: SmallWindows) -> None:
    link = small.offset("_KDPC", "DpcListEntry")
    second = small.types.layouts["_KPRCB"].member("DpcData[1]").offset
    small.write(BLOCKS[1] + second, (CALLS[0] + link).to_bytes(8, "little"))
    small.write(CALLS[0] + link, (CALLS[1] + link).to_bytes(8, "little"))
    portion = found(small, DeferredCall)
    assert portion.cut is None
    assert portion.batch.rows["address"].tolist() == CALLS[:2]
    assert portion.batch.column("processor").values.tolist() == [1, 1]
    assert portion.batch.column("symbol").to_list() == ["Expired"] * 2  # type: ignore[attr-defined]


def test_before_7_there_is_one_table_and_nothing_is_hidden(tmp_path: Path) -> None:
    kernel = kernel_of(OLD, tmp_path)
    table, size = IMAGE + 0x2100, kernel.types.layouts["_KTIMER_TABLE_ENTRY"].size
    kernel.table |= {"KiTimerTableListHead": table, "Behind": table + 3 * size}
    chain(kernel, table + size, TIMERS[:2])
    kernel.set("_KTIMER", TIMERS[0], "Dpc", CALLS[0])
    timers = found(kernel).batch
    assert timers.rows["address"].tolist() == TIMERS[:2]
    assert (timers.column("processor").statuses == Reason.NULL).all()
    assert timers.column("dpc").values[0] == CALLS[0]
    assert np.array_equal(timers.column("routine").statuses, [0, Reason.NULL])
    link = kernel.offset("_KDPC", "DpcListEntry")
    queue = BLOCKS[0] + kernel.offset("_KPRCB", "DpcData")
    kernel.chain(queue, [place + link for place in CALLS[:2]])
    assert found(kernel, DeferredCall).batch.rows["address"].tolist() == CALLS[:2]


def test_a_kernel_whose_timers_are_not_known(tmp_path: Path) -> None:
    portion = found(kernel_of(OLD, tmp_path))
    assert not len(portion.batch)
    assert portion.cut is not None
    assert portion.cut.reason == Reason.NOT_IN_KERNEL
