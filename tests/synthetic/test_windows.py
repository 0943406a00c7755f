"""The builder of Windows images, read with the layers and structures that readers have.

That volatility3 reads the same from what it builds is in tests/peers/test_windows_builder.py.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.layers.opening import open_physical
from memq.layers.space import AddressSpace
from memq.symbols.structs import Structs
from memq.symbols.tables import Identity, ImageTable
from tests.synthetic.windows import dumps
from tests.synthetic.windows.isf import table_of
from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene
from tests.synthetic.windows.spoil import all_spoils
from tests.synthetic.windows.system import STUB, wait_keys
from tests.synthetic.windows.truth import plain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab
    from tests.synthetic.windows.image import WindowsImage

TABLES = {
    (7601, "x64"): "isf-reduced/339E74133576439CBCDF7E0229DA3773",
    (9600, "x64"): "isf-reduced/7C398E976BF945AD812B204DAFBC1A03",
    (20348, "x64"): "isf/ntkrnlmp-10.0.20348.288",
    (7601, "x86"): "isf/types-only-vergilius-6.1.7601.17514-x86",
    (7601, "pae"): "isf/types-only-vergilius-6.1.7601.17514-x86",
}
"""By build and paging: one table of each generation, which the lab has."""
NEWEST = (20348, "x64")


class Tables:
    """The lab's symbol tables, each read once."""

    def __init__(self, lab: Lab) -> None:
        self.folder = lab.folder / "windows"
        self.read: dict[tuple[int, str], ImageTable] = {}

    def __getitem__(self, which: tuple[int, str]) -> ImageTable:
        if which not in self.read:
            paths = sorted(self.folder.glob(f"{TABLES[which]}*"))
            if not paths:
                pytest.skip(f"the lab has no symbol table {TABLES[which]}")
            self.read[which] = table_of(paths[0])
        return self.read[which]


@pytest.fixture(scope="module")
def tables(lab: Lab) -> Tables:
    return Tables(lab)


def space_of(image: WindowsImage, folder: Path) -> AddressSpace:
    """Write an image and open System's memory in it."""
    path = folder / "memory.raw"
    image.save_raw(path)
    return AddressSpace(open_physical(path), image.kernel.space.mode, image.dtb)


def word(space: AddressSpace, va: int) -> int:
    """Read a pointer."""
    size = space.mode.word_size
    data, status = space.gather(np.array([va], np.uint64), size)
    assert not status.any()
    return int.from_bytes(data.tobytes(), "little")


@pytest.mark.parametrize("which", TABLES, ids=lambda which: f"{which[0]}-{which[1]}")
def test_each_process_is_in_the_list(
    tables: Tables, which: tuple[int, str], tmp_path: Path
) -> None:
    scene = Scene(tables[which], Options(build=which[0], paging=which[1]))
    space, types = space_of(scene.image, tmp_path), tables[which].types
    head = scene.image.kernel_base + scene.image.rvas["PsActiveProcessHead"]
    link = types.required("_EPROCESS").offset("ActiveProcessLinks")
    found, at = [], word(space, head)
    while at != head:
        found.append(at - link)
        at = word(space, at)
    listed = [one for one in scene.image.truth.processes if not one.hidden]
    assert found == [one.offset for one in listed]
    addresses = np.array(found, np.uint64)
    rows = Structs(space, types, types.struct("_EPROCESS"), addresses)
    assert rows["UniqueProcessId"].values.tolist() == [one.pid for one in listed]
    assert set(rows["Pcb.Header.Type"].values.tolist()) == {3}


@pytest.mark.parametrize("which", TABLES, ids=lambda which: f"{which[0]}-{which[1]}")
def test_each_process_has_the_kernel_half(tables: Tables, which: tuple[int, str]) -> None:
    scene = Scene(tables[which], Options(build=which[0], paging=which[1]))
    for process in scene.machine.processes:
        own = process.space.tables
        pa = scene.machine.space.physical(scene.image.kernel_base)
        assert own.read(own.place(scene.image.kernel_base)) & own.mode.address_mask == pa


def test_roots_refer_to_themselves(tables: Tables) -> None:
    scene = Scene(tables[NEWEST], Options(build=20348))
    for process in scene.machine.processes:
        root = process.space.tables.root
        entries = np.frombuffer(scene.image.memory.read(root, 4096), np.uint64)[256:]
        assert np.count_nonzero((entries ^ root) & np.uint64(0x0000_FFFF_FFFF_F083) == 3) == 1


def test_low_stub(tables: Tables) -> None:
    image = Machine(tables[NEWEST], Options(build=20348)).finish()
    page = struct.unpack("<512Q", image.memory.read(STUB, 4096))
    assert page[0] & 0xFFFF_FFFF_FFFF_00FF == 0x1_0006_00E9
    assert page[0x70 // 8] & 0xFFFF_F800_0000_0003 == 0xFFFF_F800_0000_0000
    assert page[0xA0 // 8] == image.dtb
    hidden = Machine(tables[NEWEST], Options(build=20348, low_stub=False)).finish()
    assert STUB // 4096 not in hidden.memory.pages


def test_handle_tables_of_each_level(tables: Tables, tmp_path: Path) -> None:
    machine = Machine(tables[NEWEST], Options(build=20348))
    event, levels = machine.event(), {100: 4, 104: 0x1000, 108: 0x8_0004}
    processes = [machine.process(pid, "a.exe") for pid in levels]
    for process, handle in zip(processes, levels.values(), strict=True):
        process.handle(event, 1, value=handle)
    machine.cid_level = 2
    space = space_of(machine.finish(), tmp_path)
    assert [process.truth.handle_levels for process in processes] == [0, 1, 2]
    for process in processes:
        handle = process.truth.handles[0].handle // 4
        code = word(space, process.table.record.at("TableCode")) if process.table else 0
        at, level = code & ~7, code & 7
        for above in range(level, 0, -1):
            at = word(space, at + handle // (256 * 512 ** (above - 1)) % 512 * 8)
        entry = word(space, at + handle % 256 * 16)
        assert (entry >> 20 << 4 | 0xFFFF << 48) == event.header.address
    assert machine.client_ids.record["TableCode"] & 7 == 2


def test_debugger_data(tables: Tables) -> None:
    plain_, hidden, wiped = (_block(tables[NEWEST], kdbg) for kdbg in ("plain", "encoded", "wiped"))
    assert plain_[0][0x10:0x14] == b"KDBG"
    assert not any(wiped[0])
    data, image = hidden
    assert b"KDBG" not in data
    keys = wait_keys(image.kernel)
    assert keys is not None
    never, always = keys
    salt = image.kernel_base + image.rvas["KdpDataBlockEncoded"]
    (number,) = struct.unpack_from("<Q", data, 0x18)
    turn = never & 63
    number ^= never
    number = (number << turn | number >> 64 - turn) & (1 << 64) - 1
    number = int.from_bytes((number ^ salt).to_bytes(8, "big"), "little") ^ always
    assert number == image.kernel_base


def _block(table: ImageTable, kdbg: str) -> tuple[bytes, WindowsImage]:
    image = Machine(table, Options(build=20348, kdbg=kdbg)).finish()
    address = image.kernel_base + image.rvas["KdDebuggerDataBlock"]
    image.kernel.image.make(address, 0x380)
    return image.kernel.space.read(address, 0x380), image


def test_entries_are_mixed_as_the_kernel_does(tables: Tables) -> None:
    scene = Scene(tables[NEWEST], Options(build=20348))
    own = scene.notepad.space.tables
    entry = {page.va & 0xFFFF: own.read(own.place(page.va)) for page in scene.image.truth.pages[:6]}
    mask, frames = 1 << 45, (1 << 48) - 4096
    assert (entry[0x1000] ^ mask) & 0xFFF == 4 << 5 | 1 << 11  # in transition, mixed
    assert scene.image.memory.read((entry[0x1000] ^ mask) & frames, 15) == b"PAGE transition"
    assert entry[0x4000] & 0xFFF == 4 << 5 | 1 << 11 | 1 << 4  # the same, plain
    assert (entry[0x2000] ^ mask) >> 32 == 0x21
    assert (entry[0x3000] ^ mask) >> 12 & 0xF == 1
    assert entry[0x5000] >> 32 == 0x24


def test_large_pages_hold_the_same(tables: Tables, tmp_path: Path) -> None:
    image = Machine(tables[NEWEST], Options(build=20348, large_pages=True)).finish()
    assert image.kernel_base % (1 << 21) == 0
    space = space_of(image, tmp_path)
    head = image.kernel_base + image.rvas["PsActiveProcessHead"]
    assert word(space, word(space, head) + 8) == head
    assert word(space, image.kernel_base) & 0xFFFF == 0x5A4D


def test_an_image_may_say_another_guid(tables: Tables) -> None:
    other = Identity("0123456789ABCDEF0123456789ABCDEF", 7)
    image = Machine(tables[NEWEST], Options(build=20348, identity=other)).finish()
    kept = b"".join(bytes(page) for _, page in sorted(image.memory.pages.items()))
    start = kept.index(b"RSDS")
    assert kept[start + 4 : start + 12] == bytes.fromhex("67452301AB89EFCD")
    assert struct.unpack_from("<I", kept, start + 20) == (7,)
    assert image.identity == other


def test_dumps_have_their_pages(tables: Tables, tmp_path: Path) -> None:
    image = Machine(tables[NEWEST], Options(build=20348)).finish()
    image.save_full_dump(tmp_path / "full")
    image.save_bitmap_dump(tmp_path / "bitmap")
    full, bitmap = ((tmp_path / name).read_bytes() for name in ("full", "bitmap"))
    used = len(image.memory.pages) * 4096
    assert (full[:8], len(full)) == (b"PAGEDU64", 0x2000 + used)
    assert full[0x2000:][:4096] == image.memory.read(STUB, 4096)
    (first, pages) = struct.unpack_from("<QQ", bitmap, 0x2020)
    assert (bitmap[0x2000:0x2008], pages * 4096) == (b"SDMPDUMP", used)
    assert bitmap[first:] == full[0x2000:]


def test_dump_of_the_kernel_has_no_memory_of_processes(tables: Tables, tmp_path: Path) -> None:
    scene = Scene(tables[NEWEST], Options(build=20348))
    scene.image.save_bitmap_dump(tmp_path / "kernel", dumps.AUTOMATIC)
    scene.image.save_bitmap_dump(tmp_path / "all", signature=b"FDMP")
    kernel, every = ((tmp_path / name).read_bytes() for name in ("kernel", "all"))
    assert b"PAGE present" in every
    assert b"PAGE present" not in kernel
    assert b"KDBG" in kernel
    assert (every[0x2000:0x2004], kernel[0xF98], every[0xF98]) == (b"FDMP", 7, 5)


def test_records_spoil_what_is_built(tables: Tables, tmp_path: Path) -> None:
    scene = Scene(tables[NEWEST], Options(build=20348))
    record = scene.notepad.record
    record["ActiveProcessLinks.Flink"] = 0x1234
    assert record["ActiveProcessLinks.Flink"] == 0x1234
    space = space_of(scene.image, tmp_path)
    assert word(space, record.at("ActiveProcessLinks")) == 0x1234


@pytest.mark.parametrize("which", [NEWEST, (7601, "x86")], ids=lambda which: which[1])
def test_every_way_to_spoil_changes_something(tables: Tables, which: tuple[int, str]) -> None:
    scene = Scene(tables[which], Options(build=which[0], paging=which[1]))
    pages = scene.image.memory.pages
    before = {number: bytes(page) for number, page in pages.items()}
    for name, spoil in all_spoils():
        spoil(scene)
        changed = {at for at, page in pages.items() if before.get(at, b"") != bytes(page)}
        assert changed, name
        for number in changed:
            pages[number][:] = before.get(number, bytes(4096))


def test_truth_as_json(tables: Tables) -> None:
    truth = plain(Scene(tables[NEWEST], Options(build=20348)).image.truth)
    notepad = next(one for one in truth["processes"] if one["name"] == "notepad.exe")
    assert notepad["create_time"] == "2026-03-14 09:19:25.250000 UTC"
    assert notepad["peb_image_base"] == "0x400000"
    assert notepad["offset"].startswith("0xffff")
