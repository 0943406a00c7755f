"""Cabinets: what is packed comes out again, as libarchive has it, too; damage is refused."""

from __future__ import annotations

import ctypes
import ctypes.util
import random
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import SymbolError
from memq.progress import Progress
from memq.symbols.cab import unpack_cab
from tests.synthetic import cab
from tests.synthetic.lzx import ALIGNED, RAW, VERBATIM

if TYPE_CHECKING:
    from collections.abc import Callable


def content(size: int = 66_001) -> bytes:
    """Return data that has matches near and far, and bytes that look like calls."""
    chance = random.Random(5)
    words = [chance.randbytes(chance.randint(2, 40)) for _ in range(300)]
    data = bytearray()
    while len(data) < size:
        data += chance.choice(words) + b"\xe8" + struct.pack("<i", chance.randint(-90_000, 90_000))
    return bytes(data[:size])


def lzx(*blocks: tuple[int, int], window: int = 15, program: int = 0) -> Callable[[bytes], bytes]:
    """Pack by these blocks; the last takes what is left."""

    def pack(data: bytes) -> bytes:
        rest = len(data) - sum(size for _kind, size in blocks[:-1])
        return cab.packed_lzx(data, [*blocks[:-1], (blocks[-1][0], rest)], window, program)

    return pack


MIXED = lzx(
    (ALIGNED, 1001), (RAW, 3), (RAW, 101), (VERBATIM, 1), (RAW, 40_001), (ALIGNED, 20_000),
    (VERBATIM, 0), window=21,
)  # fmt: skip
WAYS = {
    "stored": cab.stored,
    "stored, with bytes of someone's own": lambda data: cab.stored(data, reserve=5),
    "MSZIP": cab.mszip,
    "LZX, verbatim": lzx((VERBATIM, 0)),
    "LZX, aligned": lzx((ALIGNED, 0), window=17),
    "LZX, raw": lzx((RAW, 0)),
    "LZX, raw, that ends with a frame": lzx((RAW, 1 << 15), (VERBATIM, 0)),
    "LZX, all kinds": MIXED,
    "LZX, calls translated": lzx((ALIGNED, 1001), (VERBATIM, 0), window=18, program=200_000),
    "LZX, calls translated in raw bytes": lzx((RAW, 0), program=50_000),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_packed_comes_out_again(way: str) -> None:
    data = content()
    assert unpack_cab(WAYS[way](data), Progress()) == data


@pytest.mark.parametrize("size", [1, 2, 3, 10, 11, 32_767, 32_768, 32_769, 65_536])
def test_sizes_about_a_frame(size: int) -> None:
    data = content(size)
    for pack in (cab.mszip, lzx((VERBATIM, 0)), lzx((RAW, 0))):
        assert unpack_cab(pack(data), Progress()) == data


@pytest.mark.parametrize("way", WAYS)
def test_libarchive_reads_the_same(way: str) -> None:
    """So what the tests pack is what others take for a cabinet."""
    library = ctypes.util.find_library("archive")
    if library is None:
        pytest.skip("libarchive is not installed")
    data = content()
    assert libarchive(library, WAYS[way](data)) == data


def libarchive(library: str, packed: bytes) -> bytes:
    """Unpack a cabinet by libarchive."""
    calls = ctypes.CDLL(library)
    calls.archive_read_new.restype = ctypes.c_void_p
    calls.archive_read_data.restype = ctypes.c_ssize_t
    reader, entry = ctypes.c_void_p(calls.archive_read_new()), ctypes.c_void_p()
    calls.archive_read_support_format_cab(reader)
    assert calls.archive_read_open_memory(reader, packed, ctypes.c_size_t(len(packed))) == 0
    assert calls.archive_read_next_header(reader, ctypes.byref(entry)) == 0
    buffer = ctypes.create_string_buffer(1 << 20)
    got = calls.archive_read_data(reader, buffer, ctypes.c_size_t(len(buffer)))
    calls.archive_read_free(reader)
    return buffer.raw[:got]


@pytest.mark.parametrize("way", ["stored", "MSZIP", "LZX, all kinds"])
def test_cut_short(way: str) -> None:
    packed = WAYS[way](content())
    for length in (0, 3, 30, 36, 50, 60, 70, 5_000, len(packed) - 1):
        with pytest.raises(SymbolError):
            unpack_cab(packed[:length], Progress())


@pytest.mark.parametrize(
    ("at", "form", "value", "says"),
    [
        (26, "<H", 0, "without a whole file"),
        (28, "<H", 0, "without a whole file"),
        (30, "<H", 2, "without a whole file"),
        (42, "<H", 2, "expand it by hand"),
        (42, "<H", 3, "window of 0 bits"),
        (44, "<I", 0xFFFFFFFF, "file of"),
        (40, "<H", 1, "less than it says"),
        (36, "<I", 0xFFFFFFF0, "cut short"),
        (68, "<I", 12, "checksum does not hold"),
        (74, "<H", 0xFFFF, "cut short"),
    ],
)
def test_fields_that_lie(at: int, form: str, value: int, says: str) -> None:
    packed = bytearray(cab.stored(content(40_000), ""))
    struct.pack_into(form, packed, at + (0 if at < 60 else -7), value)
    with pytest.raises(SymbolError, match=says):
        unpack_cab(bytes(packed), Progress())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_bytes_gone_wrong_are_refused_or_no_matter(data: st.DataObject) -> None:
    way = data.draw(st.sampled_from(["MSZIP", "LZX, verbatim", "LZX, raw"]))
    packed = bytearray(WAYS[way](content(3_000)))
    struct.pack_into("<I", packed, 66, 0)  # no checksum, so that it gets far
    at = data.draw(st.integers(36, 250) | st.integers(74, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        unpacked = unpack_cab(bytes(packed), Progress())
    except SymbolError as error:
        assert "\n" not in str(error)  # noqa: PT017 - an answer is right, too
    else:
        assert len(unpacked) <= 1 << 20
