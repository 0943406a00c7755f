"""Fields of mappings, as /proc/PID/maps shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.linux.vma import Vma
from memq.schema.kinds import Kind
from tests.os.linux.small import BASE, SmallKernel, SmallTypes, addresses
from tests.os.linux.spaces import CONSTANTS, MAPLE, PAGE, Area, Spaces
from tests.os.linux.trees_of_files import FILES, Files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from memq.column import Column

TYPES = FILES + MAPLE.replace("struct mm_struct {", "struct mm_struct { int unused;")
OPERATIONS = BASE + 0x60_0000
SPECIAL = BASE + 0x60_1000


@pytest.fixture
def spaces(tmp_path: Path) -> Spaces:
    return Spaces(SmallKernel(SmallTypes(TYPES, CONSTANTS), tmp_path))


def batch(spaces: Spaces, areas: Sequence[Area], space: int) -> Vma:
    """Open the dump and return a batch of these mappings."""
    context = spaces.kernel.open_()
    rows = {
        "address": addresses(*(area.address for area in areas)),
        "space": addresses(*[space] * len(areas)),
        "start": addresses(*(area.start for area in areas)),
    }
    return Vma(context, rows)


def values(column: Column) -> list[object]:
    """Return a column's values, reasons where there is none."""
    strings = getattr(column, "to_list", None)
    plain = strings() if strings else column.values.tolist()
    return [
        Reason(reason) if reason else value
        for value, reason in zip(plain, column.statuses.tolist(), strict=True)
    ]


def test_protection_and_size(spaces: Spaces) -> None:
    flags = [0, 1, 3, 5, 7 | 0x80, 0x75]
    areas = [spaces.area(PAGE * n, PAGE * (n + 2), vm_flags=f) for n, f in enumerate(flags)]
    vmas = batch(spaces, areas, spaces.space(areas))
    assert values(vmas.protection) == ["---", "r--", "rw-", "r-x", "rwx", "r-x"]
    assert values(vmas.is_readable) == [False, True, True, True, True, True]
    assert values(vmas.is_writable) == [False, False, True, False, True, False]
    assert values(vmas.is_executable) == [False, False, False, True, True, True]
    assert values(vmas.is_shared) == [False, False, False, False, True, False]
    assert values(vmas.is_private) == [True, True, True, True, False, True]
    assert values(vmas.size) == [2 * PAGE] * 6
    assert values(vmas.flags) == flags


def test_each_flag_is_one_bit_with_one_name() -> None:
    names, bits = zip(*Vma.flags.value_type.names, strict=True)
    assert Vma.flags.value_type.kind is Kind.FLAGS
    assert all(bit.bit_count() == 1 for bit in bits)
    assert len(set(names)) == len(set(bits)) == len(bits)
    assert 0x800 not in bits


def test_mapping_that_ends_before_it_begins(spaces: Spaces) -> None:
    areas = [spaces.area(0x5000, 0x4000)]
    assert values(batch(spaces, areas, spaces.space(areas)).size) == [Reason.MALFORMED]


def test_mapped_files(spaces: Spaces) -> None:
    files = Files(spaces.kernel)
    root = files.dentry("/")
    mount = files.mount(root)
    inode = files.inode(number=42, device=0xFE << 20)
    program = files.file(mount, files.dentry("program", root), inode)
    gone = files.file(mount, files.dentry("gone", root, hashed=False), inode)
    memory = files.file(mount, files.pseudo("simple_dname", "memfd:x", inode), inode)
    areas = [
        spaces.area(0x1000, 0x2000, vm_file=program, vm_pgoff=3),
        spaces.area(0x2000, 0x3000),
        spaces.area(0x3000, 0x4000, vm_file=gone),
        spaces.area(0x4000, 0x5000, vm_file=memory, vm_flags=0x80),
        spaces.area(0x5000, 0x6000, vm_file=program),
    ]
    vmas = batch(spaces, areas, spaces.space(areas))
    names = ["/program", Reason.NULL, "/gone", "/memfd:x", "/program"]
    assert values(vmas.file_name) == names
    assert values(vmas.name) == names
    assert values(vmas.is_deleted) == [False, False, True, True, False]
    assert values(vmas.is_anonymous) == [False, True, False, False, False]
    assert values(vmas.offset) == [3 * PAGE, Reason.NULL, 0, 0, 0]
    assert values(vmas.inode) == [42, Reason.NULL, 42, 42, 42]
    assert values(vmas.device) == ["fe:00", Reason.NULL, "fe:00", "fe:00", "fe:00"]


HEAP = {"start_brk": 0x10000, "brk": 0x12000, "start_stack": 0x7F100}


@pytest.mark.parametrize(("newer", "touching"), [(False, "[heap]"), (True, Reason.NULL)])
def test_heap_and_stack(tmp_path: Path, newer: bool, touching: object) -> None:
    source = TYPES + ("struct backing_file { struct file file; };" if newer else "")
    spaces = Spaces(SmallKernel(SmallTypes(source, CONSTANTS), tmp_path))
    areas = [
        spaces.area(0xE000, 0x10000),
        spaces.area(0x10000, 0x12000),
        spaces.area(0x12000, 0x13000),
        spaces.area(0x14000, 0x15000),
        spaces.area(0x7F000, 0x80000),
    ]
    vmas = batch(spaces, areas, spaces.space(areas, **HEAP))
    assert values(vmas.name) == [touching, "[heap]", touching, Reason.NULL, "[stack]"]
    assert values(vmas.is_anonymous) == [True] * 5


def test_what_the_kernel_mapped(spaces: Spaces) -> None:
    kernel = spaces.kernel
    kernel.table["special_mapping_name"] = SPECIAL + 0x800
    kernel.put("vm_operations_struct", OPERATIONS, {"name": SPECIAL + 0x800})
    kernel.put("vm_operations_struct", OPERATIONS + 64, {"name": SPECIAL + 0x900})
    kernel.put("vm_operations_struct", OPERATIONS + 128, {"name": 0})
    for number, name in enumerate(("[vdso]", "[vvar]")):
        text = kernel.text(SPECIAL + 256 + 16 * number, name)
        kernel.put("vm_special_mapping", SPECIAL + 64 * number, {"name": text})
    areas = [
        spaces.area(0x1000, 0x2000, vm_ops=OPERATIONS, vm_private_data=SPECIAL),
        spaces.area(0x2000, 0x3000, vm_ops=OPERATIONS, vm_private_data=SPECIAL + 64),
        spaces.area(0x3000, 0x4000, vm_ops=OPERATIONS + 64, vm_private_data=SPECIAL),
        spaces.area(0x10000, 0x11000, vm_ops=OPERATIONS + 128),
        spaces.area(0x5000, 0x6000, vm_ops=OPERATIONS, vm_private_data=0),
    ]
    vmas = batch(spaces, areas, spaces.space(areas, **HEAP))
    expected = ["[vdso]", "[vvar]", Reason.NOT_IN_KERNEL, "[heap]", Reason.NULL]
    assert values(vmas.name) == expected
    assert values(vmas.file_name) == [Reason.NULL] * 5
    assert values(vmas.is_anonymous) == [False] * 5


def test_names_that_programs_gave(spaces: Spaces) -> None:
    files = Files(spaces.kernel)
    mount = files.mount(files.dentry("/"))
    memory = files.file(mount, files.pseudo("simple_dname", "dev/zero", files.inode()))
    given = spaces.kernel.put("anon_vma_name", SPECIAL)
    spaces.kernel.text(given + spaces.kernel.offset("anon_vma_name", "name"), "arena 1")
    areas = [
        spaces.area(0x1000, 0x2000, anon_name=given),
        spaces.area(0x2000, 0x3000, anon_name=given, vm_file=memory),
        spaces.area(0x10000, 0x11000, anon_name=given),
        spaces.area(0x20000, 0x21000),
    ]
    vmas = batch(spaces, areas, spaces.space(areas, **HEAP))
    assert values(vmas.name) == ["[anon:arena 1]", "[anon_shmem:arena 1]", "[heap]", Reason.NULL]
    assert values(vmas.file_name) == [Reason.NULL, "/dev/zero", Reason.NULL, Reason.NULL]


def test_name_in_a_place_that_files_use_otherwise(tmp_path: Path) -> None:
    types = SmallTypes(TYPES, CONSTANTS)
    layout = types.layouts["vm_area_struct"]
    layout.members = {**layout.members, "shared": layout.member("anon_name")}
    spaces = Spaces(SmallKernel(types, tmp_path))
    files = Files(spaces.kernel)
    root = files.dentry("/")
    program = files.file(files.mount(root), files.dentry("program", root), files.inode())
    areas = [spaces.area(0x1000, 0x2000, vm_file=program, anon_name=BASE + 0x6666_0000)]
    assert values(batch(spaces, areas, spaces.space(areas)).name) == ["/program"]


def test_mapping_that_is_not_there(spaces: Spaces) -> None:
    areas = spaces.areas(3)
    space = spaces.space(areas)
    spaces.kernel.lose(areas[1].address)
    vmas = batch(spaces, areas, space)
    for name in Vma.fields:
        if name != "address":
            statuses = vmas.column(name).statuses.tolist()
            assert statuses[1] == Reason.NOT_IN_DUMP, name
            assert Reason.NOT_IN_DUMP not in (statuses[0], statuses[2]), name


def test_rows_taken_share_what_was_read(spaces: Spaces) -> None:
    areas = spaces.areas(40)
    vmas = batch(spaces, areas, spaces.space(areas))
    assert len(vmas.start.values) == 40
    before = spaces.kernel.physical.reads
    some = vmas.take(np.arange(5, 15))
    assert values(some.end) == [area.end for area in areas[5:15]]
    assert spaces.kernel.physical.reads == before
