"""Symbol tables of images: types and symbols of one build, from whichever file has them.

A profile pack, an ISF file and a PDB each give an ImageTable. Placed at an address, its symbols are
ImageSymbols, which answer as memq.symbols.kallsyms does.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from memq.column import Addresses, Array
    from memq.symbols.types import Types


class Identity(NamedTuple):
    """What a PDB file and its image have in common: the GUID (32 capital hex digits) and age."""

    guid: str
    age: int

    def __str__(self) -> str:
        return f"{self.guid}-{self.age}"


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Types and symbols of one image."""

    types: Types
    rvas: Mapping[str, int]
    """Each symbol's distance from the start of the image."""
    source: str
    """Where it comes from, for people."""
    identity: Identity | None = None
    build: int | None = None
    """Number of the Windows build, where it is known."""
    has_all_symbols: bool = False
    """Whether every symbol of the image is among them, as in the file that it was built with."""


class Symbol(NamedTuple):
    """A symbol: its address, the letter that nm has for its type or none, and its name."""

    address: int
    letter: str
    name: str

    @property
    def text(self) -> str:
        """Letter and name, as people read it."""
        return f"{self.letter} {self.name}".lstrip()


@dataclass(slots=True)
class ImageSymbols:
    """The symbols of one image at its address."""

    base: int
    rvas: Mapping[str, int]
    end: int | None = None
    """The address behind the image: beyond it no symbol is near."""
    is_whole: bool = False
    """Whether these are all symbols. If not, what lies behind one may well belong to another."""
    _sorted: tuple[Array, list[str]] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rvas)

    def address(self, name: str) -> int | None:
        """Return the address of the symbol, None if there is none."""
        rva = self.rvas.get(name)
        return None if rva is None else self.base + rva

    def addresses(self, names: Iterable[str]) -> dict[str, int]:
        """Return the addresses of those names that there are."""
        return {name: self.base + self.rvas[name] for name in names if name in self.rvas}

    def with_prefix(self, prefix: str) -> list[tuple[str, int]]:
        """Return (name, address) of the symbols whose names begin so, sorted by name."""
        names = sorted(name for name in self.rvas if name.startswith(prefix))
        return [(name, self.base + self.rvas[name]) for name in names]

    def matching(self, fits: Callable[[str], bool]) -> list[Symbol]:
        """Return the symbols whose names fit, by address."""
        found = [(self.base + rva, "", name) for name, rva in self.rvas.items() if fits(name)]
        return [Symbol(*one) for one in sorted(found)]

    def symbols_at(self, addresses: Addresses) -> list[tuple[str, int] | None]:
        """Return for each address the last symbol at or before it, and how far before it is.

        Where not all symbols are known, only those that are at the very address.
        """
        places, names = self._by_address()
        addresses = np.asarray(addresses, np.uint64)
        at = np.searchsorted(places, addresses, "right").tolist()
        end = self.end
        found: list[tuple[str, int] | None] = []
        for address, number in zip(addresses.tolist(), at, strict=True):
            is_outside = number == 0 or (end is not None and address >= end)
            near = None if is_outside else self._first_of(number - 1)
            if near is not None and not self.is_whole and int(places[near]) != address:
                near = None
            found.append(None if near is None else (names[near], address - int(places[near])))
        return found

    def names_at(self, address: int) -> list[str]:
        """Return the names of all symbols at exactly this address."""
        return [one.name for one in self.all_at(address)]

    def all_at(self, address: int) -> list[Symbol]:
        """Return all symbols at exactly this address."""
        places, names = self._by_address()
        low, high = (int(np.searchsorted(places, np.uint64(address), s)) for s in ("left", "right"))
        return [Symbol(address, "", names[number]) for number in range(low, high)]

    def after(self, address: int) -> int | None:
        """Return the address of the next symbol behind this address, None if it is the last."""
        places, _ = self._by_address()
        at = int(np.searchsorted(places, np.uint64(address), "right"))
        return int(places[at]) if at < len(places) else None

    def _by_address(self) -> tuple[Array, list[str]]:
        """Return the addresses, sorted, and the names in the same order."""
        if self._sorted is None:
            pairs = sorted((rva, name) for name, rva in self.rvas.items())
            places = np.array([self.base + rva for rva, _ in pairs], np.uint64)
            self._sorted = places, [name for _, name in pairs]
        return self._sorted

    def _first_of(self, number: int) -> int:
        """Return the first of the symbols that are at the same address."""
        places, _ = self._by_address()
        return int(np.searchsorted(places, places[number], "left"))
