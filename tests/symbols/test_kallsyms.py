"""kallsyms: every layout written and read back, real kernels, and tables that are wrong."""

from __future__ import annotations

import gzip
import json
import random
import re
import string
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memq.errors import SymbolError
from memq.layers.opening import open_physical
from memq.symbols import kallsyms
from memq.symbols.kallsyms import MAX_NAME, Kallsyms
from memq.symbols.kallsyms_tables import find_tables
from tests.synthetic.kallsyms import (
    KERNEL,
    LAYOUTS,
    VIRTUAL,
    Image,
    Layout,
    Symbol,
    token_table,
    write,
)

if TYPE_CHECKING:
    from tests.lab import Dump

BY_NAME = {layout.name: layout for layout in LAYOUTS}
LETTERS = "TtDdBbRrWwVvA"
STEMS = ("sys", "tcp", "udp_lib", "task", "vm_area", "ext4_file", "__pfx", "do", "bpf_prog", "rcu")


def make_symbols(layout: Layout, seed: int = 1, count: int = 1500) -> list[Symbol]:
    """Symbols with aliases, equal names, and names that do not compress, sorted by address."""
    rng = random.Random(seed)
    place = KERNEL
    symbols = []
    if layout.addresses == "percpu":
        symbols = [Symbol(256 * n, "A", f"per_cpu_{n}") for n in range(rng.randrange(40))]
    while len(symbols) < count:
        name = "_".join(rng.choices(STEMS, k=rng.randint(1, 4)))
        if rng.random() < 0.7:
            name += f"_{rng.randrange(count)}"
        symbols.append(Symbol(place, rng.choice(LETTERS), name))
        if rng.random() < 0.8:
            place += rng.randrange(1, 5000)
    longest = 400 if layout.has_wide_lengths else 110
    for length in (1, longest - 1, longest):
        name = "".join(rng.choices(string.ascii_letters, k=length))
        at = rng.randrange(count // 2, count)
        symbols[at] = symbols[at]._replace(name=name)
    return symbols


IMAGES = {layout: write(make_symbols(layout), layout) for layout in LAYOUTS}


def find(image: Image) -> Kallsyms:
    tables = find_tables(image.read, image.start, image.end)
    assert tables.is_placed
    return Kallsyms(tables)


def lines(symbols: list[Symbol]) -> list[str]:
    return [symbol.letter + symbol.name for symbol in symbols]


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.name)
def layout(request: pytest.FixtureRequest) -> Layout:
    found: Layout = request.param
    return found


def read_back(layout: Layout, symbols: list[Symbol]) -> Kallsyms:
    """Write and find the tables; those that tell only distances are moved to where they were."""
    image = write(symbols, layout)
    tables = find_tables(image.read, image.start, image.end)
    assert tables.is_placed is (layout.addresses != "place")
    if not tables.is_placed:
        tables = tables.moved(VIRTUAL - image.start)
    assert bool(tables.order) is layout.has_order
    return Kallsyms(tables)


def check(found: Kallsyms, symbols: list[Symbol]) -> None:
    """Ask everything that can be asked about every symbol."""
    assert found.text().decode().splitlines() == lines(symbols)
    assert len(found) == len(symbols)
    at: dict[int, list[str]] = {}
    first: dict[str, int] = {}
    for address, _letter, name in symbols:
        at.setdefault(address, []).append(name)
        first.setdefault(name, address)
    asked = [*first, "no_such_symbol", "", "sys_", "\udcff"]
    assert found.addresses(asked) == first
    assert all(found.address(name) == first.get(name) for name in asked[::50])
    assert all(found.names_at(address) == names for address, names in at.items())
    told = list(map(tuple, symbols))
    for address in list(at)[::20]:
        assert list(map(tuple, found.all_at(address))) == [s for s in told if s[0] == address]
    matching = found.matching(lambda name: "tcp" in name)
    assert list(map(tuple, matching)) == [tuple(s) for s in symbols if "tcp" in s.name]
    assert found.matching("no_such_symbol".__eq__) == found.all_at(1) == []
    places = sorted(at)
    assert [found.after(place) for place in places] == [*places[1:], None]
    inside = [place for place in places if place >= KERNEL]
    ends = [*inside[1:], inside[-1] + 1]
    middles = [(place + end) // 2 for place, end in zip(inside, ends, strict=True)]
    expected = [(at[p][0], m - p) for p, m in zip(inside, middles, strict=True)]
    assert found.symbols_at(np.array(middles, np.uint64)) == expected
    for prefix in ("tcp", "udp_lib_", "sys", "per_cpu_", ".*", ""):
        wanted = [(s.name, s.address) for s in symbols if s.name.startswith(prefix)]
        assert found.with_prefix(prefix) == wanted


def test_every_layout_is_read_back(layout: Layout) -> None:
    symbols = make_symbols(layout)
    check(read_back(layout, symbols), symbols)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(LAYOUTS), st.integers(0, 1 << 32), st.integers(1024, 3000))
def test_any_symbols_are_read_back(layout: Layout, seed: int, count: int) -> None:
    symbols = make_symbols(layout, seed, count)
    check(read_back(layout, symbols), symbols)


@pytest.mark.parametrize("count", [1024, 1025, 1279, 1280])
def test_the_last_block_may_be_of_any_size(layout: Layout, count: int) -> None:
    symbols = make_symbols(layout, count, count)
    assert read_back(layout, symbols).text().decode().splitlines() == lines(symbols)


def test_lengths_of_two_bytes() -> None:
    layout = BY_NAME["6.4"]
    symbols = make_symbols(layout)
    letters = random.Random(5).choices(string.ascii_letters, k=MAX_NAME + 100)
    symbols[700] = symbols[700]._replace(name="".join(letters))
    symbols[-1] = symbols[-1]._replace(name="Z" + "".join(letters[:300]))
    found = read_back(layout, symbols)
    assert found.names_at(symbols[-1].address)[-1] == symbols[-1].name
    # What no kernel has is cut off, not refused.
    assert symbols[700].name[:MAX_NAME] in found.names_at(symbols[700].address)
    assert max(map(len, found.text().split(b"\n"))) == MAX_NAME + 101


def test_a_length_above_127_in_one_byte() -> None:
    # Before 6.1 a length had one byte, also where its high bit was set.
    layout = BY_NAME["5.10"]
    symbols = make_symbols(layout)
    name = "".join(random.Random(7).choices(string.ascii_letters, k=240))
    symbols[600] = symbols[600]._replace(name=name)
    assert read_back(layout, symbols).text().decode().splitlines() == lines(symbols)


def test_none_below_the_image_and_behind_it() -> None:
    symbols = make_symbols(BY_NAME["6.4"])
    found = read_back(BY_NAME["6.4"], symbols)
    last = symbols[-1].address
    asked = np.array([0, 0x123, KERNEL - 1, last + 1, (1 << 64) - 1], np.uint64)
    assert found.symbols_at(asked) == [None] * 5
    assert found.symbols_at(np.zeros(0, np.uint64)) == []
    assert found.names_at(1) == []


def test_a_name_is_found_by_few_decodings(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[str] = Counter()
    decode = Kallsyms._decode

    def counting(self: Kallsyms, number: int) -> bytes:
        counts["decoded"] += 1
        return decode(self, number)

    monkeypatch.setattr(Kallsyms, "_decode", counting)
    for name, most in (("6.4", 60), ("5.10", 60)):
        symbols = make_symbols(BY_NAME[name], count=3000)
        found = read_back(BY_NAME[name], symbols)
        counts.clear()
        assert found.address(symbols[1234].name) is not None
        assert 0 < counts["decoded"] <= most
        counts.clear()
        assert found.address(symbols[1234].name) is not None
        assert not counts  # known by now
        assert found.symbols_at(np.full(50, symbols[900].address, np.uint64))[0] is not None
        assert counts["decoded"] == 1


def test_a_search_that_is_interrupted_finds_nothing_out(
    monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    symbols = make_symbols(layout, count=1024)
    found, name = read_back(layout, symbols), symbols[-1].name
    with monkeypatch.context() as patch:
        patch.setattr(Kallsyms, "_decode", interrupt)
        with pytest.raises(KeyboardInterrupt):
            found.address(name)
    assert found.address(name) is not None


def interrupt(_found: Kallsyms, _number: int) -> bytes:
    raise KeyboardInterrupt


ORDERS = {
    "beyond": b"\xff\xff\xff",
    "constant": b"\0\0\1" * 1500,
    "of addresses": b"".join(number.to_bytes(3, "big") for number in range(1500)),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_an_order_that_is_none_is_not_followed(order: bytes) -> None:
    symbols = make_symbols(BY_NAME["6.4"])
    image = write(symbols, BY_NAME["6.4"])
    check(find(image.changed(image.places["seqs_of_names"], order)), symbols)


def test_an_order_made_by_clang_is_not_followed() -> None:
    # foo.llvm.12 was sorted as foo for some years.
    symbols = make_symbols(BY_NAME["6.4"])
    for at in range(60, 1500, 3):
        symbols[at] = symbols[at]._replace(name=f"{symbols[at].name}.llvm.{at}")
    image = write(symbols, BY_NAME["6.4"])
    by_stem = sorted(range(1500), key=lambda n: symbols[n].name.partition(".")[0])
    place = image.places["seqs_of_names"]
    image = image.changed(place, b"".join(number.to_bytes(3, "big") for number in by_stem))
    assert any(b"llvm" in token for token in token_table(symbols))
    check(find(image), symbols)


# Where the tables are


def test_decoys_are_passed_over(layout: Layout) -> None:
    symbols = make_symbols(layout)
    digits = b"".join(b"%d\0" % digit for digit in range(10))
    other = write(make_symbols(layout, 9), layout)
    token_table_only = other.data[other.places["token_table"] - other.start :][:2048]
    before = b"\1" + digits * 3 + bytes(4096) + token_table_only + b"\0" * (600 << 10) + digits
    image = write(symbols, layout, before=before)
    tables = find_tables(image.read, image.start, image.end)
    assert Kallsyms(tables).text().decode().splitlines() == lines(symbols)


def test_a_token_table_on_the_seam_of_two_pieces(layout: Layout) -> None:
    symbols = make_symbols(layout)
    plain = IMAGES[layout]
    digits = plain.data.index(b"0\x001\x002\x003\0") + plain.start
    for behind in range(0, 24, 8):
        before = bytes((1 << 20) - (digits - plain.start) - behind)
        image = write(symbols, layout, before=before)
        assert len(find_tables(image.read, image.start, image.end).addresses) == 1500


def test_memory_that_lacks() -> None:
    symbols = make_symbols(BY_NAME["6.4"])
    image = write(symbols, BY_NAME["6.4"])
    for hole in sorted(image.places.values()):

        def read(place: int, size: int, hole: int = hole) -> bytes | None:
            inside = place <= hole + 8 and hole < place + size
            return None if inside else image.read(place, size)

        if hole == image.places["seqs_of_names"]:
            tables = find_tables(read, image.start, image.end)
            assert not tables.order  # found without it
            check(Kallsyms(tables), symbols)
        else:
            with pytest.raises(SymbolError):
                find_tables(read, image.start, image.end)
    with pytest.raises(SymbolError, match="no token table"):
        find_tables(lambda place, size: None, 0, 4 << 20)


CHANGES = {
    "num_syms": (b"\x07\x40", "no names that go with it"),
    "markers": (b"\1", "no names that go with it"),
    "token_index": (b"\1", "no token table"),
    "offsets": (b"\0\0\0\1", "no addresses that go with them"),
    "relative_base": (b"\1", "no addresses that go with them"),
}


@pytest.mark.parametrize("table", CHANGES)
def test_tables_that_contradict_each_other_are_refused(layout: Layout, table: str) -> None:
    new, reason = CHANGES[table]
    image = IMAGES[layout]
    # Offsets from a base that is none could be distances: what they lead to is for others to prove.
    if table in image.places and (layout.name, table) != ("6.15", "relative_base"):
        place = image.places[table] + (2000 if table == "offsets" else 0)
        image = image.changed(place, new)
        with pytest.raises(SymbolError, match=re.escape(reason)):
            find_tables(image.read, image.start, image.end)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(LAYOUTS[::2]), st.data())
def test_damaged_tables_are_refused_or_usable(layout: Layout, data: st.DataObject) -> None:
    image = IMAGES[layout]
    low, high = min(image.places.values()), max(image.places.values()) + 4096
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(low, high))
        image = image.changed(place, data.draw(st.binary(min_size=1, max_size=9)))
    start = time.monotonic()
    try:
        found = Kallsyms(find_tables(image.read, image.start, image.end))
    except SymbolError:
        return
    finally:
        assert time.monotonic() - start < 10
    assert 1024 < len(found) < 2048
    found.text()
    found.with_prefix("tcp")
    found.addresses(["tcp", "sys_1", "x" * 1000])
    asked = np.arange(KERNEL, KERNEL + 4_000_000, 4001, dtype=np.uint64)
    assert all(hit is None or len(hit[0]) <= MAX_NAME for hit in found.symbols_at(asked))


def test_names_without_measure_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_back(BY_NAME["6.4"], make_symbols(BY_NAME["6.4"]))
    monkeypatch.setattr(kallsyms, "_MAX_TEXT", 1000)
    with pytest.raises(SymbolError, match="bytes of names"):
        found.text()


def test_a_trap_does_not_take_long() -> None:
    # Every word looks like a marker, behind a token table that is one.
    image = write(make_symbols(BY_NAME["6.4"]), BY_NAME["6.4"])
    tokens = image.data[image.places["token_table"] - image.start :][:2048]
    words = np.tile(np.array([0, 600, 1300, 2000, 2700], "<u4"), 200_000).tobytes()
    trap = Image(0, words + tokens + bytes(1 << 16), {})
    start = time.monotonic()
    with pytest.raises(SymbolError, match="no names that go with it"):
        find_tables(trap.read, 0, trap.end)
    assert time.monotonic() - start < 5


# Real kernels


def test_real_kernels(dump: Dump) -> None:
    content = gzip.decompress(dump.record.files["sys/kallsyms.gz"]).decode().splitlines()
    told = [line.split() for line in content if "[" not in line]  # those of modules stand behind
    place = json.loads(dump.record.files["selfcheck.json"])["kallsyms"]["kallsyms_token_table"][
        "pa"
    ]
    with open_physical(dump.path) as physical:
        tables = find_tables(physical.read, int(place, 16) - (3 << 20), int(place, 16) + (1 << 20))
    found = Kallsyms(tables)
    assert found.text().decode().splitlines() == [letter + name for _, letter, name in told]
    assert tables.addresses.tolist() == [int(address, 16) for address, _, _ in told]
    first: dict[str, int] = {}
    for address, _, name in told:
        first.setdefault(name, int(address, 16))
    names = list(first)[::97]
    assert found.addresses([*names, "no_such_symbol"]) == {name: first[name] for name in names}
    if tables.order:
        plain = Kallsyms(replace(tables, order=b""))
        assert plain.addresses(names) == {name: first[name] for name in names}
