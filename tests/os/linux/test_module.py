"""Kernel modules as /proc/modules shows them, in the layouts of older and newer kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from memq.errors import Reason
from memq.os.linux.module import Module
from memq.os.linux.ranges import module_ranges
from tests.os.linux.small import BASE, SmallKernel, SmallTypes, addresses

if TYPE_CHECKING:
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel
    from memq.schema.batch import Portion

COMMON = """
struct list_head { struct list_head *next; struct list_head *prev; };
struct atomic { int counter; };
struct module_layout { void *base; unsigned int size; };
struct module_memory { void *base; unsigned int size; };
struct module {
    int state; struct list_head list; char name[56]; char *version; struct atomic refcnt;
    unsigned long taints; struct mod_kallsyms *kallsyms; PLACES
};
struct mod_kallsyms { void *symtab; unsigned int num_symtab; char *strtab; };
struct elf64_sym {
    unsigned int st_name; unsigned char st_info; unsigned char st_other; unsigned short st_shndx;
    unsigned long st_value; unsigned long st_size;
};
"""
OLDER = COMMON.replace(
    "PLACES", "struct module_layout core_layout; struct module_layout init_layout;"
)
NEWER = COMMON.replace("PLACES", "struct module_memory mem[7];")
MODULES = BASE + 0x1000
CODE = 0xFFFF_FFFF_C000_0000


def kernel_of(source: str, folder: Path) -> SmallKernel:
    kernel = SmallKernel(SmallTypes(source), folder)
    kernel.table["modules"] = MODULES
    return kernel


def put(kernel: SmallKernel, number: int, name: bytes, **members: int) -> int:
    address = BASE + 0x1_0000 + 0x1000 * number
    kernel.put("module", address, {"name": name, "refcnt.counter": 1, **members})
    newer = kernel.types.layouts["module"].has("mem")
    places = ("mem[0]", "mem[3]") if newer else ("core_layout", "init_layout")
    for place, base, size in ((places[0], CODE, 0x3000), (places[1], CODE + 0x80_0000, 0x1000)):
        kernel.set("module", address, f"{place}.base", base + number * 0x1_0000)
        kernel.set("module", address, f"{place}.size", size)
    return address


def listed(kernel: SmallKernel, places: list[int]) -> Portion:
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [place + offset for place in places])
    (portion,) = Module.portions(kernel.open_())
    return portion


def field(portion: Portion, name: str) -> list[Any]:
    column = portion.batch.column(name)
    strings = getattr(column, "to_list", None)
    plain = strings() if strings else column.values.tolist()
    return [
        Reason(reason) if reason else value
        for value, reason in zip(plain, column.statuses.tolist(), strict=True)
    ]


@pytest.mark.parametrize("source", [OLDER, NEWER], ids=["layouts", "mem"])
def test_fields(tmp_path: Path, source: str) -> None:
    kernel = kernel_of(source, tmp_path)
    version = kernel.text(BASE + 0x5000, "1.2")
    first = put(kernel, 1, b"ext4", state=0, version=version)
    second = put(kernel, 2, b"rootkit", state=1, taints=1 << 12 | 1 << 13)
    kernel.set("module", second, "refcnt.counter", 4)
    portion = listed(kernel, [second, first])
    assert portion.cut is None
    assert field(portion, "name") == ["rootkit", "ext4"]
    assert field(portion, "base") == [CODE + 0x2_0000, CODE + 0x1_0000]
    assert field(portion, "size") == [0x4000, 0x4000]
    assert field(portion, "state") == ["coming", "live"]
    assert field(portion, "references") == [3, 0]
    assert field(portion, "version") == [Reason.NULL, "1.2"]
    assert field(portion, "taints") == ["OE", ""]
    assert field(portion, "address") == [second, first]


def test_no_modules(tmp_path: Path) -> None:
    portion = listed(kernel_of(NEWER, tmp_path), [])
    assert not len(portion.batch)
    assert field(portion, "size") == []


def test_state_that_does_not_exist(tmp_path: Path) -> None:
    kernel = kernel_of(NEWER, tmp_path)
    assert field(listed(kernel, [put(kernel, 1, b"x", state=9)]), "state") == [Reason.MALFORMED]


def test_list_that_loops(tmp_path: Path) -> None:
    kernel = kernel_of(NEWER, tmp_path)
    places = [put(kernel, number, b"m%d" % number) for number in range(3)]
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [place + offset for place in places])
    kernel.set("module", places[2], "list.next", places[1] + offset)
    (portion,) = Module.portions(kernel.open_())
    assert field(portion, "name") == ["m0", "m1", "m2"]
    assert portion.cut is not None
    assert portion.cut.reason is Reason.LOOP
    assert portion.cut.text.startswith("list of modules cut short after 3 elements")


def test_module_that_is_not_there(tmp_path: Path) -> None:
    kernel = kernel_of(NEWER, tmp_path)
    places = [put(kernel, number, b"m%d" % number) for number in range(2)]
    kernel.lose(places[1])
    portion = listed(kernel, places[:1])
    kernel.lose(places[0])
    assert portion.cut is None
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [places[1] + offset])
    kernel.lose(places[1])
    (portion,) = Module.portions(kernel.open_())
    assert portion.cut is not None
    assert portion.cut.reason is Reason.NOT_IN_DUMP
    assert field(portion, "name") == [Reason.NOT_IN_DUMP]


@pytest.mark.parametrize("source", [OLDER, NEWER], ids=["layouts", "mem"])
def test_which_module_is_where(tmp_path: Path, source: str) -> None:
    kernel = kernel_of(source, tmp_path)
    places = [put(kernel, number, b"m%d" % number) for number in (2, 1)]
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [place + offset for place in places])
    context = kernel.open_()
    ranges = module_ranges(cast("LinuxKernel", kernel), context.run)
    asked = [CODE + 0x1_0000, CODE + 0x1_2FFF, CODE + 0x1_3000, CODE + 0x82_0010, CODE, 0]
    assert ranges.names(addresses(*asked)).to_list() == ["m1", "m1", None, "m2", None, None]


def test_where_modules_are_missing_what_is_elsewhere_is_not_known(tmp_path: Path) -> None:
    kernel = kernel_of(NEWER, tmp_path)
    place = put(kernel, 1, b"m1")
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [place + offset])
    kernel.set("module", place, "list.next", BASE + 0x60_0000)
    for head, inside in ((MODULES, "m1"), (0, Reason.NOT_IN_DUMP)):
        if not head:
            kernel.lose(MODULES)
        ranges = module_ranges(cast("LinuxKernel", kernel), kernel.open_().run)
        assert ranges.cut is not None
        found = ranges.names(addresses(CODE + 0x1_0000, CODE))
        reasons = [Reason(code) for code in found.statuses.tolist()]
        assert found.to_list()[0] == (inside if head else None)
        assert reasons[1] > Reason.NULL


def test_symbols_of_a_module(tmp_path: Path) -> None:
    kernel = kernel_of(NEWER, tmp_path)
    symbols = [
        ("", 0, 0),
        ("late", CODE + 0x1_0800, 1),
        ("imported", CODE + 0x1_0010, 0),
        ("early", CODE + 0x1_0000, 1),
    ]
    strings, table = BASE + 0x6000, BASE + 0x7000
    kernel.write(strings, b"\0" * 64)
    for number, (name, value, section) in enumerate(symbols):
        at = 16 * number
        kernel.text(strings + at, name)
        members = {"st_name": at, "st_shndx": section, "st_value": value}
        kernel.put("elf64_sym", table + 24 * number, members)
    parts = {"symtab": table, "num_symtab": len(symbols), "strtab": strings}
    place = put(kernel, 1, b"m", kallsyms=kernel.put("mod_kallsyms", BASE + 0x8000, parts))
    bare = put(kernel, 2, b"bare")
    wild = put(kernel, 3, b"wild", kallsyms=kernel.put(
        "mod_kallsyms", BASE + 0x8100, parts | {"num_symtab": 1 << 31},
    ))  # fmt: skip
    offset = kernel.offset("module", "list")
    kernel.chain(MODULES, [each + offset for each in (place, bare, wild)])
    ranges = module_ranges(cast("LinuxKernel", kernel), kernel.open_().run)
    asked = [
        CODE + 0x1_0000,
        CODE + 0x1_0020,
        CODE + 0x1_0801,
        CODE,
        CODE + 0x2_0000,
        CODE + 0x3_0000,
    ]
    expected = [("early", 0), ("early", 0x20), ("late", 1), None, None, None]
    assert ranges.symbols(addresses(*asked)) == expected
    assert ranges.named("late") == [("m", CODE + 0x1_0800)]
    assert ranges.named("imported") == ranges.named("") == []
