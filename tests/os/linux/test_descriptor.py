"""Descriptors: bitmaps, pointers, flags and kinds, and tables that are malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.linux.descriptor import Descriptor
from memq.run import Limits
from memq.schema.batch import ObjectType
from tests.os.linux.small import BASE, SmallKernel, SmallTypes, addresses
from tests.os.linux.trees_of_files import FILES, Files

if TYPE_CHECKING:
    from pathlib import Path

    from memq.schema.collection import Collection

TYPES = (
    FILES
    + """
struct fdtable { unsigned int max_fds; void *fd; void *close_on_exec; void *open_fds; };
struct files_struct { int count; struct fdtable *fdt; };
"""
)


class Tables:
    """Puts tables of descriptors into a kernel, every part on a page of its own."""

    def __init__(self, folder: Path) -> None:
        self.kernel = SmallKernel(SmallTypes(TYPES), folder)
        self.files = Files(self.kernel)
        self.parts: list[dict[str, int]] = []

    def table(
        self, opened: dict[int, int], *, size: int = 64, closing: tuple[int, ...] = ()
    ) -> int:
        """Put a table: the file of each open descriptor (0: none yet), and those closed on exec."""
        names = ("files", "fdt", "fd", "open_fds", "close_on_exec")
        part = {name: self.files.page() for name in names}
        members = {"max_fds": size, **{name: part[name] for name in names[2:]}}
        self.kernel.put("fdtable", part["fdt"], members)
        self.kernel.put("files_struct", part["files"], {"fdt": part["fdt"]})
        for name, bits in (("open_fds", opened), ("close_on_exec", closing)):
            words = sum(1 << bit for bit in bits).to_bytes(max(size // 8, 8), "little")
            self.kernel.write(part[name], words)
        self.kernel.write(part["fd"], b"".join(
            opened.get(n, 0).to_bytes(8, "little") for n in range(min(size, 512))
        ))  # fmt: skip
        self.parts.append(part)
        return part["files"]

    def descriptors(self, places: list[int], limits: Limits | None = None) -> Collection:
        context = self.kernel.open_(limits)
        owners = ObjectType(context, {"address": addresses(*range(1, len(places) + 1))})
        status = np.array([0 if place else Reason.NULL for place in places], np.uint8)
        tables = self.kernel.structs("files_struct", addresses(*places), status)
        return Descriptor.of(owners, tables)


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def numbers(found: Collection) -> list[list[int]]:
    """Return the descriptors of each table."""
    column = found.children.rows["descriptor"]
    return [column[found.owner == parent].tolist() for parent in range(found.parents)]


def column(found: Collection, name: str) -> list[object]:
    """Return a field of all descriptors, reasons where there is no value."""
    field = found.children.column(name)
    strings = getattr(field, "to_list", None)
    plain = strings() if strings else field.values.tolist()
    return [
        Reason(status) if status else value
        for value, status in zip(plain, field.statuses.tolist(), strict=True)
    ]


def test_open_descriptors_by_number(tables: Tables) -> None:
    file = tables.files.page()
    opened = {0: file, 1: file, 63: file, 64: file, 200: file, 255: file}
    places = [tables.table(opened, size=256), 0, tables.table({}), tables.table({5: file})]
    found = tables.descriptors(places)
    assert numbers(found) == [sorted(opened), [], [], [5]]
    assert found.cut is None
    assert set(column(found, "address")) == {file}


def test_descriptor_that_is_just_being_opened_is_none(tables: Tables) -> None:
    file = tables.files.page()
    assert numbers(tables.descriptors([tables.table({0: file, 1: 0, 2: file})])) == [[0, 2]]


def test_pointer_that_can_be_no_file_cuts(tables: Tables) -> None:
    file = tables.files.page()
    found = tables.descriptors([tables.table({0: file, 1: 0x5555_0000}), tables.table({2: file})])
    assert numbers(found) == [[0], [2]]
    assert found.cut is not None
    assert found.cut.tolist() == [Reason.MALFORMED, 0]
    assert found.cut_at is not None
    assert found.cut_at[0] == 0x5555_0000


def test_flags_with_close_on_exec(tables: Tables) -> None:
    plain = tables.files.file(0, 0, f_flags=0o100002, f_pos=77)
    marked = tables.files.file(0, 0, f_flags=0o2100002)
    found = tables.descriptors([tables.table({0: plain, 1: plain, 2: marked}, closing=(1,))])
    assert column(found, "flags") == [0o100002, 0o2100002, 0o100002]
    assert column(found, "open_flags") == column(found, "flags")
    assert column(found, "position") == [77, 77, 0]
    assert column(found, "descriptor") == [0, 1, 2]


def test_kinds_and_names(tables: Tables) -> None:
    files = tables.files
    root = files.dentry("/")
    mount = files.mount(root)
    modes = (0o100644, 0o040755, 0o020620, 0o060660, 0o010600, 0o140777, 0o120777, 0o600)
    opened = {
        number: files.file(mount, files.dentry(f"f{number}", root), files.inode(mode, number + 10))
        for number, mode in enumerate(modes)
    }
    inode = files.inode(0o600, 34)
    queue = files.pseudo("anon_inodefs_dname", "[eventpoll]", inode)
    watch = files.pseudo("anon_inodefs_dname", "inotify", inode)
    opened |= {8: files.file(mount, queue, inode), 9: files.file(mount, watch, inode)}
    found = tables.descriptors([tables.table(opened)])
    assert column(found, "kind") == [
        "regular file", "directory", "character device", "block device", "fifo", "socket",
        "symbolic link", "other", "eventpoll", "inotify",
    ]  # fmt: skip
    assert column(found, "name")[:2] == ["/f0", "/f1"]
    assert column(found, "name")[8:] == ["anon_inode:[eventpoll]", "anon_inode:inotify"]
    assert column(found, "mode")[:8] == list(modes)
    assert column(found, "inode") == [10, 11, 12, 13, 14, 15, 16, 17, 34, 34]


def test_kind_of_an_anonymous_inode_is_as_unknown_as_its_name(tables: Tables) -> None:
    files, missing = tables.files, BASE + 0x7000_0000
    mount = files.mount(files.dentry("/"))
    inodes = [files.inode(mode) for mode in (0o600, 0o140777)]
    opened = {n: files.file(mount, missing, inode) for n, inode in enumerate(inodes)}
    found = tables.descriptors([tables.table(opened)])
    (reason, _) = column(found, "name")
    assert isinstance(reason, Reason)
    assert reason > Reason.NULL
    assert column(found, "kind") == [reason, "socket"]


def test_file_without_an_inode_is_unknown(tables: Tables) -> None:
    found = tables.descriptors([tables.table({0: tables.files.file(0, 0)})])
    for name in ("name", "kind", "inode", "device", "mode"):
        assert column(found, name) == [Reason.NULL], name


@pytest.mark.parametrize("size", [1 << 25, 1 << 31, 100])
def test_absurd_size_of_a_table(tables: Tables, size: int) -> None:
    file = tables.files.page()
    places = [tables.table({0: file}), tables.table({0: file})]
    tables.kernel.set("fdtable", tables.parts[0]["fdt"], "max_fds", size)
    found = tables.descriptors(places)
    assert numbers(found) == [[], [0]]
    assert found.cut is not None
    assert found.cut.tolist() == [Reason.MALFORMED, 0]
    assert found.cut_at is not None
    assert found.cut_at[0] == tables.parts[0]["fdt"]


def test_bitmap_that_ends_in_a_hole(tables: Tables) -> None:
    file = tables.files.page()
    place = tables.table({0: file, 500: file}, size=512)
    tables.kernel.set("fdtable", tables.parts[0]["fdt"], "max_fds", 1 << 20)
    found = tables.descriptors([place])
    assert numbers(found) == [[0, 500]]
    assert found.cut is not None
    assert found.cut.tolist() == [Reason.NOT_IN_DUMP]


@pytest.mark.parametrize("part", ["files", "fdt", "open_fds", "close_on_exec"])
def test_missing_part_cuts_its_own_table_only(tables: Tables, part: str) -> None:
    file = tables.files.page()
    places = [tables.table({3: file}), tables.table({4: file})]
    tables.kernel.lose(tables.parts[0][part])
    found = tables.descriptors(places)
    assert numbers(found)[1] == [4]
    assert numbers(found)[0] == ([3] if part == "close_on_exec" else [])
    assert found.cut is not None
    assert found.cut.tolist() == [Reason.NOT_IN_DUMP, 0]


def test_descriptor_whose_pointer_is_not_there_is_one_of_unknown_file(tables: Tables) -> None:
    file = tables.files.page()
    place = tables.table({1: file, 2: file})
    tables.kernel.lose(tables.parts[0]["fd"])
    found = tables.descriptors([place])
    assert numbers(found) == [[1, 2]]
    assert column(found, "descriptor") == [1, 2]
    for name in ("address", "name", "kind", "flags", "inode", "is_deleted"):
        assert column(found, name) == [Reason.NOT_IN_DUMP] * 2, name


def test_tables_are_bounded_together(tables: Tables) -> None:
    file = tables.files.page()
    places = [tables.table({0: file}, size=256) for _ in range(3)]
    found = tables.descriptors(places, Limits(children=512))
    assert numbers(found) == [[0], [0], []]
    assert found.cut is not None
    assert found.cut.tolist() == [0, 0, Reason.LIMIT]


def test_owner_of_descriptors(tables: Tables) -> None:
    file = tables.files.page()
    found = tables.descriptors([tables.table({1: file}), tables.table({2: file, 3: file})])
    reference = found.children.reference("process")
    assert reference.index.tolist() == [0, 1, 1]
    assert len(reference.batch) == 2
    assert int(found.children.rows["table"][0]) > BASE
