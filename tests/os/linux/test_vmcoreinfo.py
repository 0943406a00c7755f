"""VMCOREINFO: read as the guests wrote it, found in memory, and not believed too much."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.layers.opening import open_physical
from memq.os.linux.vmcoreinfo import MAX_FOUND, MAX_SIZE, Vmcoreinfo, search
from memq.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Dump, Lab

TEXT = (
    b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\n"
    b"NUMBER(phys_base)=-545259520\nNUMBER(VMALLOC_START)=0xff87272e40000000\n"
)


def test_the_lines_of_real_kernels(dump: Dump) -> None:
    told = json.loads(dump.record.files["selfcheck.json"])
    info = Vmcoreinfo.parse(told["VMCOREINFO text"].encode() + bytes(100))
    assert [f"{key}={value}" for key, value in info.entries.items()] == (
        told["VMCOREINFO text"].splitlines()
    )
    assert info.release == dump.record.truth["uname"][2]
    base = int(told["phys_base (pa = va - 0xffffffff80000000 + phys_base)"], 16)
    assert info.phys_base is not None
    assert info.phys_base % (1 << 64) == base
    stext = info.symbol("_stext")
    assert stext is not None
    assert "_stext" in dump.record.symbols[stext]


def test_numbers() -> None:
    info = Vmcoreinfo.parse(TEXT)
    assert (info.release, info.phys_base) == ("6.1.0", -545259520)
    assert info.symbol("_stext") == 0xFFFF_FFFF_8100_0000
    assert info.symbol("no_such") is None
    for wrong in (b"", b"zz", b"9" * 5000, b"1 2", b"--1"):
        info = Vmcoreinfo.parse(
            b"OSRELEASE=1\nNUMBER(phys_base)=%b\nSYMBOL(_x)=%b\n" % (wrong, wrong)
        )
        assert info.phys_base is None
        assert info.symbol("_x") is None


@pytest.mark.parametrize("data", [b"", b"\0" + TEXT, b"osrelease=1\n", b"OSRELEASE"])
def test_what_does_not_start_as_one_is_none(data: bytes) -> None:
    assert Vmcoreinfo.parse(data) == Vmcoreinfo({})
    assert Vmcoreinfo.parse(data).release == ""


def test_it_ends_where_its_lines_do() -> None:
    for rest in (b"\0NUMBER(x)=1\n", b"no line\nNUMBER(x)=1\n", b"a\x1b[2J=1\nNUMBER(x)=1\n"):
        assert Vmcoreinfo.parse(TEXT + rest) == Vmcoreinfo.parse(TEXT)
    long = b"".join(b"NUMBER(x%d)=1\n" % number for number in range(10_000))
    assert 100 < len(Vmcoreinfo.parse(TEXT + long).entries) < MAX_SIZE // 10


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    info = Vmcoreinfo.parse(b"OSRELEASE=" + data)
    assert all((key + value).isprintable() for key, value in info.entries.items())
    assert info.phys_base is None or isinstance(info.phys_base, int)


# In memory


def found_in(path: Path, seen: dict[str, int] | None = None) -> list[tuple[int, Vmcoreinfo]]:
    with open_physical(path) as physical:
        return list(search(physical, Progress(), {} if seen is None else seen))


def test_found_where_the_guest_says(dump: Dump) -> None:
    told = json.loads(dump.record.files["selfcheck.json"])["VMCOREINFO in memory at"]
    seen: dict[str, int] = {}
    found = found_in(dump.path, seen)
    assert found[0][0] == int(told[0], 16)  # the second is its copy
    assert found[0][1].release == dump.record.truth["uname"][2]
    assert "banner" in seen


def test_found_over_the_seam_of_two_pieces(tmp_path: Path) -> None:
    image = tmp_path / "image"
    other = TEXT.replace(b"6.1.0", b"6.1.1")
    seam, end = 1 << 20, 2 << 20
    cut = [seam + MAX_SIZE - cut for cut in (5, 80, len(TEXT) - 30)]
    for place in (seam - 1, seam - len(TEXT) // 2, seam, *cut, end - len(TEXT) - 1):
        data = bytearray(b"\1" * (2 << 20))
        data[place : place + len(TEXT)] = TEXT
        data[0 : len(other)] = other
        data[5000 : 5000 + len(other)] = other
        image.write_bytes(data)
        wanted = [(0, Vmcoreinfo.parse(other)), (place, Vmcoreinfo.parse(TEXT))]
        assert found_in(image) == wanted


def test_a_trap_does_not_take_long(tmp_path: Path) -> None:
    image = tmp_path / "image"
    texts = [b"OSRELEASE=%d\nNUMBER(phys_base)=%d\n\0" % (n, n) for n in range(40_000)]
    image.write_bytes(b"\0" + b"".join(texts))
    start = time.monotonic()
    assert len(found_in(image)) == MAX_FOUND
    image.write_bytes(b"\0" + b"OSRELEASE=" * 400_000)
    assert found_in(image) == []
    image.write_bytes(b"\0" + b"OSRELEASE=1\n" * 400_000)
    assert found_in(image) == []
    assert time.monotonic() - start < 15


def test_what_a_note_holds(lab: Lab) -> None:
    dump = lab.dump("deb12-6.1-small.elf")
    with open_physical(dump.path) as physical:
        info = Vmcoreinfo.parse(physical.notes["VMCOREINFO"])
    told = json.loads(dump.record.files["selfcheck.json"])["VMCOREINFO text"]
    assert info == Vmcoreinfo.parse(told.encode())
