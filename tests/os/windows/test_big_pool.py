"""Large allocations: held to the truth; tables that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.errors import Reason
from memq.os.windows.big_pool import BigPool
from tests.os.linux.small import BASE
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from tests.os.windows.images import WindowsImage

TYPE = """struct _POOL_TRACKER_BIG_PAGES {
    unsigned long Va; unsigned int Key; unsigned int PoolType; unsigned long NumberOfBytes;
};"""
OLD_TYPE = """struct _POOL_TRACKER_BIG_PAGES {
    unsigned long Va; unsigned int Key; unsigned long NumberOfPages;
};"""
TABLE = BASE + 0x20_0000
NAME = "_POOL_TRACKER_BIG_PAGES"


def test_large_allocations_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "big_pool.Select({va: address, tag: tag, bytes: size, paged: is_paged})"
    found = sorted(opened.query(query).rows(), key=lambda row: str(row["va"]))
    assert found == sorted(windows.truth["bigpools"], key=lambda one: str(one["va"]))


def made(folder: Path, source: str = TYPE, count: int = 4) -> SmallWindows:
    kernel = SmallWindows(source, folder)
    for number, name in enumerate(("PoolBigPageTable", "PoolBigPageTableSize")):
        kernel.table[name] = IMAGE + 0x100 + number * 8
    kernel.write(IMAGE + 0x100, TABLE.to_bytes(8, "little") + count.to_bytes(8, "little"))
    size = kernel.types.layouts[NAME].size
    key = int.from_bytes(b"Pro\xe3", "little")
    members = {"Va": BASE + 0x30_0000, "Key": key}
    kernel.put(NAME, TABLE, members)
    kernel.put(NAME, TABLE + size, {**members, "Va": BASE + 0x31_0001})  # free again
    kernel.put(NAME, TABLE + 2 * size, {})
    kernel.put(NAME, TABLE + 3 * size, {**members, "Va": BASE + 0x32_0000})
    return kernel


def test_free_places_are_left_out(tmp_path: Path) -> None:
    kernel = made(tmp_path)
    portions = list(BigPool.portions(kernel.open_()))
    batch = portions[0].batch
    assert batch.column("address").values.tolist() == [BASE + 0x30_0000, BASE + 0x32_0000]
    assert batch.column("tag").to_list() == ["Proc", "Proc"]  # type: ignore[attr-defined]
    assert [portion.cut for portion in portions] == [None, None]


def test_before_vista_whole_pages_are_counted(tmp_path: Path) -> None:
    kernel = made(tmp_path, OLD_TYPE)
    kernel.set(NAME, TABLE, "NumberOfPages", 3)
    batch = next(BigPool.portions(kernel.open_())).batch
    assert batch.column("size").values.tolist() == [3 * 4096, 0]
    assert batch.column("is_paged").statuses.tolist() == [Reason.NOT_IN_KERNEL] * 2


def test_a_table_that_is_not_all_there_says_so(tmp_path: Path) -> None:
    kernel = made(tmp_path, count=4096)
    *portions, last = BigPool.portions(kernel.open_())
    assert len(portions[0].batch) == 2
    assert last.cut is not None
    assert last.cut.reason is Reason.NOT_IN_DUMP


def test_a_table_of_absurd_size_is_cut_short(tmp_path: Path) -> None:
    kernel = made(tmp_path, count=1 << 60)
    *portions, last = BigPool.portions(kernel.open_())
    assert sum(len(portion.batch) for portion in portions) == 2
    assert last.cut is not None
    assert last.cut.reason is Reason.LIMIT


def test_without_the_symbol_there_is_a_reason(tmp_path: Path) -> None:
    kernel = made(tmp_path)
    del kernel.table["PoolBigPageTable"]
    (portion,) = BigPool.portions(kernel.open_())
    assert portion.cut is not None
    assert portion.cut.reason is Reason.NOT_IN_KERNEL
