"""Images that are not what their headers say."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.os.windows.pe import export_name, exports, identity, read_image
from tests.os.windows.small import IMAGE, PAGE, FlatSpace

if TYPE_CHECKING:
    from memq.layers.space import AddressSpace

BASE = IMAGE[8]
AT = 0x80
"""Where the header begins."""
EXPORTS, DEBUG = 0x800, 0xA00


def image_of(optional_size: int = 240) -> bytes:
    """Return an image of one page with one export and a record of its PDB."""
    page = bytearray(PAGE)

    def put(place: int, *parts: bytes) -> None:
        data = b"".join(parts)
        page[place : place + len(data)] = data

    pairs = {0: (EXPORTS, 0x100), 6: (DEBUG, 28)}
    directories = b"".join(struct.pack("<II", *pairs.get(one, (0, 0))) for one in range(16))
    optional = struct.pack("<H54xI52x", 0x20B, 4 * PAGE) + directories
    put(0, b"MZ")
    put(0x3C, struct.pack("<I", AT))
    put(AT, b"PE\0\0", struct.pack("<HHIIIHH", 0x8664, 1, 7, 0, 0, optional_size, 0))
    put(AT + 24, optional[:optional_size])
    put(AT + 24 + optional_size, b".text\0\0\0", struct.pack("<II24x", 0x1000, 0x1000))
    places = (EXPORTS + 40, EXPORTS + 44, EXPORTS + 48)
    put(EXPORTS, struct.pack("<12xIIIIIII", EXPORTS + 0x40, 1, 1, 1, *places))
    put(EXPORTS + 40, struct.pack("<IIH", 0x1234, EXPORTS + 0x50, 0))
    put(EXPORTS + 0x40, b"some.sys".ljust(16, b"\0"), b"Function\0")
    put(DEBUG, struct.pack("<12xIIII", 2, 0x40, DEBUG + 0x20, 0))
    put(DEBUG + 0x20, b"RSDS".ljust(20, b"\x11"), b"\1\0\0\0some.pdb\0")
    return bytes(page)


def space_of(page: bytes) -> AddressSpace:
    space = FlatSpace()
    space.write(BASE, page)
    return cast("AddressSpace", space)


def answer(space: AddressSpace) -> tuple[int, str | None, dict[str, int], str | None] | None:
    """Ask all that can be asked of an image; None where there is none."""
    image = read_image(space, BASE)
    if image is None:
        return None
    record = identity(space, image)
    name = export_name(space, image)
    return len(image.directories), name, exports(space, image), record and record[0]


def test_a_whole_image() -> None:
    found = answer(space_of(image_of()))
    assert found == (16, "some.sys", {"Function": 0x1234}, "some.pdb")


@pytest.mark.parametrize("size", [95, 96, 111, 112, *range(116, 136), 239, 240])
def test_a_header_that_ends_within_its_directories(size: int) -> None:
    found = answer(space_of(image_of(size)))
    assert (found is None) == (size < 96)
    if found is not None:
        assert found[0] == min(max(size - 112, 0) // 8, 16)
        assert found[1] == ("some.sys" if size >= 120 else None)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x3C, *range(AT, AT + 0x120), *range(EXPORTS, EXPORTS + 52)]),
            st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_damage_is_answered(damage: list[tuple[int, int]]) -> None:
    page = bytearray(image_of())
    for place, value in damage:
        page[place] = value
    answer(space_of(bytes(page)))
