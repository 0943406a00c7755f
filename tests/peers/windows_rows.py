"""Rows of volatility3's Windows plugins and of memq's queries, in one form to be held together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from memq.image import Image

Row = dict[str, Any]
Rows = list[tuple[Any, ...]]
LOW = (1 << 48) - 1
"""volatility3 shows most addresses without the bits that only repeat the sign."""
FIRST_WITH_ADDRESSES = 10240
"""Before this build its scans show where an object lies physically."""


@dataclass
class Pair:
    """An image, what memq says of it, and what volatility3 does."""

    name: str
    image: Image
    answers: dict[str, list[Row]]

    @property
    def build(self) -> int:
        build = next(iter(self.image.query("kernel.Select(build)").rows()))
        return int(build)

    @property
    def is_64_bit(self) -> bool:
        return bool(self.image.kernel.space.word_size == 8)

    def theirs(self, plugin: str, *columns: str) -> Rows:
        """Return columns of a plugin's rows; fails with the error that it ended with."""
        found = self.answers[f"windows.{plugin}"]
        assert not any("error" in row for row in found), found
        return [tuple(_theirs(row[column]) for column in columns) for row in found]

    def ours(self, query: str) -> Rows:
        """Return the values of a query's records."""
        rows = self.image.query(query).rows()
        return [
            tuple(_ours(value) for name, value in row.items() if name != "_unknown") for row in rows
        ]

    def scanned(self, address: int) -> int:
        """Return what a scan of volatility3's shows of an address."""
        if self.build >= FIRST_WITH_ADDRESSES:
            return address
        space, kernel_bits = self.image.kernel.space, ~LOW & (1 << 64) - 1
        whole = address | kernel_bits if self.is_64_bit else address
        place, status = space.translate_many(np.array([whole], np.uint64))
        assert not status.any()
        return int(place[0])


def _ours(value: object) -> Any:
    if isinstance(value, str):
        if value.startswith("0x"):
            return int(value, 16) & LOW
        if len(value) > len("2026-") and value[4] == "-" and value.endswith("Z"):
            return datetime.fromisoformat(value).replace(microsecond=0)
    return value


def _theirs(value: object) -> Any:
    if isinstance(value, str) and value.endswith(" UTC") and value[4] == "-":
        return datetime.fromisoformat(value.replace(" UTC", "+00:00")).replace(microsecond=0)
    return value


@dataclass(frozen=True)
class Comparison:
    """One plugin beside one query."""

    name: str
    theirs: Callable[[Pair], Iterable[tuple[Any, ...]]]
    ours: Callable[[Pair], Iterable[tuple[Any, ...]]]
    not_in: tuple[str, ...] = ()
    """Images of which volatility3 says nothing: there is nothing to say, or it cannot."""

    def is_answered(self, pair: Pair) -> bool:
        """Whether volatility3 has any row."""
        return bool(list(self.theirs(pair)))

    def differences(self, pair: Pair) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield the rows that only volatility3 has, and those that only memq has."""
        theirs, ours = list(self.theirs(pair)), list(self.ours(pair))
        assert theirs, "volatility3 finds nothing"
        for who, here, there in (("volatility3", theirs, ours), ("memq", ours, theirs)):
            for row in _without(here, there):
                yield who, row


def _without(rows: Rows, others: Rows) -> Rows:
    left = list(others)
    found = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            found.append(row)
    return found


def plain(plugin: str, columns: str, query: str) -> Comparison:
    """Return a comparison of columns as they are; addresses by their lowest 48 bits."""
    names = columns.split(", ")
    return Comparison(
        plugin,
        lambda pair: [tuple(map(_low, row)) for row in pair.theirs(plugin, *names)],
        lambda pair: pair.ours(query),
    )


def _low(value: object) -> object:
    """Return large numbers, which are addresses, as both show them."""
    return value & LOW if isinstance(value, int) and value > LOW else value


def scanned(plugin: str, columns: str, query: str) -> Comparison:
    """Return a comparison of what scans find, whose first column is an object's address."""
    names = columns.split(", ")
    return Comparison(
        plugin,
        lambda pair: [tuple(map(_low, row)) for row in pair.theirs(plugin, *names)],
        lambda pair: [(pair.scanned(row[0]), *row[1:]) for row in pair.ours(query)],
    )
