"""Page files beside a dump: read by addresses above all memory, and no part of it."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq import open as open_image
from memq.cli import main
from memq.errors import ImageError, SymbolError
from memq.layers.opening import open_physical
from memq.layers.pagefiles import MOST_PAGE_FILES, PAGE_FILE_BASE, PAGE_FILE_STEP
from memq.layers.paging import X86, X86_64
from memq.layers.physical import ADDRESS_LIMIT
from memq.layers.space import AddressSpace
from tests.layers.windows_lab import unpacked
from tests.synthetic.crash import page
from tests.synthetic.memory import PAGE, Memory, PageTables

if TYPE_CHECKING:
    from pathlib import Path

    from memq.column import Addresses, Statuses
    from memq.layers.paging import PagingMode
    from memq.layers.physical import PhysicalMemory

FIRST, SECOND = PAGE_FILE_BASE, PAGE_FILE_BASE + PAGE_FILE_STEP
RAW = b"".join(page(number) for number in range(8))


def made(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.fixture
def physical(tmp_path: Path) -> PhysicalMemory:
    """A raw image of 8 pages, with page files of 3 and of 2 pages."""
    first = made(tmp_path, "pagefile.sys", b"".join(page(100 + number) for number in range(3)))
    second = made(tmp_path, "other.sys", page(200) + page(201))
    return open_physical(made(tmp_path, "raw", RAW), None, [first, second])


def test_addresses_of_all_page_files_are_addresses() -> None:
    assert PAGE_FILE_BASE + MOST_PAGE_FILES * PAGE_FILE_STEP == ADDRESS_LIMIT


def test_page_files_are_read_by_address(physical: PhysicalMemory) -> None:
    assert physical.page_files == (3 * PAGE, 2 * PAGE)
    assert physical.read(FIRST + PAGE, PAGE) == page(101)
    assert physical.read(SECOND, 8) == page(200)[:8]
    assert physical.read(FIRST + 3 * PAGE, 1) is None
    assert physical.read(FIRST + 3 * PAGE - 1, 2) is None
    assert physical.read(SECOND + PAGE_FILE_STEP, 1) is None
    assert physical.read(0, PAGE) == page(0)
    places = {FIRST: 100, 5 * PAGE: 5, SECOND + PAGE: 201, FIRST + 2 * PAGE: 102, 0: 0}
    for times in (1, 100):  # few are read one by one
        addresses = np.array([*places, 8 * PAGE, SECOND + 2 * PAGE] * times, np.uint64)
        data, there = physical.gather(addresses, 64)
        assert there.tolist() == [*[True] * len(places), False, False] * times
        rows = [page(number)[:64] for number in places.values()]
        assert [row.tobytes() for row in data[there]] == rows * times
        assert physical.holds(addresses, 64).tolist() == there.tolist()
    physical.will_need(np.array(list(places), np.uint64), 64)


def test_reads_of_all_files_are_counted(physical: PhysicalMemory) -> None:
    reads, size = physical.reads, physical.bytes_read
    physical.read(0, 8)
    physical.read(SECOND, 16)
    assert (physical.reads - reads, physical.bytes_read - size) == (2, 24)


def test_page_files_are_no_memory(physical: PhysicalMemory) -> None:
    assert (physical.limit, physical.present) == (len(RAW), len(RAW))
    assert physical.starts.tolist() == [0]
    assert physical.file.size == len(RAW)
    for end in (physical.limit, ADDRESS_LIMIT, 1 << 64):
        assert b"".join(piece for _, piece in physical.pieces(0, end)) == RAW
        assert physical.present_in(0, end) == len(RAW)
    assert list(physical.pieces(FIRST, FIRST + PAGE)) == []
    assert physical.present_in(FIRST, ADDRESS_LIMIT) == 0


def test_closing_closes_all(physical: PhysicalMemory) -> None:
    physical.close()
    with pytest.raises(ImageError, match=r"pagefile\.sys: cannot be read"):
        physical.read(FIRST, 1)


@pytest.mark.parametrize("mode", [X86, X86_64], ids=lambda mode: mode.name)
def test_a_resolver_finds_pages_in_them(tmp_path: Path, mode: PagingMode) -> None:
    """An address space reads through to a page file, few addresses at a time and many."""

    def resolver(
        entries: Addresses, vas: Addresses, roots: Addresses, shift: int
    ) -> tuple[Addresses, Statuses]:
        return SECOND + (entries >> np.uint64(12)) * np.uint64(PAGE), np.zeros(len(vas), np.uint8)

    memory = Memory()
    tables = PageTables(memory, mode)
    tables.set(0x7000_0000, PAGE, 1 << 12)
    tables.set(0x7000_1000, PAGE, 0 << 12)
    memory.save_lime(tmp_path / "lime")
    files = [made(tmp_path, "0", page(100)), made(tmp_path, "1", page(200) + page(201))]
    with open_physical(tmp_path / "lime", None, files) as physical:
        space = AddressSpace(physical, mode, tables.root, resolver=resolver)
        assert space.read(0x7000_0000, 2 * PAGE) == page(201) + page(200)
        vas = np.array([0x7000_0010, 0x7000_1010, 0x7000_0FFC] * 50, np.uint64)
        data, status = space.gather(vas, 8)
        assert not status.any()
        expected = [page(201)[16:24], page(200)[16:24], page(201)[-4:] + page(200)[:4]]
        assert [row.tobytes() for row in data] == expected * 50


def test_compressed_and_cut_page_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    packed = made(tmp_path, "pagefile.xz", lzma.compress(b"words, only words" * 1000))
    with open_physical(made(tmp_path, "raw", RAW), None, [packed]) as physical:
        assert physical.page_files == (16384,)
        assert physical.read(FIRST, 5) == b"words"
        assert physical.warnings == [f"{packed}: the page file is cut short inside a page"]


def test_what_is_no_page_file(tmp_path: Path) -> None:
    raw = made(tmp_path, "raw", RAW)
    good, small = made(tmp_path, "good", page(1)), made(tmp_path, "small", b"1234")
    with pytest.raises(ImageError, match=r"nothing\.sys: No such file"):
        open_physical(raw, None, [good, tmp_path / "nothing.sys"])
    with pytest.raises(ImageError, match=r"small: too small for a page file \(4 bytes\)"):
        open_physical(raw, None, [good, small])
    with pytest.raises(ImageError, match="Windows has at most 16 page files"):
        open_physical(raw, None, [good] * 17)
    with open_physical(raw, None, [good] * 16) as physical:
        assert physical.read(ADDRESS_LIMIT - PAGE_FILE_STEP, PAGE) == page(1)


def test_memory_where_page_files_would_lie(tmp_path: Path) -> None:
    memory = Memory(1 << 51)
    memory.allocate()
    memory.save_lime(tmp_path / "far")
    with pytest.raises(ImageError, match="above page files"):
        open_physical(tmp_path / "far", None, [made(tmp_path, "good", page(1))])
    with open_physical(tmp_path / "far") as physical:
        assert physical.limit == (1 << 51) + PAGE


def test_the_option_and_the_argument(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [made(tmp_path, "a", page(1)), made(tmp_path, "b", page(2) + page(3))]
    with open_image(sample, page_files=map(str, files)) as image:
        assert image.physical.page_files == (PAGE, 2 * PAGE)
    query = ["-e", "process.Take(1).Select([pid])", "-o", "jsonl"]
    options = [part for file in files for part in ("--pagefile", str(file))]
    assert main([str(sample), *options, *query]) == 0
    assert capsys.readouterr().out == '{"pid":1}\n'
    nothing = tmp_path / "nothing.sys"
    assert main([str(sample), "--pagefile", str(nothing), *query]) == 3
    assert capsys.readouterr().err == f"memq: error: {nothing}: No such file or directory\n"
    with pytest.raises(SystemExit, match="2"):
        main(["--schema", "--pagefile", str(files[0])])
    with pytest.raises(SymbolError):
        open_image(made(tmp_path, "raw", RAW), page_files=files)


def test_a_real_layout() -> None:
    """The lab's page file beside its dump: whole pages, each with content of its own."""
    pagefile = unpacked("synthetic/win10-19041.pagefile.sys")
    dump = unpacked("synthetic/win10-19041.bitmap.dmp")
    with open_physical(dump, None, [pagefile]) as physical:
        assert physical.page_files == (pagefile.stat().st_size,)
        assert physical.read(FIRST, pagefile.stat().st_size) == pagefile.read_bytes()
        assert physical.present_in(0, 1 << 64) == physical.present
