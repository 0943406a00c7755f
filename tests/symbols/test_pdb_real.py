"""A real PDB of Microsoft, held equal to the symbol table that volatility3 makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from memq.symbols.table_files import open_table
from tests.symbols.alike import shown_struct
from tests.symbols.isf_files import read_isf

if TYPE_CHECKING:
    from memq.symbols.isf import Isf
    from memq.symbols.tables import ImageTable
    from tests.lab import Lab


@pytest.fixture(scope="module")
def ours(lab: Lab) -> ImageTable:
    return open_table(lab.unpacked("windows/pdb/ntdll-x64.pdb.xz"))


@pytest.fixture(scope="module")
def theirs(lab: Lab) -> Isf:
    return read_isf(lab.folder / "windows" / "pdb" / "ntdll-x64-from-pdb.json.xz")


def test_identity(ours: ImageTable, theirs: Isf) -> None:
    assert ours.identity == theirs.identity
    assert str(ours.identity) == "CCC0E36120F424BE044DE630C3BD80C4-1"
    assert ours.types.pointer_size == theirs.pointer_size


def test_every_struct(ours: ImageTable, theirs: Isf) -> None:
    assert ours.types.names() == theirs.names()
    assert len(theirs.names()) == 494
    for name in theirs.names():
        assert shown_struct(ours.types.struct(name)) == shown_struct(theirs.struct(name)), name


def test_every_enum(ours: ImageTable, theirs: Isf) -> None:
    names = theirs.enum_names()
    assert len(names) == 114
    for name in names:
        enum = ours.types.enum(name)
        assert enum == theirs.enum(name)
        assert enum is not None
    assert ours.types.enumerator("BusQueryInstanceID") == 3


def name_of_theirs(name: str) -> str:
    """Return a symbol's name as volatility3 has it.

    It takes off what compilers for 32 bits add, `_Name@8`, where this is for 64, and nothing added:
    an underscore of the name's own, and of the constants `__real@4330000000000000` the value, where
    its digits are decimal.
    """
    match = re.fullmatch("_?([^?@]*)@([^@]*)", name)
    if match is not None:
        return match[1] if match[2].isdecimal() else name
    return name.removeprefix("_")


def test_every_symbol(ours: ImageTable, theirs: Isf) -> None:
    by_their_names: dict[str, set[int]] = {}
    for name, rva in ours.rvas.items():
        by_their_names.setdefault(name_of_theirs(name), set()).add(rva)
    assert by_their_names.keys() == theirs.symbols.keys()
    assert not [name for name, rva in theirs.symbols.items() if rva not in by_their_names[name]]
    shared = {name for name, rvas in by_their_names.items() if len(rvas) > 1}
    assert shared == {"setjmp", "LdrpInitialize", "_real", "_xmm"}
