"""Text of the kernel's that is no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.os.windows.strings import decode_all, decode_utf16


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


LETTERS = st.lists(st.integers(0, 0xFFFF).map(lambda code: code.to_bytes(2, "little")))


@given(st.lists(LETTERS.map(b"".join) | st.text(max_size=5).map(lambda t: t.encode("utf-16-le"))))
def test_many_are_decoded_as_each_is(strings: list[bytes]) -> None:
    assert decode_all(strings) == [decode_utf16(raw) for raw in strings]


def test_many_that_are_plain_are_cut_where_each_ends() -> None:
    words = ["one", "", "\u00e9\u4e2d", "two"]
    assert decode_all([word.encode("utf-16-le") for word in words]) == words
    assert decode_all([]) == []
