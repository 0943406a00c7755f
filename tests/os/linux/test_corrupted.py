"""Whatever stands in a dump, every object answers: values, reasons and cuts, never an error."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memq.column import Text
from memq.os.linux.system import LINUX
from tests.os.linux.machines import TYPES as MACHINE_TYPES
from tests.os.linux.machines import Machine
from tests.os.linux.processes import TYPES, Tasks
from tests.os.linux.small import BASE, PAGE, SmallKernel, SmallTypes
from tests.os.linux.spaces import CONSTANTS
from tests.os.linux.test_module import COMMON as MODULE_TYPES
from tests.os.linux.test_module import MODULES, put
from tests.os.linux.test_syscall import FUNCTIONS, TABLE, TEXT

if TYPE_CHECKING:
    from pathlib import Path

    from memq.schema.batch import ObjectType
    from memq.schema.collection import Collection

MEM = MODULE_TYPES.replace("PLACES", "struct module_memory mem[7];")
ALL_TYPES = TYPES + "".join(MEM.partition("struct atomic")[1:]) + MACHINE_TYPES


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SmallKernel:
    """A kernel with some of everything."""
    kernel = SmallKernel(SmallTypes(ALL_TYPES, CONSTANTS), tmp_path_factory.mktemp("whole"))
    tasks = Tasks(kernel)
    files, spaces = tasks.files, tasks.spaces
    root = files.dentry("/")
    mount = files.mount(root)
    program = files.file(mount, files.dentry("program", root), files.inode(number=5))
    socket = files.inode(0o140777, 77)
    opened = files.file(mount, files.pseudo("sockfs_dname", "", socket), socket)
    for pid in range(1, 9):
        areas = spaces.areas(pid * 5)
        for area in areas[::2]:
            kernel.set("vm_area_struct", area.address, "vm_file", program)
        table = files.page()
        kernel.put("files_struct", table, {"fdt": table + 64})
        parts = {"fd": table + 512, "open_fds": table + 256, "close_on_exec": table + 320}
        kernel.put("fdtable", table + 64, {"max_fds": 64, **parts})
        kernel.write(table + 256, b"\x0b")
        for number in (0, 1, 3):
            kernel.write(table + 512 + 8 * number, opened.to_bytes(8, "little"))
        tasks.task(pid, mm=spaces.space(areas, exe_file=program), files=table)
    Machine(kernel)
    first, *others = tasks.places
    tasks.families({first: others})
    tasks.link(tasks.places[:-1])
    modules = [put(kernel, number + 0x40, b"module") for number in range(3)]
    kernel.chain(MODULES, [module + kernel.offset("module", "list") for module in modules])
    kernel.write(TABLE, b"".join((TEXT + 0x100).to_bytes(8, "little") for _ in range(20)))
    kernel.table |= {
        "_text": TEXT,
        "_end": TEXT + PAGE,
        "modules": MODULES,
        "sys_call_table": TABLE,
    }
    kernel.table |= {**FUNCTIONS, "after_the_table": TABLE + 8 * 40}
    return kernel


def ask(batch: ObjectType) -> int:
    """Compute every field of a batch; return how many values it gave."""
    known = 0
    for name in batch.fields:
        column = batch.column(name)
        assert len(column.values) == len(batch), name
        known += int(column.known.sum())
        if isinstance(column, Text):
            codes = column.values[column.known]
            assert not len(codes) or 0 <= codes.min() <= codes.max() < len(column.words), name
            for word in column.words:
                word.encode()  # no lone surrogates, whatever the bytes were
    return known


def ask_everything(kernel: SmallKernel) -> int:
    """Compute every field of every object that there is."""
    context = kernel.open_()
    known = 0
    for name in ("process", "driver", "syscall", "kernel"):
        for portion in LINUX.objects[name].portions(context):
            batch = portion.batch
            known += ask(batch)
            for part in batch.subobjects.values():
                if part.many:
                    known += ask_children(batch.collection(part.name), len(batch))
                else:
                    known += ask(batch.reference(part.name).batch)
    return known


def ask_children(found: Collection, parents: int) -> int:
    assert found.parents == parents
    assert len(found.owner) == len(found.children)
    assert (np.diff(found.owner) >= 0).all()
    assert found.cut is None or len(found.cut) == parents
    return ask(found.children)


def test_whole_kernel_has_everything(whole: SmallKernel) -> None:
    context = whole.open_()
    portions = list(LINUX.objects["process"].portions(context))
    assert sum(len(portion.batch) for portion in portions) == 8
    assert not any(portion.cut for portion in portions)
    for name in ("vad_object", "handle_object", "children"):
        collections = [portion.batch.collection(name) for portion in portions]
        assert not any(found.cut is not None for found in collections), name
        assert all(len(found.children) for found in collections[:1]), name
    assert ask_everything(whole) > 1000


places = st.tuples(st.integers(0, 1 << 30), st.integers(0, PAGE // 8 - 1))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    numbers=st.lists(st.tuples(places, st.integers(0, (1 << 64) - 1)), max_size=40),
    swapped=st.lists(st.tuples(places, places), max_size=40),
    lost=st.lists(st.integers(0, 1 << 30), max_size=8),
)
def test_numbers_changed_pointers_swapped_pages_lost(
    whole: SmallKernel,
    tmp_path: Path,
    numbers: list[tuple[tuple[int, int], int]],
    swapped: list[tuple[tuple[int, int], tuple[int, int]]],
    lost: list[int],
) -> None:
    kernel = SmallKernel(whole.types, tmp_path)
    kernel.pages, kernel.table = deepcopy(whole.pages), whole.table
    pages = list(kernel.pages.values())

    def word(place: tuple[int, int]) -> tuple[bytearray, slice]:
        start = place[1] * 8
        return pages[place[0] % len(pages)], slice(start, start + 8)

    for place, number in numbers:
        page, at = word(place)
        page[at] = number.to_bytes(8, "little")
    for place, other in swapped:
        page, at = word(place)
        source, there = word(other)
        page[at] = source[there]
    for number in lost:
        kernel.lose(BASE + list(kernel.pages)[number % len(kernel.pages)] * PAGE)
    if kernel.pages:
        ask_everything(kernel)
