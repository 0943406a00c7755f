"""Making profile packs: of the tables alone, whole, and the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from memq.errors import SymbolError
from memq.profile.builds import build_in_name, likened_build
from memq.profile.cli import main
from memq.profile.mending import mended
from memq.profile.packing import joined, read_pack, write_pack
from memq.symbols.store import ProfileStore
from memq.symbols.table_files import open_table
from memq.symbols.tables import Identity
from tests.lab import ROOT
from tests.profile.small import BASES, ENUMS, LONG, STRUCTS, SYMBOLS, held, small, struct

if TYPE_CHECKING:
    from pathlib import Path

    from memq.profile.packing import Packed

KERNEL = ROOT / "tests" / "symbols" / "data" / "little.dwarf5.vmlinux"
GROWN = {**STRUCTS, "_HELD": struct(12, One=(0, LONG), New=(4, LONG), Two=(8, LONG))}
FEWER = {
    "_LIST_ENTRY": STRUCTS["_LIST_ENTRY"],
    "_HELD": GROWN["_HELD"],
    "_ETHREAD": struct(12, Inner=(0, held("_HELD"))),
}
"""A reduced table, to which no other can lend its processes: they hold a smaller _HELD."""


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def tables() -> list[Packed]:
    other = {**SYMBOLS, "NtOpen": 0x2200, "ZwOpen": 0x2300}
    return [
        small(guid=1),
        small(guid=2, structs=GROWN, symbols=other),
        small(guid=3, structs=FEWER, symbols={"NtClose": 0x50}),
        small(build=22000, guid=4),
        small(build=22621, guid=0, symbols={}),
    ]


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    write_pack(tmp_path, tables())
    # The lines of numbers and enums are the base's in all.
    read = {one.key: (one.rvas, _structs(one)) for one in read_pack(tmp_path)}
    assert read == {one.key: (one.rvas, _structs(one)) for one in tables()}


def _structs(table: Packed) -> dict[str, str]:
    return {key: line for key, line in table.lines.items() if key.startswith("s ")}


def test_the_order_does_not_matter(tmp_path: Path) -> None:
    write_pack(tmp_path / "a", tables())
    write_pack(tmp_path / "b", tables()[:2])
    write_pack(tmp_path / "b", [*reversed(tables()[2:]), *read_pack(tmp_path / "b")])
    assert files(tmp_path / "a") == files(tmp_path / "b")
    write_pack(tmp_path / "a", tables()[:1])
    assert len(files(tmp_path / "a")) == 4


def test_the_pack_of_the_repository_is_what_is_made_of_it(tmp_path: Path) -> None:
    write_pack(tmp_path, read_pack(ROOT / "profiles" / "windows"))
    assert files(tmp_path) == files(ROOT / "profiles" / "windows")


def test_a_reduced_table_borrows_what_is_not_different(tmp_path: Path) -> None:
    lean = {name: STRUCTS[name] for name in ("_LIST_ENTRY", "_HELD", "_ETHREAD")}
    write_pack(tmp_path, [small(guid=1), small(guid=2, structs=lean), small(guid=3, structs=FEWER)])
    store = ProfileStore(tmp_path)
    same, grown = (store.table(Identity(f"{number:032X}", 1)) for number in (2, 3))
    assert same is not None
    assert grown is not None
    assert same.types.required("_EPROCESS").size == 96
    assert grown.types.struct("_EPROCESS") is None
    assert grown.types.required("_HELD").size == 12


def test_of_two_tables_of_one_image_the_fuller_is_kept() -> None:
    lean = small(structs=FEWER)
    for given in ([lean, small()], [small(), lean]):
        (kept,) = joined(given)
        assert kept.lines == small().lines


def test_only_wanted_symbols_are_kept() -> None:
    assert set(small().rvas) == {"PsActiveProcessHead", "NtClose", "NtOpen"}


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("ntkrnlmp-10.0.19041.329-BBED7C2955FBE4522AAA23F4B8677AD9-1.json.xz", 19041),
        ("types-only-6.1.7601.17514-x86.json.xz", 7601),
        ("5.2.3790.3959.json", 3790),
        ("606FF669409B00F7FC8C61A9C1670129-1.json.xz", None),
        ("10.0.json", None),
    ],
)
def test_builds_in_names(tmp_path: Path, name: str, build: int | None) -> None:
    assert build_in_name(tmp_path / name) == build


def test_builds_by_likeness() -> None:
    apart = {"_ETHREAD": struct(16, Inner=(8, held("_HELD"))), "_HELD": struct(16, One=(8, LONG))}
    sure = [small(), small(build=22000, guid=2, structs={**STRUCTS, **apart})]
    assert likened_build(small(guid=3), sure) == 19041
    assert likened_build(sure[1], sure) == 22000
    with pytest.raises(SymbolError, match="--build"):
        likened_build(small(), [])


def test_types_of_headers_are_put_right() -> None:
    wrong = {"_ETHREAD": struct(8, Inner=(4, held("_HELD")))}
    older = {"_LIST_ENTRY": struct(24, Flink=(8, LONG))}
    headers = small(guid=0, structs={**STRUCTS, **wrong, **older}, symbols={})
    right = mended(headers, [small()])
    assert right.lines["s _ETHREAD"] == small().lines["s _ETHREAD"]
    assert right.lines["s _LIST_ENTRY"] == headers.lines["s _LIST_ENTRY"]
    alone = mended(headers, [])
    assert headers.lines.keys() - alone.lines.keys() == {"s _ETHREAD"}


# The command


def test_the_command_makes_and_lists_a_pack(
    tmp_path: Path, lab_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = str(tmp_path / "pack")
    assert main(["windows", str(lab_table.parent), "-o", pack, "--build", "19041"]) == 0
    assert main(["list", pack]) == 0
    assert capsys.readouterr().out == f" 19041 64 bit  given    {1:032X}-1\n"


@pytest.fixture
def lab_table(tmp_path: Path) -> Path:
    document = {
        "metadata": {"windows": {"pdb": {"GUID": f"{1:032X}", "age": 1}}},
        "base_types": BASES,
        "user_types": STRUCTS,
        "enums": ENUMS,
        "symbols": {name: {"address": rva} for name, rva in SYMBOLS.items()},
    }
    path = tmp_path / "tables" / "one.json"
    path.parent.mkdir()
    path.write_bytes(orjson.dumps(document))
    return path


def test_the_command_refuses_what_is_no_table(
    tmp_path: Path, lab_table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = str(tmp_path / "pack")
    assert main(["windows", str(lab_table), "-o", pack]) == 3
    assert "give --build NUMBER" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["windows", str(tmp_path / "empty"), "-o", pack]) == 3
    assert "give ISF files or PDBs" in capsys.readouterr().err
    assert main(["windows", str(tmp_path / "none.json"), "-o", pack]) != 0
    assert not (tmp_path / "pack").exists()


def test_the_command_makes_a_profile_of_a_vmlinux(tmp_path: Path) -> None:
    pytest.importorskip("elftools", reason="pyelftools is not installed")
    output = tmp_path / "profile.json"
    assert main(["linux", str(KERNEL), "-o", str(output)]) == 0
    assert open_table(output).types.names()
    assert main(["linux", str(output), "-o", str(tmp_path / "none")]) == 3
    assert not (tmp_path / "none").exists()
