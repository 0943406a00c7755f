"""The pack of profiles that comes with memq, and the choice among its tables."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from memq.errors import SymbolError
from memq.profile.packing import write_pack
from memq.symbols.store import ProfileStore
from memq.symbols.tables import Identity
from tests.lab import ROOT
from tests.profile.small import SYMBOLS, small
from tests.symbols.alike import shown_struct
from tests.symbols.isf_files import read_isf

if TYPE_CHECKING:
    from pathlib import Path

    from memq.symbols.layouts import Layouts
    from memq.symbols.store import Candidate
    from tests.lab import Lab

WINDOWS_10 = Identity("606FF669409B00F7FC8C61A9C1670129", 1)
TRIAGE = ("PsLoadedModuleList", "PsActiveProcessHead", "KdDebuggerDataBlock")


@pytest.fixture(scope="module")
def store() -> ProfileStore:
    return ProfileStore()


# The pack


def test_it_holds_the_tables_of_each_build(store: ProfileStore) -> None:
    counts = {7601: 1, 9600: 32, 14393: 26, 17763: 40, 18362: 11, 19041: 39, 20348: 35, 22000: 29}
    assert {build: len(store.of_build(build)) for build in counts} == counts
    assert len(store.identities()) == sum(counts.values())


def test_it_is_small() -> None:
    files = [path for path in (ROOT / "profiles").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_a_table_says_what_its_kernel_says(store: ProfileStore) -> None:
    table = store.table(WINDOWS_10)
    assert table is not None
    process = table.types.required("_EPROCESS")
    paths = ("UniqueProcessId", "ActiveProcessLinks", "Token", "Peb", "Pcb.DirectoryTableBase")
    assert [process.offset(path) for path in paths] == [1088, 1096, 1208, 1360, 40]
    assert process.size == 2624
    assert table.types.required("_HANDLE_TABLE_ENTRY").member("ObjectPointerBits").bit_size == 44
    assert [table.rvas[name] for name in TRIAGE[1:2]] == [12705936]
    assert table.rvas["KiServiceTable"] == 817712
    assert (table.identity, table.build) == (WINDOWS_10, 19041)
    assert store.table(Identity("0" * 32, 1)) is None


def test_each_table_opens(store: ProfileStore) -> None:
    needed = ("_EPROCESS", "_ETHREAD", "_MMVAD", "_OBJECT_HEADER", "_HANDLE_TABLE", "_TOKEN")
    for entry in store.entries:
        types = store.types(entry)
        assert all(types.required(name).members for name in needed), entry
        assert types.pointer_size * 8 == entry.bits
    for identity in store.identities()[::9]:
        table = store.table(identity)
        assert table is not None
        assert set(table.rvas) >= {*TRIAGE, "NtClose", "PspCidTable", "KiServiceTable"}


def test_types_without_an_image(store: ProfileStore) -> None:
    for build, pointer_size, size in (
        (2600, 4, 608),
        (3790, 4, 632),
        (7601, 4, 704),
        (3790, 8, 992),
    ):
        types = store.types_of(build, pointer_size)
        assert types is not None
        assert (types.required("_EPROCESS").size, types.pointer_size) == (size, pointer_size)
    assert store.types_of(19041, 8) is None  # there are real tables


def test_published_headers_are_put_right(store: ProfileStore) -> None:
    # They have all bits of a handle's entry at its start.
    types = store.types_of(22631, 8)
    assert types is not None
    bits = types.required("_HANDLE_TABLE_ENTRY").member("ObjectPointerBits")
    assert (bits.offset, bits.bit_offset, bits.bit_size) == (2, 4, 44)


def test_an_installed_memq_has_it_too() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"profiles": "memq/profiles"}


# Held to the tables that it was made of


@pytest.mark.parametrize("number", range(0, 213, 30))
def test_structs_are_those_of_the_lab(lab: Lab, store: ProfileStore, number: int) -> None:
    path = sorted((lab.folder / "windows" / "isf-reduced").glob("*.json.xz"))[number]
    isf = read_isf(path)
    assert isf.identity is not None
    table = store.table(isf.identity)
    assert table is not None
    types: Layouts = table.types  # type: ignore[assignment]
    for name in set(types.names()) & set(isf.names()):
        assert _unordered(types, name) == _unordered(isf, name), name
    kept = isf.symbols.keys() & table.rvas.keys()
    assert {name: table.rvas[name] for name in kept} == {name: isf.symbols[name] for name in kept}
    assert {name for name in isf.symbols if re.match("(Nt|Ps|Ke|Ki)[A-Z]", name)} <= kept


def _unordered(types: object, name: str) -> object:
    return shown_struct(types.struct(name))  # type: ignore[attr-defined]


# The choice without an exact table


def _exports(store: ProfileStore, identity: Identity) -> dict[str, int]:
    """Names as a kernel exports them."""
    table = store.table(identity)
    assert table is not None
    return {n: a for n, a in table.rvas.items() if re.match("(Nt|Ps|Ob|Mm|Ke|Io|Ex|Se)[A-Z]", n)}


def test_the_nearest_is_the_table_itself(store: ProfileStore) -> None:
    choice = store.nearest(19041, _exports(store, WINDOWS_10))
    assert choice is not None
    assert choice.candidates[0].distance == 0
    assert choice.candidates[0].entry.identity == WINDOWS_10
    assert choice.types().required("_EPROCESS").size == 2624
    assert {one.entry.build for one in choice.candidates} == {19041}
    assert "build 19041" in choice.warning()


def test_without_its_own_table_the_nearest_is_laid_out_alike(store: ProfileStore) -> None:
    # Of all 212 that there are others of, 206 agree in every member of 43 structs.
    sample = [one for one in store.entries if one.identity and one.build != 7601][::10]
    same = sum(_agrees(store, entry.build, entry.identity) for entry in sample if entry.identity)
    assert same >= len(sample) - 1


def _agrees(store: ProfileStore, build: int, identity: Identity) -> bool:
    left = ProfileStore()
    left.entries = [one for one in store.entries if one.identity != identity]
    choice, own = left.nearest(build, _exports(store, identity)), store.table(identity)
    assert choice is not None
    assert own is not None
    names = ("_EPROCESS", "_ETHREAD", "_MMVAD", "_OBJECT_HEADER", "_TOKEN", "_PEB", "_CMHIVE")
    types = choice.types()
    return all(shown_struct(types.struct(n)) == shown_struct(own.types.struct(n)) for n in names)


def test_builds_that_share_a_kernel(store: ProfileStore) -> None:
    for build, of in ((19045, 19041), (18363, 18362), (22631, 22000), (7600, 7601)):
        choice = store.nearest(build, _exports(store, WINDOWS_10))
        assert choice is not None
        assert choice.candidates[0].entry.build == of
        assert f"no profile of build {build}: types are those of build {of}" in choice.warning()


def test_unknown_builds_take_the_next_lower_and_then_the_next_higher(store: ProfileStore) -> None:
    choice = store.nearest(17134, {})
    assert choice is not None
    builds = list(dict.fromkeys(one.entry.build for one in choice.candidates))
    assert builds == [14393, 17763]
    assert "17134" in choice.warning()
    assert "14393" in choice.warning()
    x86 = store.nearest(2600, {}, 4)
    assert x86 is not None
    assert x86.candidates[0].entry.identity is None


def test_each_layout_is_a_candidate_once(store: ProfileStore) -> None:
    choice = store.nearest(20348, _exports(store, store.of_build(20348)[3]))
    assert choice is not None
    assert max(Counter(map(_layout, choice.candidates)).values()) == 1
    assert {_layout(one) for one in choice.candidates} == {
        (one.base, one.overlay) for one in store.entries if one.build == 20348
    }


def _layout(candidate: Candidate) -> tuple[str, str]:
    return candidate.entry.base, candidate.entry.overlay


def test_triage_dumps_tell_three_places(store: ProfileStore) -> None:
    table = store.table(WINDOWS_10)
    assert table is not None
    places = {name: table.rvas[name] for name in TRIAGE}
    assert WINDOWS_10 in store.fitting(places)
    assert store.fitting(places | {"PsActiveProcessHead": 1}) == []
    assert store.fitting({"NoSuchSymbol": 1}) == store.fitting({}) == []


# Packs that do not hold


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pack(tmp_path, [small(guid=1), small(guid=2, symbols={**SYMBOLS, "NtOpen": 0x2100})])
    return tmp_path


def test_a_small_pack(folder: Path) -> None:
    table = ProfileStore(folder).table(Identity(f"{2:032X}", 1))
    assert table is not None
    assert table.rvas == {"NtClose": 0x1000, "NtOpen": 0x2100, "PsActiveProcessHead": 0x3000}


def test_damaged_files_are_refused(folder: Path) -> None:
    identity = Identity(f"{2:032X}", 1)
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        whole = path.read_bytes()
        for content in (b"", whole[:-3], whole[:20], b"x" + whole, whole.replace(b"1", b"~")):
            path.write_bytes(content)
            if content != whole and path.stem != f"{1:032X}-1":
                with pytest.raises(SymbolError):
                    _use(ProfileStore(folder), identity)
        path.write_bytes(whole)
    assert _use(ProfileStore(folder), identity)


def _use(store: ProfileStore, identity: Identity) -> int:
    table = store.table(identity)
    if table is None:
        raise SymbolError("not there")
    return table.types.required("_EPROCESS").size


def test_no_pack_at_all(tmp_path: Path) -> None:
    with pytest.raises(SymbolError, match="no profile pack is there"):
        ProfileStore(tmp_path).identities()
