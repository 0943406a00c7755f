"""Where Windows kernels are looked for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from memq.image import open_image
from memq.layers.opening import open_physical
from memq.layers.paging import X86_64
from memq.os.detect import detect
from memq.os.hints import Hints
from memq.os.windows.locate import Root, kernel_under, quick_roots
from memq.os.windows.stub import low_stub
from memq.progress import Progress
from memq.symbols.store import ProfileStore
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory
    from tests.lab import Dump

PAGE = 4096


def opened(folder: Path, pages: Mapping[int, bytes]) -> PhysicalMemory:
    """Open a raw image of 2 MB that has these pages."""
    memory = bytearray(2 << 20)
    for place, page in pages.items():
        memory[place : place + len(page)] = page
    path = folder / "image.raw"
    path.write_bytes(memory)
    return open_physical(path)


def stub(*, jump: int = 0x1_0006_6FE9, target: int = 0xFFFF_F803_1234_5678 & ~3) -> bytes:
    page = bytearray(PAGE)
    struct.pack_into("<Q", page, 0, jump)
    struct.pack_into("<Q", page, 0x70, target)
    struct.pack_into("<Q", page, 0xA0, 0x1AD000)
    return bytes(page)


def test_the_page_that_processors_start_from(tmp_path: Path) -> None:
    found = opened(tmp_path, {0x13000: stub(), 0x20000: stub()})
    assert low_stub(found) == (0x13000, 0x1AD000)
    assert low_stub(opened(tmp_path, {0x1000: bytes(PAGE), 0x13000: stub(jump=0)})) is None
    assert low_stub(opened(tmp_path, {0x13000: stub(target=0x1234)})) is None
    assert low_stub(opened(tmp_path, {0x10_0000: stub()})) is None


def test_no_such_page_in_a_linux_dump(dump: Dump) -> None:
    with open_physical(dump.path) as physical:
        assert low_stub(physical) is None


def test_an_image_without_page_tables_is_told(tmp_path: Path) -> None:
    guid = bytes(range(16))
    record = b"RSDS" + guid + struct.pack("<I", 1) + b"ntkrnlmp.pdb\0"
    page = record.rjust(PAGE, b"\xcc")
    with opened(tmp_path, {0x13000: page}) as physical, pytest.raises(SymbolError) as caught:
        detect(physical, Progress())
    assert str(caught.value).endswith(
        "no page tables lead to a kernel's image, although one of ntkrnlmp.pdb "
        f"030201000504070608090A0B0C0D0E0F-1 lies at {0x14000 - len(record):#x}"
    )


def test_what_remains_of_a_root_hides_no_other(tmp_path: Path) -> None:
    """One that lies first maps the kernel and no pool, so that it leads to no process."""
    store = ProfileStore()
    table = store.table(store.of_build(19041)[0])
    assert table is not None
    path = tmp_path / "image.raw"
    Scene(table, Options(build=19041, low_stub=False)).image.save_raw(path)
    with open_image(path) as image:
        root = image.kernel.root
    memory = bytearray(path.read_bytes())
    free = next(at for at in range(PAGE, root, PAGE) if not any(memory[at : at + PAGE]))
    kernel = 0x1F0 * 8
    memory[free + kernel : free + kernel + 8] = memory[root + kernel : root + kernel + 8]
    struct.pack_into("<Q", memory, free + 0x1ED * 8, free | 0x63)
    path.write_bytes(memory)
    with open_image(path) as image:
        assert image.kernel.root == root


def test_what_is_for_windows_is_not_used_for_linux_and_that_is_told(
    dump: Dump, tmp_path: Path
) -> None:
    page_file = tmp_path / "pagefile.sys"
    page_file.write_bytes(bytes(PAGE))
    with open_image(dump.path, page_files=[page_file], directory_table_base=0x1000) as image:
        assert image.warnings[-1] == (
            "the page tables and page files that were given are not used: the dump is of Linux"
        )


def test_tables_that_lead_to_themselves_everywhere_cost_little(tmp_path: Path) -> None:
    def leading(to: int) -> bytes:
        return struct.pack("<Q", to | 0x63) * 512

    root = bytearray(leading(0x2000))
    struct.pack_into("<Q", root, 0x1ED * 8, 0x1063)
    pages = {0x1000: bytes(root), 0x2000: leading(0x2000), 0x3000: leading(0x3000)}
    with opened(tmp_path, pages) as physical:
        assert [one.root for one in quick_roots(physical, Hints()) if one.mode is X86_64] == [
            0x1000
        ]
        before = physical.bytes_read
        assert kernel_under(physical, Root("a test", X86_64, 0x1000)) is None
        assert physical.bytes_read - before < 256 << 20
