"""Arrays that access tokens point to, whose lengths stand beside the pointers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import Reason
from memq.os.common import known_pointers
from memq.symbols.lists import Cuts, within

if TYPE_CHECKING:
    from memq.column import Addresses, Indexes
    from memq.symbols.structs import Structs


class TokenArray(NamedTuple):
    """An array of a token, and which of its elements are wanted."""

    counted: str
    pointer: str
    most: int
    """An array that is said to be longer is none."""
    first: int = 0


def elements(
    tokens: Structs, array: TokenArray, size: int, limit: int, cuts: Cuts
) -> tuple[Indexes, Addresses]:
    """Return the tokens and the places of what is in one of their arrays, `size` bytes each."""
    rows = np.arange(len(tokens))
    count, (places, status) = tokens[array.counted], known_pointers(tokens[array.pointer])
    cuts.mark(rows, np.maximum(count.statuses, status), tokens.addresses)
    lost = count.known & (count.values > 0) & (status == Reason.NULL)
    absurd = count.known & (count.values > array.most)
    cuts.mark(rows[lost | absurd], Reason.MALFORMED, tokens.addresses[lost | absurd])
    is_sound = count.known & (status == 0) & ~absurd
    counts = np.where(is_sound, np.maximum(count.values - array.first, 0), 0)
    counts = within(counts, rows, limit, cuts)
    owner = np.repeat(rows, counts)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + array.first
    return owner, places[owner] + (number * size).astype(np.uint64)
