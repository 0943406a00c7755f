"""Callbacks of Windows images, held to the truth; each kind of list, and lists that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.errors import Reason
from memq.os.windows.callback import Callback
from memq.os.windows.callback_lists import KINDS, TITLES
from tests.os.linux.small import BASE
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from memq.schema.batch import Context, Cut
    from tests.os.windows.images import WindowsImage

RECORDED = {
    "PspCreateProcessNotifyRoutine": "process",
    "PspCreateThreadNotifyRoutine": "thread",
    "PspLoadImageNotifyRoutine": "image",
    "CmRegisterCallbackEx": "registry",
    "KeBugCheckReasonCallbackListHead": "bug check reason",
    "KeBugCheckCallbackListHead": "bug check",
    "IoRegisterShutdownNotification": "shutdown",
}


def test_callbacks_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = (
        "callback.Select({kind: kind, function: address, block: block, module: module, "
        "detail: detail})"
    )
    rows = list(opened.query(query).rows())
    found = {(row["kind"], row["block"]): row for row in rows}
    assert len(found) == len(rows) == len(windows.truth["callbacks"])
    listed = {one["name"] for one in windows.truth["modules"] if one["listed"]}
    for one in windows.truth["callbacks"]:
        row = found[RECORDED[one["type"]], one["block"]]
        assert row["function"] == one["function"]
        if row["kind"] == "shutdown":  # what is recorded is the driver, not where its function is
            assert row["module"] == "ntoskrnl.exe"
            assert row["detail"] == "\\Driver\\vmondrv"
            continue
        assert row["module"] == (one["module"] if one["module"] in listed else None)
        altitude = f"altitude {one['altitude']}" if "altitude" in one else None
        assert row["detail"] == one.get("component", altitude)


# Small kernels

SOURCE = """
struct _OBJECT_HEADER { long PointerCount; unsigned char TypeIndex; long Body; };
struct _DRIVER_OBJECT { long Type; struct _UNICODE_STRING DriverName; void *MajorFunction[28]; };
struct _DEVICE_OBJECT { long Type; struct _DRIVER_OBJECT *DriverObject; };
struct _OBJECT_TYPE {
    struct _LIST_ENTRY TypeList; struct _UNICODE_STRING Name; unsigned char Index;
    struct _LIST_ENTRY CallbackList;
};
"""
HEAD = IMAGE + 0x2000
BLOCKS = [BASE + 0x8000 + n * 0x100 for n in range(8)]
FUNCTION = IMAGE + 0x4000


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    kernel = SmallWindows(SOURCE, tmp_path)
    kernel.write(IMAGE, bytes(0x6000))
    kernel.write(BASE + 0x8000, bytes(0x2000))
    kernel.module("ntoskrnl.exe", IMAGE, 0x1_0000)
    return kernel


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little") for value in values)


def text(kernel: SmallWindows, place: int, string: str, at: int) -> None:
    """Put a UNICODE_STRING, whose letters are elsewhere."""
    letters = string.encode("utf-16-le")
    kernel.write(at, letters)
    kernel.write(place, words(len(letters), at))


def found(kernel: SmallWindows) -> tuple[list[tuple[str, int, int, str | None]], list[Cut]]:
    """Return kind, function, block and detail of each, and what was cut short."""
    rows: list[tuple[str, int, int, str | None]] = []
    cuts: list[Cut] = []
    context: Context = kernel.open_()
    for portion in Callback.portions(context):
        batch = portion.batch
        cuts += [portion.cut] if portion.cut is not None else []
        columns = [batch.column(name) for name in ("kind", "address", "block", "detail")]
        kinds, details = columns[0].to_list(), columns[3].to_list()  # type: ignore[attr-defined]
        rows += zip(
            kinds, columns[1].values.tolist(), columns[2].values.tolist(), details, strict=True
        )
    return rows, cuts


def test_an_array_ends_where_the_next_symbol_is(small: SmallWindows) -> None:
    small.table |= {"PspLoadImageNotifyRoutine": HEAD, "Next": HEAD + 24}
    # The lowest four bits count references.
    small.write(HEAD, words(BLOCKS[0] | 15, 0, BLOCKS[1] | 7, BLOCKS[2] | 1))
    for number, block in enumerate(BLOCKS[:3]):
        small.write(block, words(0, FUNCTION + number, 0))
    assert found(small) == (
        [("image", FUNCTION, BLOCKS[0], None), ("image", FUNCTION + 1, BLOCKS[1], None)], [],
    )  # fmt: skip


def test_a_block_that_is_not_in_the_dump_is_not_left_out(small: SmallWindows) -> None:
    small.table["PspLoadImageNotifyRoutine"] = HEAD
    small.write(HEAD, words(BASE + 0x40_0000))
    context = small.open_()
    (batch,) = [one.batch for one in Callback.portions(context) if len(one.batch)]
    assert batch.column("address").statuses.tolist() == [Reason.NOT_IN_DUMP]
    assert batch.column("module").statuses.tolist() == [Reason.NOT_IN_DUMP]


def test_rings(small: SmallWindows) -> None:
    small.table["CallbackListHead"] = HEAD
    small.chain(HEAD, BLOCKS[:2])
    for number, block in enumerate(BLOCKS[:2]):
        small.write(block + 40, words(FUNCTION + number))
        text(small, block + 48, f"{number}.5", block + 80)
    small.table["KeBugCheckCallbackListHead"] = HEAD + 16
    small.chain(HEAD + 16, [BLOCKS[2]])
    small.write(BLOCKS[2] + 16, words(FUNCTION, 0, 0, small.text(BLOCKS[2] + 80, "disk")))
    small.table["KeBugCheckReasonCallbackListHead"] = HEAD + 32
    small.chain(HEAD + 32, [BLOCKS[3]])
    small.write(BLOCKS[3] + 16, words(FUNCTION, small.text(BLOCKS[3] + 80, "dump")))
    small.table["KiNmiCallbackListHead"] = HEAD + 48
    small.write(HEAD + 48, words(BLOCKS[4]))
    small.write(BLOCKS[4], words(BLOCKS[5], FUNCTION))
    small.write(BLOCKS[5], words(0, FUNCTION + 1))
    small.table["PspLegoNotifyRoutine"] = HEAD + 64
    small.write(HEAD + 64, words(FUNCTION + 2))
    # One that was never begun is empty.
    small.table["RtlpDebugPrintCallbackList"] = HEAD + 80
    assert found(small) == (
        [
            ("thread end", FUNCTION + 2, HEAD + 64, None),
            ("registry", FUNCTION, BLOCKS[0], "altitude 0.5"),
            ("registry", FUNCTION + 1, BLOCKS[1], "altitude 1.5"),
            ("bug check", FUNCTION, BLOCKS[2], "disk"),
            ("bug check reason", FUNCTION, BLOCKS[3], "dump"),
            ("nmi", FUNCTION, BLOCKS[4], None),
            ("nmi", FUNCTION + 1, BLOCKS[5], None),
        ],
        [],
    )


def test_those_of_drivers_are_told_with_the_driver(small: SmallWindows) -> None:
    driver, device = BASE + 0x9000, BASE + 0x9400
    small.put("_DRIVER_OBJECT", driver)
    text(small, driver + small.offset("_DRIVER_OBJECT", "DriverName"), "\\Driver\\a", driver + 800)
    small.set("_DRIVER_OBJECT", driver, "MajorFunction[16]", FUNCTION + 5)
    small.put("_DEVICE_OBJECT", device, {"DriverObject": driver})
    small.table["IopNotifyShutdownQueueHead"] = HEAD
    small.chain(HEAD, [BLOCKS[0]])
    small.write(BLOCKS[0] + 16, words(device))
    small.table["IopFsNotifyChangeQueueHead"] = HEAD + 16
    small.chain(HEAD + 16, [BLOCKS[1]])
    small.write(BLOCKS[1] + 16, words(driver, FUNCTION))
    assert found(small) == (
        [
            ("file system", FUNCTION, BLOCKS[1], "\\Driver\\a"),
            ("shutdown", FUNCTION + 5, BLOCKS[0], "\\Driver\\a"),
        ],
        [],
    )


def test_those_of_objects_come_before_and_after(small: SmallWindows) -> None:
    table, type_, entry = HEAD + 0x100, BASE + 0x9000, BASE + 0x9800
    small.table["ObTypeIndexTable"] = table
    small.write(table + 16, words(type_))
    small.put("_OBJECT_TYPE", type_, {"Index": 2})
    text(small, type_ + small.offset("_OBJECT_TYPE", "Name"), "Process", type_ + 0x200)
    small.chain(type_ + small.offset("_OBJECT_TYPE", "CallbackList"), BLOCKS[:2])
    small.write(BLOCKS[0] + 16, words(3, entry, type_, FUNCTION, FUNCTION + 1))
    small.write(BLOCKS[1] + 16, words(1, 0, type_, 0, FUNCTION + 2))
    text(small, entry + 16, "42", entry + 64)
    objects = found(small)
    small.write(entry + 16, words(4, BASE + 0x9000_0000))  # the altitude's letters are nowhere
    assert [one[3] for one in found(small)[0]] == [None, None, "Process, post"]
    assert objects == (
        [
            ("object", FUNCTION, BLOCKS[0], "Process, pre, altitude 42"),
            ("object", FUNCTION + 1, BLOCKS[0], "Process, post, altitude 42"),
            ("object", FUNCTION + 2, BLOCKS[1], "Process, post"),
        ],
        [],
    )


def test_lists_that_loop_or_lead_nowhere_end(small: SmallWindows) -> None:
    small.table["CallbackListHead"] = HEAD
    small.chain(HEAD, BLOCKS[:2])
    small.write(BLOCKS[1], words(BLOCKS[0]))
    small.table["KeBugCheckCallbackListHead"] = HEAD + 16
    small.write(HEAD + 16, words(5))
    small.table["KiNmiCallbackListHead"] = HEAD + 48
    small.write(HEAD + 48, words(BLOCKS[4]))
    small.write(BLOCKS[4], words(BLOCKS[4]))
    rows, cuts = found(small)
    assert [row[:1] for row in rows] == [("registry",)] * 2 + [("nmi",)]
    assert [cut.reason for cut in cuts] == [Reason.LOOP, Reason.MALFORMED, Reason.LOOP]


def test_what_no_symbol_leads_to_is_told(small: SmallWindows) -> None:
    context = small.open_()
    assert [len(one.batch) for one in Callback.portions(context)] == [0]
    (note,) = context.run.notes
    assert all(title in note for title in TITLES if title != "object")


def test_each_kind_is_read_from_somewhere() -> None:
    symbols = [symbol for kind in KINDS for symbol in kind.symbols]
    assert len(symbols) == len(set(symbols))
