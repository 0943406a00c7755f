"""Damaged crash dumps: an ImageError or an answer with warnings, and never silent loss."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers.opening import open_physical
from tests.synthetic import crash
from tests.synthetic.crash import PAGE

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = 0xFFFF_F800_0000_0000
TRIAGE = crash.Triage(
    blocks=[(KERNEL + 0x1000 * n, bytes([n]) * 100) for n in range(1, 9)],
    drivers=[("\\SystemRoot\\ntoskrnl.exe", KERNEL, 0x800000), ("hal.dll", KERNEL + 1, 0x9000)],
    unloaded=[("old.sys", KERNEL, KERNEL + 0x8000)],
    stack=(KERNEL + 0x9000, bytes(500)),
).build()
DUMPS = {
    "full": crash.full_dump(True, [(1, 2), (9, 3)]),
    "full, 32": crash.full_dump(False, [(1, 2), (9, 3)]),
    "bitmap": crash.bitmap_dump(True, [1, 2, 9, 10, 11], 40),
    "bitmap, 32": crash.bitmap_dump(False, [1, 2, 9, 10, 11], 40),
    "old bitmap": crash.bitmap_dump(True, [1, 2, 9], 40, crash.SUMMARY, is_old=True),
    "live": crash.live_dump([(1, 2), (9, 3)]),
    "triage": TRIAGE,
}
PLACES = [
    *range(0x40),
    *range(0x80, 0xC0),
    *range(0xF80, 0xFC0),
    *range(0x1000, 0x1080),
    *range(0x2000, 0x2080),
]
"""Where headers say how large things are."""
MOST_MEMORY = 16 << 20


def answer(path: Path) -> int | None:
    """Open, read all there is in several ways; the bytes of memory, None where it is refused."""
    try:
        physical = open_physical(path)
    except ImageError:
        return None
    with physical:
        size = path.stat().st_size
        assert 0 < physical.present <= size
        read = sum(len(piece) for _, piece in physical.pieces(0, physical.limit))
        assert read == physical.present == physical.present_in(0, physical.limit)
        assert all("\n" not in warning for warning in physical.warnings)
        return physical.present


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crash") / "damaged.dmp"


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(DUMPS)),
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from([1, 4, 8]), st.integers(0, 1 << 64)),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_any_damage(
    path: Path, name: str, damage: list[tuple[int, int, int]], extreme: bool
) -> None:
    content = bytearray(DUMPS[name])
    for place, size, value in damage:
        most = (1 << 8 * size) - 1
        written = (
            [0, 1, most, most >> 1, max(most - 4095, 0)][value % 5] if extreme else value & most
        )
        content[place & -size : (place & -size) + size] = written.to_bytes(size, "little")
    path.write_bytes(content)
    answer(path)


@pytest.mark.parametrize("name", sorted(DUMPS))
def test_cut_at_every_boundary(path: Path, name: str) -> None:
    """What is cut is refused or warned of, and what is before the cut is there."""
    content = DUMPS[name]
    whole = answer_of(path, content)
    assert whole is not None
    edges = {at + by for at in range(0, len(content), PAGE) for by in (-1, 0, 1, 8, 0x38, 0x60)}
    edges |= {*range(0x2000, 0x2080, 4), *range(len(content) - 64, len(content))}
    for size in sorted(edge for edge in edges if 0 < edge < len(content)):
        found = answer_of(path, content[:size])
        if found is not None:
            assert found <= whole
            with open_physical(path) as physical:
                assert physical.warnings, size


def answer_of(path: Path, content: bytes) -> int | None:
    path.write_bytes(content)
    return answer(path)


@pytest.mark.parametrize("name", sorted(DUMPS))
def test_each_number_of_the_headers_at_its_extremes_costs_little(path: Path, name: str) -> None:
    """No count makes anything large: the memory that is used is bounded by the file's size."""
    content = DUMPS[name]
    most = 0
    for place in PLACES[::4]:
        for value in (0xFFFF_FFFF, 0x7FFF_FFFF):
            damaged = bytearray(content)
            damaged[place : place + 4] = value.to_bytes(4, "little")
            path.write_bytes(damaged)
            tracemalloc.start()
            answer(path)
            most = max(most, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert most < MOST_MEMORY
