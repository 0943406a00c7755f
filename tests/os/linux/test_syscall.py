"""Tables of system calls: where they end, what stands in them, and what is hooked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.errors import Reason
from memq.os.linux.syscall import SystemCall
from tests.os.linux.small import BASE, SmallKernel, SmallTypes
from tests.os.linux.test_module import CODE, MODULES, NEWER, put

if TYPE_CHECKING:
    from pathlib import Path

    from memq.schema.batch import Context, Portion

TEXT = BASE + 0x10_0000
TABLE = BASE + 0x20_0000
OTHER_TABLE = BASE + 0x20_1000
FUNCTIONS = {
    "__x64_sys_read": TEXT + 0x100,
    "__x64_sys_write": TEXT + 0x200,
    "__x64_sys_newstat": TEXT + 0x300,
    "__ia32_sys_ni_syscall": TEXT + 0x400,
    "__x64_sys_ni_syscall": TEXT + 0x400,
    "__ia32_compat_sys_open": TEXT + 0x500,
    "printk": TEXT + 0x600,
    "compat_helper": TEXT + 0x100,
}


@pytest.fixture
def kernel(tmp_path: Path) -> SmallKernel:
    kernel = SmallKernel(SmallTypes(NEWER), tmp_path)
    kernel.table = {
        "_text": TEXT, "_end": TEXT + 0x20_0000, "modules": MODULES, "sys_call_table": TABLE,
        "after_the_table": TABLE + 8 * 8, **FUNCTIONS,
    }  # fmt: skip
    kernel.chain(MODULES, [])
    return kernel


def table(
    kernel: SmallKernel, entries: list[int], where: int = TABLE
) -> tuple[list[Portion], Context]:
    kernel.write(where, b"".join(entry.to_bytes(8, "little") for entry in entries))
    context = kernel.open_()
    return list(SystemCall.portions(context)), context


def field(portion: Portion, name: str) -> list[Any]:
    column = portion.batch.column(name)
    strings = getattr(column, "to_list", None)
    plain = strings() if strings else column.values.tolist()
    return [
        Reason(reason) if reason else value
        for value, reason in zip(plain, column.statuses.tolist(), strict=True)
    ]


def test_table_ends_at_the_next_symbol_less_zeros(kernel: SmallKernel) -> None:
    entries = [TEXT + 0x100, TEXT + 0x200, 0, TEXT + 0x400]
    (portion,), context = table(kernel, entries)
    assert field(portion, "index") == [0, 1, 2, 3]
    assert field(portion, "address") == entries
    assert field(portion, "table") == ["64-bit"] * 4
    assert portion.cut is None
    assert list(context.run.notes) == ["this kernel has no table of 32-bit system calls"]


def test_an_entry_is_looked_up_by_its_index(kernel: SmallKernel) -> None:
    kernel.table |= {"ia32_sys_call_table": OTHER_TABLE, "after_that": OTHER_TABLE + 64}
    kernel.write(OTHER_TABLE, (TEXT + 0x400).to_bytes(8, "little"))
    every, context = table(kernel, [TEXT + 0x100, 0, TEXT + 0x200])
    for index in (0, 1, 2, 3, -1, 1 << 63, (1 << 64) - 1):
        found = list(SystemCall.looked_up(context, "index", index))
        for whole, portion in zip(every, found, strict=True):
            rows = [row for row, each in enumerate(field(whole, "index")) if each == index]
            assert portion.batch.rows["address"].tolist() == [
                whole.batch.rows["address"][row] for row in rows
            ]
            assert portion.cut == whole.cut


def test_names_and_symbols(kernel: SmallKernel) -> None:
    entries = [TEXT + 0x100, TEXT + 0x200, TEXT + 0x400, TEXT + 0x400, TEXT + 0x300]
    (portion,), _ = table(kernel, entries)
    assert field(portion, "name") == ["read", "write", Reason.NULL, Reason.NULL, "stat"]
    names = ["__x64_sys_read", "__x64_sys_write", "__ia32_sys_ni_syscall", "__ia32_sys_ni_syscall"]
    assert field(portion, "symbol") == [*names, "__x64_sys_newstat"]
    assert field(portion, "module") == ["kernel"] * 5
    assert field(portion, "is_hooked") == [False] * 5


def test_hooks(kernel: SmallKernel) -> None:
    module = put(kernel, 1, b"rootkit")
    kernel.chain(MODULES, [module + kernel.offset("module", "list")])
    entries = [
        TEXT + 0x100,
        TEXT + 0x208,  # inside a function
        TEXT + 0x600,  # a function, but no system call's
        CODE + 0x1_0010,  # in a module
        CODE + 0x5_0000,  # nowhere that is known
    ]
    (portion,), _ = table(kernel, entries)
    assert field(portion, "is_hooked") == [False, True, True, True, True]
    symbols = ["__x64_sys_read", "__x64_sys_write+0x8", "printk", Reason.NULL, Reason.NULL]
    assert field(portion, "symbol") == symbols
    assert field(portion, "module") == ["kernel"] * 3 + ["rootkit", Reason.NULL]
    assert field(portion, "name") == ["read", "write", "open", "close", "stat"]


def test_table_of_32_bit_calls(kernel: SmallKernel) -> None:
    kernel.table |= {"ia32_sys_call_table": OTHER_TABLE, "after_that": OTHER_TABLE + 64}
    kernel.write(OTHER_TABLE, b"".join(
        entry.to_bytes(8, "little") for entry in [TEXT + 0x400] * 5 + [TEXT + 0x500]
    ))  # fmt: skip
    (first, second), context = table(kernel, [TEXT + 0x100])
    assert field(first, "name") == ["read"]
    assert field(second, "table") == ["32-bit"] * 6
    assert field(second, "name")[5] == "open"
    assert field(second, "is_hooked") == [False] * 6
    assert not context.run.notes
    identity = [
        portion.batch.rows[name].tolist() for portion in (first, second) for name in ("table",)
    ]
    assert identity == [[0], [1] * 6]


def test_entries_that_are_not_there(kernel: SmallKernel) -> None:
    kernel.table["sys_call_table"] = TABLE + 0x1000 - 16
    kernel.table["after_the_table"] = TABLE + 0x1000 + 16
    kernel.table.pop("ia32_sys_call_table", None)
    kernel.write(TABLE + 0x1000, bytes(16))
    kernel.lose(TABLE + 0x1000)
    (portion,), _ = table(kernel, [TEXT + 0x100, TEXT + 0x200], TABLE + 0x1000 - 16)
    lost = [Reason.NOT_IN_DUMP] * 2
    assert field(portion, "address") == [TEXT + 0x100, TEXT + 0x200, *lost]
    for name in ("name", "symbol", "module", "is_hooked"):
        assert field(portion, name)[2:] == lost, name
    assert portion.cut is not None
    assert portion.cut.text == "sys_call_table: 2 entries: memory not in the dump"


def test_kernel_without_the_table(kernel: SmallKernel) -> None:
    del kernel.table["sys_call_table"]
    context = kernel.open_()
    assert not list(SystemCall.portions(context))
    assert len(context.run.notes) == 2
