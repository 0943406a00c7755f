"""Names that one batch after the other asks for: found once for a dump, as far as there is room."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from memq.column import Text, distinct_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from memq.column import Addresses, Indexes
    from memq.os.windows.kernel import WindowsKernel

MAX_NAMES = 1 << 17
MAX_LETTERS = 1 << 24
"""If there are more, all are forgotten before the next batch."""


class Remembered:
    """Texts by addresses, of which each is asked for once."""

    def __init__(self) -> None:
        self._forget()

    def of(self, places: Addresses, find: Callable[[Indexes], Text]) -> Text:
        """Return the texts at distinct addresses; `find` gives those at some rows of them."""
        if len(self._places) > MAX_NAMES or self._letters > MAX_LETTERS:
            self._forget()
        rows, is_known = self._sought(places)
        new = np.flatnonzero(~is_known)
        if len(new):
            self._learn(places[new], find(new))
            rows, _ = self._sought(places)
        codes, status = self._codes[rows], self._status[rows]
        used, values = distinct_rows(codes)
        words = [self._words[code] for code in codes[used].tolist()]
        return Text(values, status if status.any() else None, words or [""])

    def _forget(self) -> None:
        self._places = np.zeros(0, np.uint64)
        self._codes = np.zeros(0, np.int64)
        self._status = np.zeros(0, np.uint8)
        self._words: list[str] = []
        self._numbers: dict[str, int] = {}
        self._letters = 0

    def _sought(self, places: Addresses) -> tuple[Indexes, NDArray[np.bool_]]:
        """Return where each address is, and whether it is there."""
        if not len(self._places):
            return np.zeros(len(places), np.int64), np.zeros(len(places), bool)
        rows = np.minimum(np.searchsorted(self._places, places), len(self._places) - 1)
        return rows, self._places[rows] == places

    def _learn(self, places: Addresses, text: Text) -> None:
        numbers = self._numbers
        codes = [numbers.setdefault(word, len(numbers)) for word in text.words]
        fresh = list(islice(numbers, len(self._words), None))
        self._words += fresh
        self._letters += sum(map(len, fresh))
        found = np.array(codes or [0], np.int64)[text.values]
        all_places = np.concatenate([self._places, places])
        order = np.argsort(all_places, kind="stable")
        self._places = all_places[order]
        self._codes = np.concatenate([self._codes, found])[order]
        self._status = np.concatenate([self._status, text.statuses])[order]


def remembered(kernel: WindowsKernel, fact: str) -> Remembered:
    """Return what is remembered under a name, for one kernel."""
    found = kernel.facts.get(fact)
    if not isinstance(found, Remembered):
        found = kernel.facts[fact] = Remembered()
    return found
