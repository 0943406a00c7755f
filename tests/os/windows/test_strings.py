"""Text of the kernel's that is no text."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.column import Column
from memq.errors import Reason
from memq.os.windows.strings import decode_all, decode_utf16, text_to_nul
from tests.os.windows.small import PAGE, FlatSpace

if TYPE_CHECKING:
    from memq.layers.space import AddressSpace


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"a", ""),
        (b"a\0b\0c", "ab"),
        (b"a\0\0\0b\0", "a"),
        (b"\x00\xd8", "\\ud800"),
        (b"\x00\xdc\x00\xd8\x00\xdc", "\\udc00\U00010000"),
        (b"\x00\xd8\x00", "\\ud800"),
    ],
)
def test_what_is_no_letter(raw: bytes, text: str) -> None:
    assert decode_utf16(raw) == text


@given(st.binary())
def test_any_bytes_are_text_that_can_be_written(raw: bytes) -> None:
    assert "\0" not in decode_utf16(raw).encode().decode()


def test_text_is_read_up_to_its_end_and_no_further() -> None:
    """Of text at the end of a page the next page is asked for only if it goes on there."""
    space = FlatSpace()
    alone, pair, lost = 0x10_0000, 0x20_0000, 0x30_0000
    texts = {
        alone + PAGE - 8: "abc\0", pair + PAGE - 4: "over\0", lost + PAGE - 4: "ov",
        pair + 0x10: "\U00010000!\0", pair + PAGE + 0x11: "odd\0", pair + 0x800: "x" * 99,
        pair + 0x40: "\0",
    }  # fmt: skip
    for place, text in texts.items():
        space.write(place, text.encode("utf-16-le"))
    pointers = Column(np.array([*texts, 0], np.uint64))
    found = text_to_nul(cast("AddressSpace", space), pointers, 64)
    assert found.to_list() == ["abc", "over", None, "\U00010000!", "odd", "x" * 32, None, None]
    reasons = [0, 0, Reason.NOT_IN_DUMP, 0, 0, 0, Reason.NULL, Reason.NULL]
    assert found.statuses.tolist() == reasons


LETTERS = st.lists(st.integers(0, 0xFFFF).map(lambda code: code.to_bytes(2, "little")))


@given(st.lists(LETTERS.map(b"".join) | st.text(max_size=5).map(lambda t: t.encode("utf-16-le"))))
def test_many_are_decoded_as_each_is(strings: list[bytes]) -> None:
    assert decode_all(strings) == [decode_utf16(raw) for raw in strings]


def test_many_that_are_plain_are_cut_where_each_ends() -> None:
    words = ["one", "", "\u00e9\u4e2d", "two"]
    assert decode_all([word.encode("utf-16-le") for word in words]) == words
    assert decode_all([]) == []
