"""Symbols of an image at its address."""

from __future__ import annotations

import numpy as np

from memq.symbols.tables import ImageSymbols, Symbol

RVAS = {"first": 0x10, "second": 0x40, "alias": 0x40, "last": 0x90}
BASE = 0xFFFF_F800_0000_0000


def at(symbols: ImageSymbols, *distances: int) -> list[tuple[str, int] | None]:
    return symbols.symbols_at(np.array([BASE + distance for distance in distances], np.uint64))


def test_by_name() -> None:
    symbols = ImageSymbols(BASE, RVAS)
    assert len(symbols) == 4
    assert symbols.address("second") == BASE + 0x40
    assert symbols.address("other") is None
    assert symbols.addresses(("last", "other")) == {"last": BASE + 0x90}
    assert symbols.with_prefix("s") == [("second", BASE + 0x40)]
    assert symbols.matching(lambda name: "t" in name) == [
        Symbol(BASE + 0x10, "", "first"),
        Symbol(BASE + 0x90, "", "last"),
    ]


def test_by_address_where_all_symbols_are_known() -> None:
    symbols = ImageSymbols(BASE, RVAS, BASE + 0x100, is_whole=True)
    assert at(symbols, 0, 0x10, 0x3F, 0x44, 0xFF, 0x100) == [
        None, ("first", 0), ("first", 0x2F), ("alias", 4), ("last", 0x6F), None,
    ]  # fmt: skip


def test_by_address_where_others_may_lie_between() -> None:
    symbols = ImageSymbols(BASE, RVAS, BASE + 0x100)
    assert at(symbols, 0x10, 0x3F, 0x40, 0x44) == [("first", 0), None, ("alias", 0), None]


def test_neighbours() -> None:
    symbols = ImageSymbols(BASE, RVAS)
    assert symbols.names_at(BASE + 0x40) == ["alias", "second"]
    assert symbols.names_at(BASE + 0x41) == []
    assert (symbols.after(BASE), symbols.after(BASE + 0x90)) == (BASE + 0x10, None)
