"""Every way to read an address space against reading it byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import Reason
from tests.synthetic.memory import PAGE, VirtualMemory
from tests.synthetic.reading import array, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.layers.space import AddressSpace
    from tests.synthetic.reading import Found

AREA = 0xFFFF_C900_0000_0000
TOP = (1 << 64) - PAGE
MANY = 100


def byte_by_byte(space: AddressSpace, va: int, size: int, root: int | None) -> Iterator[Found]:
    for at in range(va, va + size):
        if at >= 1 << 64:
            yield Reason.MALFORMED
        else:
            (found,) = rows(space, [at], 1, None if root is None else [root])
            yield found


def plain(space: AddressSpace, va: int, size: int, root: int | None) -> Found:
    parts = list(byte_by_byte(space, va, size, root))
    bad = next((part for part in parts if isinstance(part, Reason)), None)
    return b"".join(part for part in parts if isinstance(part, bytes)) if bad is None else bad


def plain_text(space: AddressSpace, va: int, limit: int, root: int | None) -> Found:
    found = b""
    if va == 0:
        return Reason.NULL
    for byte in byte_by_byte(space, va, limit, root):
        if isinstance(byte, Reason):
            return byte
        if byte == b"\0":
            return found
        found += byte
    return found


@st.composite
def spaces(draw: st.DrawFn) -> tuple[VirtualMemory, list[int]]:
    """A few pages, scattered, with holes to the byte; their addresses, with those beside them."""
    kernel = VirtualMemory()
    starts = [AREA, TOP - PAGE, 0]
    for start in starts:
        for page in range(3 if start != TOP - PAGE else 2):
            if draw(st.integers(0, 5)):
                kernel.map(start + page * PAGE)
                byte = draw(st.sampled_from([b"q", b"q", b"\xc3\xa9", b"r\0"]))
                kernel.write(start + page * PAGE, byte * (PAGE // len(byte)))
    direct = kernel.allocate(2 * PAGE, PAGE)
    kernel.write(direct, b"d" * 2 * PAGE)
    places = [*kernel.places.values(), direct - kernel.base]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.sampled_from([0, 1, 100, 1000, 4000]))
        kernel.memory.remove(
            draw(st.sampled_from(places)) + at, draw(st.sampled_from([1, 7, 95, PAGE]))
        )
    return kernel, [*starts, direct]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("space")


offsets = st.one_of(
    st.integers(-2, 2 * PAGE + 5),
    st.builds(
        lambda page, off: page * PAGE + off, st.integers(0, 3), st.sampled_from([-100, -9, -1, 0])
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    made=spaces(),
    picks=st.lists(
        st.tuples(st.integers(0, 3), offsets, st.integers(0, 130)), min_size=1, max_size=6
    ),
    size=st.sampled_from([1, 2, 8, 63, 200]),
    is_own=st.booleans(),
    chunk=st.sampled_from([1 << 24, PAGE]),
)
def test_all_ways_agree(
    folder: Path,
    made: tuple[VirtualMemory, list[int]],
    picks: list[tuple[int, int, int]],
    size: int,
    is_own: bool,
    chunk: int,
) -> None:
    kernel, starts = made
    vas = [(starts[number] + offset) % (1 << 64) for number, offset, _ in picks]
    sizes = [length for _, _, length in picks]
    root = kernel.tables.root if is_own else None
    times = MANY // len(picks) + 1
    space = kernel.open(folder)
    with space.physical, pytest.MonkeyPatch.context() as patch:
        patch.setattr("memq.layers.space._CHUNK", chunk)
        patch.setattr("memq.layers.strings._CHUNK", chunk)
        for repeat in (1, times):
            table = array(*vas * repeat)
            roots = array(*[kernel.tables.root] * len(table)) if is_own else None
            own = None if roots is None else roots.tolist()
            expected = [plain(space, va, size, root) for va in vas]
            assert rows(space, vas * repeat, size, own) == expected * repeat
            expected = [
                plain(space, va, length, root) for va, length in zip(vas, sizes, strict=True)
            ]
            data, status = space.gather_ranges(table, np.array(sizes * repeat), 120, roots)
            cut = [
                plain(space, va, min(length, 120), root)
                for va, length in zip(vas, sizes, strict=True)
            ]
            assert [Reason(s) if s else d for d, s in zip(data, status.tolist(), strict=True)] == (
                cut * repeat
            )
            found = [plain_text(space, va, 150, root) for va in vas]
            text = space.text(table, 150, roots)
            words = [
                None if isinstance(f, Reason) else f.decode("utf-8", "backslashreplace")
                for f in found
            ]
            assert text.to_list() == words * repeat
            reasons = [f if isinstance(f, Reason) else Reason.KNOWN for f in found]
            assert text.statuses.tolist() == reasons * repeat
