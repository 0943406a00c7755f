"""Text of the kernel's that is no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.os.windows.strings import decode_utf16


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
