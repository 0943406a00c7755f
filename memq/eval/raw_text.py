"""Text in kernel memory of which only the start is known: it ends with the first NUL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, Text, distinct_numbers, text_column
from memq.errors import Reason
from memq.layers.strings import read_strings

if TYPE_CHECKING:
    from memq.column import Addresses, Statuses
    from memq.symbols.decode import Bytes
    from memq.symbols.structs import Space, Structs

MAX_TEXT = 4096
"""Bytes of a text; one that goes on is unknown, beyond the limit."""


class _Memory:
    """A space as strings are read from it."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        return self._space.gather(vas, size, roots)

    def read_to_hole(self, _va: int, _end: int, _root: int | None) -> bytes:
        """Return nothing: memory of a kernel ends with pages, not within them."""
        return b""


def text_at(home: Structs, starts: Column) -> Text:
    """Return the texts that start at addresses of the memory in which the structures are."""
    addresses = np.where(starts.known, starts.values, 0).astype(np.uint64)
    distinct = distinct_numbers(addresses)
    found, status = read_strings(_Memory(home.space), distinct, MAX_TEXT + 1, None)
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    words = [string.decode("utf-8", "backslashreplace") for string in found]
    column = text_column(words, status).but(lengths > MAX_TEXT, Reason.LIMIT)
    return column.take(np.searchsorted(distinct, addresses)).under(starts.status)
