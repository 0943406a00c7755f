"""Symbol paths, symbol stores, and files of tables: what is found, and what is refused."""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING

import pytest
import zstandard

from memq.errors import ImageError, SymbolError
from memq.symbols.cache import database_name, find_pdb, parse_symbol_path, store_place
from memq.symbols.table_files import find_isf, open_table
from memq.symbols.tables import Identity
from tests.symbols.test_isf import SMALL
from tests.synthetic import cab
from tests.synthetic.pdb import GUID_TEXT, PdbBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

NAME = "ntkrnlmp.pdb"
IDENTITY = Identity(GUID_TEXT, 26)
INDEX = f"{GUID_TEXT}1A"


def content(age: int = 26) -> bytes:
    builder = PdbBuilder(age=age)
    builder.structure("_EPROCESS", 8, [("Id", builder.ULONG, 4)])
    builder.public("PsInitialSystemProcess", 1, 16)
    return builder.build()


def laid(place: Path, data: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


@pytest.mark.parametrize(
    ("text", "stores", "folders", "servers"),
    [
        ("", [], [], []),
        ("srv*a*https://host/x", ["a"], [], ["https://host/x"]),
        ("SRV*a*b*http://host", ["a", "b"], [], ["http://host"]),
        ("srv**https://host", [], [], ["https://host"]),
        ("srv*https://host", [], [], ["https://host"]),
        ("symsrv*symsrv.dll*a*https://host", ["a"], [], ["https://host"]),
        ("cache*a;b;srv*https://host", ["a", "b"], ["b"], ["https://host"]),
        (' "a b" ;; cache* ', ["a b"], ["a b"], []),
        ("https://host;srv*https://host", [], [], ["https://host"]),
    ],
)
def test_symbol_paths(text: str, stores: list[str], folders: list[str], servers: list[str]) -> None:
    path = parse_symbol_path(text)
    assert [str(store) for store in path.stores] == stores
    assert [str(folder) for folder in path.folders] == folders
    assert list(path.servers) == servers


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (NAME, NAME),
        ("D:\\build\\ntkrnlmp.pdb", NAME),
        ("/home/build/a-b.c.PDB", "a-b.c.PDB"),
        ("..", None),
        ("../.pdb", None),
        ("..pdb", None),
        ("ntkrnlmp.pdb\n", None),
        ("a\x1b[2J.pdb", None),
        ("file:///etc/passwd", None),
        ("a?.pdb", None),
        ("a" * 101 + ".pdb", None),
    ],
)
def test_names_of_images_are_not_paths(told: str, name: str | None) -> None:
    assert database_name(told) == name


@pytest.mark.parametrize(
    "place",
    [
        f"{NAME}/{INDEX}/{NAME}",
        f"nt/{NAME}/{INDEX}/{NAME}",
        f"{NAME}/{INDEX}/ntkrnlmp.pd_",
        f"{NAME.upper()}/{INDEX.lower()}/{NAME.upper()}",
        NAME,
        f"symbols/pdb/{NAME}",
        "Ntkrnlmp.PDB",
    ],
)
def test_found_in_a_folder(tmp_path: Path, place: str) -> None:
    packed = place.endswith("_")
    laid(tmp_path / place, cab.mszip(content()) if packed else content())
    found = find_pdb(f"c:\\x\\{NAME}", IDENTITY, f"srv*nowhere*https://host;{tmp_path}")
    assert found is not None
    assert found.samefile(tmp_path / place)
    table = open_table(found)
    assert table.identity == IDENTITY
    assert table.rvas == {"PsInitialSystemProcess": 0x1010}


def test_plain_folders_are_no_stores_and_others_are_not_looked_at(tmp_path: Path) -> None:
    laid(tmp_path / NAME, content())
    assert find_pdb(NAME, IDENTITY, f"srv*{tmp_path}") is None
    assert find_pdb(NAME, Identity(GUID_TEXT, 1), str(tmp_path)) is None
    assert find_pdb("../x", IDENTITY, str(tmp_path)) is None
    assert find_pdb(NAME, Identity("../..", 1), str(tmp_path)) is None


def test_a_wrong_or_damaged_one_is_passed_over(tmp_path: Path) -> None:
    laid(tmp_path / "a" / NAME / INDEX / NAME, content(age=2))
    laid(tmp_path / "b" / NAME / INDEX / NAME, content()[:700])
    right = laid(tmp_path / "c" / NAME / INDEX / NAME, content())
    path = f"srv*{tmp_path / 'a'}*{tmp_path / 'b'};cache*{tmp_path / 'c'}"
    assert find_pdb(NAME, IDENTITY, path) == right


def test_a_pointer_is_refused_unless_there_is_a_file(tmp_path: Path) -> None:
    laid(tmp_path / "a" / NAME / INDEX / "file.ptr", b"PATH:\\\\server\\share\\nt.pdb")
    with pytest.raises(SymbolError, match=r"file\.ptr: says only where ntkrnlmp\.pdb is; copy"):
        find_pdb(NAME, IDENTITY, f"srv*{tmp_path / 'a'}")
    right = laid(tmp_path / "b" / NAME / INDEX / NAME, content())
    assert find_pdb(NAME, IDENTITY, f"srv*{tmp_path / 'a'}*{tmp_path / 'b'}") == right


def test_folders_that_cannot_be_looked_into_have_nothing_in_them(tmp_path: Path) -> None:
    too_long = "x" * 300
    (tmp_path / "file").write_bytes(b"")
    assert find_pdb(NAME, IDENTITY, f"srv*{too_long}*~nobody-of-that-name;{too_long}") is None
    assert find_pdb(NAME, IDENTITY, f"{tmp_path / 'file'};{tmp_path / 'file' / 'below'}") is None


def test_where_a_store_has_a_file(tmp_path: Path) -> None:
    assert store_place(tmp_path, NAME, IDENTITY) == tmp_path / NAME / INDEX / NAME
    (tmp_path / "index2.txt").touch()
    assert store_place(tmp_path, NAME, IDENTITY) == tmp_path / "nt" / NAME / INDEX / NAME
    with pytest.raises(SymbolError, match="--profile"):
        store_place(tmp_path, "..", IDENTITY)


# Files of tables


def isf(**metadata: object) -> bytes:
    return json.dumps(SMALL | {"metadata": metadata}).encode()


PDB_SAYS = {"pdb": {"GUID": GUID_TEXT.lower(), "age": 26, "database": NAME, "machine_type": 34404}}


@pytest.mark.parametrize("ending", ["", ".xz", ".gz"])
@pytest.mark.parametrize("folder", [f"windows/{NAME}", NAME, "windows", f"Windows/{NAME}", ""])
def test_tables_in_the_folders_of_volatility3(tmp_path: Path, folder: str, ending: str) -> None:
    place = tmp_path / folder / f"{GUID_TEXT}-26.json{ending}"
    laid(place, b"")
    found = find_isf(tmp_path, NAME, IDENTITY)
    assert found is not None
    assert found.samefile(place)
    assert find_isf(tmp_path, NAME, Identity(GUID_TEXT, 2)) is None


def test_a_file_is_what_its_content_is(tmp_path: Path) -> None:
    table = isf(windows=PDB_SAYS)
    files = {
        "a.json": table, "a.json.xz": lzma.compress(table), "b.pdb": content(),
        "b.xz": lzma.compress(content()), "c": cab.mszip(content()), "c.xz": lzma.compress(
            cab.stored(content())),
        "a.pzst": b"\x50\x2a\x4d\x18\4\0\0\0" + bytes(4) + zstandard.compress(table),
    }  # fmt: skip
    for name, data in files.items():
        found = open_table(laid(tmp_path / name, data))
        assert found.identity == IDENTITY, name
        assert found.types.struct("_EPROCESS") is not None
        assert found.rvas["PsInitialSystemProcess"] == (4096 if name[0] == "a" else 0x1010)
        assert found.source == f"{'ISF' if name[0] == 'a' else 'PDB'} {name}"


def test_a_table_that_does_not_say_whose_it_is(tmp_path: Path) -> None:
    others: list[dict[str, object]] = [{}, {"windows": {}}, {"windows": 5}, {"linux": {}}]
    for metadata in others:
        assert open_table(laid(tmp_path / "a.json", isf(**metadata))).identity is None
    with pytest.raises(SymbolError, match="no text GUID"):
        open_table(laid(tmp_path / "a.json", isf(windows={"pdb": {"GUID": 5}})))


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    for data in (b"", b"MZ" + bytes(100), lzma.compress(b"MZ" + bytes(100))):
        with pytest.raises(SymbolError, match=r"x\.bin: no symbol table"):
            open_table(laid(tmp_path / "x.bin", data))
    with pytest.raises(SymbolError, match=r"x\.bin: damaged cabinet"):
        open_table(laid(tmp_path / "x.bin", cab.mszip(content())[:200]))
    with pytest.raises(ImageError, match="No such file"):
        open_table(tmp_path / "none")


def test_tables_of_real_kernels(lab: Lab) -> None:
    folder = lab.folder / "windows" / "isf-reduced"
    names = sorted(folder.glob("*.json.xz"))[:3]
    for path in names:
        guid, _, age = path.name.removesuffix(".json.xz").partition("-")
        identity = Identity(guid, int(age))
        assert find_isf(folder, NAME, identity) == path
        table = open_table(path)
        assert table.identity == identity
        assert table.types.required("_EPROCESS").size > 1000
        assert table.rvas["PsActiveProcessHead"] > 0
    assert len(names) == 3
