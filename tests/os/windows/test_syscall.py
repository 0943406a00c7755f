"""System calls of Windows images, held to the truth; tables that lie."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from memq.errors import Reason
from memq.os.windows.syscall import SystemCall
from memq.os.windows.syscall_names import Functions, call_names, first_calls, stub_number
from tests.os.linux.small import BASE
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from memq.schema.batch import ObjectType, Portion
    from tests.os.windows.images import WindowsImage

CALLS = (
    "syscall.Select({index: index, name: name, address: address, hooked: is_hooked, "
    "module: module, args: stack_arguments, symbol: symbol, table: table})"
)


def test_the_kernels_calls_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    rows = [row for row in opened.query(CALLS).rows() if row["table"] == "kernel"]
    assert len(rows) == len(windows.truth["ssdt"])
    for row, one in zip(rows, windows.truth["ssdt"], strict=True):
        assert row["index"] == one["index"]
        assert row["address"] == one["address"]
        assert row["hooked"] is one["hooked"]
        assert row["args"] == one["args_on_stack"]
        assert row["module"] == (None if one["hooked"] else one["module"])
        if one["name"] is not None:  # what fills the table up has none
            assert row["name"] == one["name"]
            assert row["symbol"] == (None if one["hooked"] else one["name"])


def test_the_calls_of_win32k_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    rows = [row for row in opened.query(CALLS).rows() if row["table"] == "win32k"]
    recorded = [(one["index"], one["address"]) for one in windows.truth["shadow_ssdt"]]
    assert [(row["index"], row["address"]) for row in rows] == recorded
    for row in rows:
        assert row["module"] == "win32k.sys"
        assert row["hooked"] is False
        assert row["_unknown"] == {"name": "not in this kernel's types"}


def test_a_call_is_found_by_its_index(windows: WindowsImage, opened: Image) -> None:
    (one,) = [one for one in windows.truth["ssdt"] if one["hooked"]]
    query = f"syscall.Where(index == {one['index']}).Select(name)"
    assert list(opened.query(query).rows()) == [one["name"]]


# Names of places


def functions(
    names: list[str], numbers: dict[int, str] | None = None, *, one: int = 0
) -> Functions:
    """Make functions 16 bytes apart, the last `one` of which are the same function."""
    last = len(names) - max(one, 1)
    places = {name: 0x1000 + min(number, last) * 16 for number, name in enumerate(names)}
    by_address: dict[int, tuple[str, ...]] = {}
    for name, place in places.items():
        by_address[place] = (*by_address.get(place, ()), name)
    return Functions(places, by_address, numbers or {}, frozenset(names))


def named(known: Functions, table: list[str], hooked: dict[int, int]) -> list[str | None]:
    places = [known.by_name[name] for name in table]
    for number, place in hooked.items():
        places[number] = place
    return call_names(known, places)


def test_a_hooked_call_is_named_by_its_neighbours() -> None:
    table = [
        *list(first_calls())[:20],
        "NtAlpha",
        "NtBeta",
        "NtDelta",
        "NtGamma",
        "NtOmega",
        "NtZeta",
    ]
    known = functions(table)
    for place in range(len(table)):
        # Not near where one order ends and the other begins, and not without one behind it.
        is_known = place not in {19, 20, 21, 22, len(table) - 1}
        found = named(known, table, {place: 7})
        assert found[place] == (table[place] if is_known else None)
        assert [*found[:place], *found[place + 1 :]] == [*table[:place], *table[place + 1 :]]
    assert named(known, table, {23: 7, 24: 8}) == table


def test_it_is_not_guessed() -> None:
    known = functions(["NtA", "NtB", "NtC", "NtD", "NtE"])
    table = ["NtA", "NtB", "NtD", "NtE"]
    assert named(known, table, {1: 7}) == ["NtA", None, "NtD", "NtE"]
    assert named(functions(["NtA", "NtE", "NtC", "NtB"]), ["NtA", "NtE", "NtC", "NtB"], {2: 7}) == [
        "NtA", "NtE", None, "NtB",
    ]  # fmt: skip


def test_a_table_may_go_backwards() -> None:
    table = ["NtE", "NtD", "NtC", "NtB", "NtA"]
    assert named(functions(table), table, {2: 7}) == table


def test_calls_that_are_one_function_have_their_own_names() -> None:
    table = ["NtA", "NtC", "NtE", "NtB", "NtD"]
    known = functions(table, one=2)
    assert named(known, sorted(table), {}) == sorted(table)
    # Also before what was added later, behind all others.
    known = functions(["NtA", "NtC", "NtB", "NtD", "NtE"], one=2)
    assert named(known, ["NtA", "NtC", "NtD", "NtE", "NtB"], {}) == [
        "NtA", "NtC", "NtD", "NtE", "NtB",
    ]  # fmt: skip


def test_what_a_stub_says_comes_first() -> None:
    known = functions(["NtA", "NtB", "NtC"], {1: "NtC", 2: "NtB"})
    assert named(known, ["NtA", "NtB", "NtC"], {1: 7}) == ["NtA", "NtC", "NtB"]


def test_stubs_of_both_machines() -> None:
    code = bytes.fromhex("488bc4fa4883ec10509c6a10488d0500000000 50 b836000000 e900000000 9090")
    assert stub_number(code, is_64_bit=True) == 0x36
    assert stub_number(code[:20] + b"\0" + code[21:], is_64_bit=True) is None
    code = bytes.fromhex("b8ad000000 8d542404 9c 6a08 e800000000 c21000") + bytes(12)
    assert stub_number(code, is_64_bit=False) == 0xAD
    assert stub_number(bytes(32), is_64_bit=False) is None


# Small kernels

TABLE, DESCRIPTOR = IMAGE + 0x8000, IMAGE + 0x9000
NAMES = ["NtAlpha", "NtBeta", "NtDelta", "NtGamma"]


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    """A kernel with four system calls."""
    kernel = SmallWindows("struct _EPROCESS { long Pcb; };", tmp_path)
    kernel.module("ntoskrnl.exe", IMAGE, 0x1_0000)
    kernel.module("other.sys", BASE + 0x20_0000, 0x1000)
    kernel.write(IMAGE, bytes(0x1_0000))
    kernel.table["KeServiceDescriptorTable"] = DESCRIPTOR
    for number, name in enumerate(NAMES):
        kernel.table[name] = IMAGE + 0x1000 + number * 0x100
        kernel.table[f"Zw{name[2:]}"] = IMAGE + 0x2000 + number * 0x100
    describe(kernel, TABLE, len(NAMES))
    for number, name in enumerate(NAMES):
        enter(kernel, number, kernel.table[name])
    return kernel


def describe(kernel: SmallWindows, base: int, limit: int) -> None:
    kernel.write(DESCRIPTOR, struct.pack("<QQQQ", base, 0, limit, 0))


def enter(kernel: SmallWindows, number: int, address: int, arguments: int = 0) -> None:
    distance = (address - TABLE << 4) + arguments
    kernel.write(TABLE + number * 4, struct.pack("<i", distance))


def found(kernel: SmallWindows) -> tuple[ObjectType, Portion]:
    (portion,) = SystemCall.portions(kernel.open_())
    return portion.batch, portion


def test_entries_that_lead_elsewhere_are_hooked(small: SmallWindows) -> None:
    enter(small, 1, BASE + 0x20_0010, 3)
    enter(small, 2, small.table["NtDelta"] + 4)
    calls, portion = found(small)
    assert portion.cut is None
    assert calls.column("is_hooked").values.tolist() == [False, True, True, False]
    assert calls.column("name").to_list() == NAMES  # type: ignore[attr-defined]
    assert calls.column("stack_arguments").values.tolist() == [0, 3, 0, 0]
    assert calls.column("symbol").to_list() == [  # type: ignore[attr-defined]
        "NtAlpha", None, "NtDelta+0x4", "NtGamma",
    ]  # fmt: skip
    assert calls.column("module").to_list()[1] == "other.sys"  # type: ignore[attr-defined]


def test_distances_before_vista_keep_their_place(small: SmallWindows) -> None:
    for number, name in enumerate(NAMES):
        small.write(TABLE + number * 4, struct.pack("<i", small.table[name] - TABLE + 2))
    calls, _ = found(small)
    assert calls.column("name").to_list() == NAMES  # type: ignore[attr-defined]
    assert calls.column("stack_arguments").values.tolist() == [2] * 4


def test_of_exports_alone_it_is_not_said_that_a_function_is_hooked(small: SmallWindows) -> None:
    small.choice.rvas = {}
    del small.table["NtBeta"], small.table["ZwBeta"]
    enter(small, 3, BASE + 0x20_0010)
    calls, _ = found(small)
    assert calls.column("is_hooked").statuses.tolist() == [0, Reason.NOT_IN_KERNEL, 0, 0]
    assert calls.column("is_hooked").values.tolist()[3]
    assert calls.column("name").statuses.tolist()[1] == Reason.NOT_IN_KERNEL


@pytest.mark.parametrize(
    ("base", "limit", "reason"),
    [
        (0x7FFF_0000, 4, Reason.MALFORMED),
        (TABLE, 0, Reason.MALFORMED),
        (TABLE, 1 << 31, Reason.MALFORMED),
        (BASE + 0x40_0000, 4, Reason.NOT_IN_DUMP),
    ],
)
def test_a_descriptor_that_lies(small: SmallWindows, base: int, limit: int, reason: Reason) -> None:
    describe(small, base, limit)
    _, portion = found(small)
    assert portion.cut is not None
    assert portion.cut.reason == reason


def test_a_kernel_whose_table_is_not_known(small: SmallWindows) -> None:
    del small.table["KeServiceDescriptorTable"]
    context = small.open_()
    assert not list(SystemCall.portions(context))
    assert len(context.run.notes) == 2
