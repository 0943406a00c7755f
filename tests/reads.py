"""A record of what is read of physical memory, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.layers.physical import PhysicalMemory

if TYPE_CHECKING:
    import pytest

    from memq.column import Addresses


class Reads:
    """Listens to every read; `clear` forgets what was read so far."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._starts: list[Addresses] = []
        self._sizes: list[int] = []
        read, gather, pieces = PhysicalMemory.read, PhysicalMemory.gather, PhysicalMemory.pieces

        def listening_read(memory: PhysicalMemory, address: int, size: int) -> bytes | None:
            self._note(np.array([address], np.uint64), size)
            return read(memory, address, size)

        def listening_gather(memory: PhysicalMemory, addresses: Addresses, size: int) -> object:
            self._note(addresses, size)
            return gather(memory, addresses, size)

        def listening_pieces(memory: PhysicalMemory, start: int, end: int, *more: int) -> object:
            self._note(np.array([start], np.uint64), end - start)
            return pieces(memory, start, end, *more)

        monkeypatch.setattr(PhysicalMemory, "read", listening_read)
        monkeypatch.setattr(PhysicalMemory, "gather", listening_gather)
        monkeypatch.setattr(PhysicalMemory, "pieces", listening_pieces)

    def _note(self, addresses: Addresses, size: int) -> None:
        self._starts.append(addresses.astype(np.uint64))
        self._sizes.append(size)

    def clear(self) -> None:
        """Forget what was read so far."""
        self._starts.clear()
        self._sizes.clear()

    @property
    def count(self) -> int:
        """How many pieces of memory were asked for."""
        return sum(map(len, self._starts))

    def touched(self, places: Addresses, sizes: Addresses) -> int:
        """How many of the ranges [place, place + size) were read, if only by a byte."""
        order = np.argsort(places)
        starts, ends = places[order], (places + sizes)[order]
        found = np.zeros(len(places), bool)
        for addresses, size in zip(self._starts, self._sizes, strict=True):
            for address in addresses.tolist():
                # Ranges are disjoint: those that a read meets follow each other.
                first = int(np.searchsorted(ends, address, "right"))
                last = int(np.searchsorted(starts, address + size, "left"))
                found[first:last] = True
        return int(found.sum())
