"""What of the bench image's making needs no guest: archive, places of memory, options."""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks import linux_guest, linux_image, linux_inside
from benchmarks.linux_guest import Size, mapping_counts
from benchmarks.linux_initramfs import (
    PYTHON,
    Entry,
    archive,
    file_entry,
    initramfs,
    libraries_of,
)
from benchmarks.linux_kernel import files_of
from benchmarks.linux_machine import Range, copy_ranges, memory_ranges
from benchmarks.linux_making import PACKAGES, refuse_without

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the image is made on Linux")

LDD = """\
\tlinux-vdso.so.1 (0x00007ffd0c5f2000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f2a1c000000)
\tlibpython3.so => /opt/python/bin/../lib/libpython3.so (0x00007f2a1b000000)
\tlibgone.so => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2a1d000000)
"""
TREE = """\
FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-0000000000000007 (prio 0, ram): guest-memory

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-00000000000bffff (prio 0, ram): guest-memory
  00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
  0000000000100000-000000007fffffff (prio 0, ram): guest-memory @0000000000100000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  0000000100000000-000000017fffffff (prio 0, ram): guest-memory @0000000080000000

FlatView #2
 AS "cpu-smm-0", root: memory
  0000000000000000-00000000000bffff (prio 0, ram): guest-memory
"""


class Packed(NamedTuple):
    """One record of an archive, read back."""

    name: str
    mode: int
    data: bytes


def unpacked(content: bytes) -> list[Packed]:
    """Read an archive of the form "newc" up to its trailer."""
    source = io.BytesIO(content)
    found: list[Packed] = []
    while True:
        assert source.tell() % 4 == 0
        head = source.read(110)
        assert head[:6] == b"070701"
        numbers = [int(head[at : at + 8], 16) for at in range(6, 110, 8)]
        name = source.read(numbers[11])
        assert name.endswith(b"\0")
        source.seek(-source.tell() % 4, io.SEEK_CUR)
        if name == b"TRAILER!!!\0":
            assert not source.read()
            return found
        found.append(Packed(name[:-1].decode(), numbers[1], source.read(numbers[6])))
        source.seek(-source.tell() % 4, io.SEEK_CUR)


def test_an_archive_holds_its_files_and_their_folders_before_them() -> None:
    entries = {
        "/usr/lib/x": Entry(stat.S_IFREG | 0o644, b"12345"),
        "/init": Entry(stat.S_IFREG | 0o755, b"#!/x\n"),
        "/usr/empty": Entry(stat.S_IFREG | 0o600),
    }
    found = unpacked(b"".join(archive(entries)))
    assert found == [
        Packed("init", stat.S_IFREG | 0o755, b"#!/x\n"),
        Packed("usr", stat.S_IFDIR | 0o755, b""),
        Packed("usr/empty", stat.S_IFREG | 0o600, b""),
        Packed("usr/lib", stat.S_IFDIR | 0o755, b""),
        Packed("usr/lib/x", stat.S_IFREG | 0o644, b"12345"),
    ]


def test_libraries_are_taken_from_where_they_are_looked_for() -> None:
    assert list(libraries_of(LDD)) == [
        "/lib/x86_64-linux-gnu/libm.so.6",
        "/opt/python/lib/libpython3.so",
        "/lib64/ld-linux-x86-64.so.2",
    ]


@on_linux
def test_an_initramfs_has_what_its_program_needs() -> None:
    given = {"/scenario": file_entry(b"3", 0o600)}
    archived = unpacked(initramfs(linux_guest.__name__, given))
    found = {"/" + packed.name: packed.data for packed in archived}
    interpreter = found["/init"].split(b" ", 1)[0].removeprefix(b"#!").decode()
    assert interpreter == PYTHON
    assert found[interpreter][:4] == b"\x7fELF"
    assert b"from benchmarks.linux_guest import main\nmain()" in found["/init"]
    for module in (linux_guest, linux_inside):
        path = Path(str(module.__file__))
        assert found[f"/usr/lib/guest/benchmarks/{path.name}"] == path.read_bytes()
    assert found["/scenario"] == b"3"
    names = {Path(name).name for name in found}
    assert {"os.py", "json", "socket.py"} <= names
    assert "numpy" not in names


@on_linux
def test_python_is_where_packages_have_it_wherever_it_is_here() -> None:
    names = {"/" + packed.name for packed in unpacked(initramfs(linux_guest.__name__, {}))}
    places = ("/usr/bin", "/usr/lib", "/lib")
    others = {name for name in names if not name.startswith(places)}
    assert others <= {"/init", "/usr"}
    assert f"/usr/lib/{Path(PYTHON).name}/os.py" in names


@on_linux
@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not here")
def test_files_of_packages_are_found_by_their_names(tmp_path: Path) -> None:
    content = tmp_path / "content"
    (content / "DEBIAN").mkdir(parents=True)
    (content / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"
    )
    for name in ("evdev.ko", "other.ko"):
        (content / name).write_text(name)
    package = tmp_path / "x.deb"
    subprocess.run(["dpkg-deb", "--build", content, package], check=True, capture_output=True)
    assert list(files_of([package], re.compile(r".*/evdev\.ko$"))) == [("./evdev.ko", b"evdev.ko")]


def test_memory_lies_where_the_processor_sees_it() -> None:
    assert memory_ranges(TREE) == [
        Range(0, 0, 0xC0000),
        Range(0x100000, 0x100000, 0x7FF00000),
        Range(0x1_0000_0000, 0x8000_0000, 0x8000_0000),
    ]


@on_linux
def test_memory_is_copied_to_its_addresses_and_zeros_are_holes(tmp_path: Path) -> None:
    memory, image, page = tmp_path / "memory", tmp_path / "image", 1 << 16
    zeros, size = bytes(page), 64 * page
    with memory.open("wb") as file:
        file.write(b"first".ljust(page, b"\0") + zeros * 8)  # zeros that are written, no hole
        file.seek(40 * page)
        file.write(b"second".rjust(page, b"\0"))
        file.truncate(size)
    ranges = [Range(0, 0, 32 * page), Range(100 * page, 32 * page, 32 * page)]
    with memory.open("rb") as source, image.open("wb") as output:
        copy_ranges(source.fileno(), output, ranges)
    content = image.read_bytes()
    assert len(content) == 132 * page
    assert content[:5] == b"first"
    assert content[108 * page : 109 * page].endswith(b"second")
    assert content.count(b"\0") == len(content) - len(b"firstsecond")
    assert image.stat().st_blocks * 512 <= 4 * page


@pytest.mark.parametrize("processes", [1, 29, 30, 450, 1790, 10_000])
def test_mappings_are_as_many_as_the_mean_says(processes: int) -> None:
    counts = mapping_counts(Size(processes, mappings=77))
    assert len(counts) == processes
    assert sum(counts) == 77 * processes
    assert min(counts) > 0


def test_a_few_processes_have_very_many_mappings() -> None:
    counts = sorted(mapping_counts(Size(1800, mappings=100)))
    assert counts[-5:] == [1000, *[19_000] * 4]
    assert counts[900] < 100


@on_linux
@pytest.mark.parametrize("number", [4, 9, 20])
def test_descriptors_are_as_many_as_asked_and_of_many_kinds(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library.so"
    library.touch()
    monkeypatch.setattr(linux_guest, "_library", lambda _: str(library))
    before = descriptors()
    linux_guest._open_descriptors(number, 20)
    opened = {fd: target for fd, target in descriptors().items() if fd not in before}
    for descriptor in opened:
        os.close(descriptor)
    assert len(opened) == 10 + number
    assert len({re.sub(r"\d+", "", target) for target in opened.values()}) == 5


def descriptors() -> dict[int, str]:
    """What this process has open; not the folder by which it finds out, which is closed again."""
    folder = Path("/proc/self/fd")
    listed = [path for path in folder.iterdir() if path.is_symlink()]
    return {int(path.name): str(path.readlink()) for path in listed}


def options(**changed: int) -> argparse.Namespace:
    usual = {"processes": 100, "mappings": 20, "descriptors": 24, "memory": 1024, "filled": 0}
    return argparse.Namespace(**{**usual, **changed})


def test_sizes_that_fit_are_taken() -> None:
    assert linux_image.wrong_size(options()) is None
    assert linux_image.wrong_size(options(processes=10_000, memory=16_384)) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("processes", 0, "--processes must be from 1 to 30000"),
        ("mappings", -1, "--mappings must be from 0 to 5000"),
        ("descriptors", 501, "--descriptors must be from 0 to 500"),
        ("filled", 1025, "--filled must be from 0 to 1024"),
        ("processes", 10_000, "--memory must be at least 11300 for so many processes"),
        ("filled", 1000, "--memory must be at least 1410 for so many processes"),
    ],
)
def test_sizes_that_cannot_be_are_refused(name: str, value: int, message: str) -> None:
    found = linux_image.wrong_size(options(**{name: value}))
    assert found is not None
    assert found.startswith(message)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    refuse_without(PACKAGES, lambda name: name)
    with pytest.raises(SystemExit, match=r"^missing here; run: apt-get install qemu-system-x86$"):
        refuse_without(PACKAGES, lambda name: None if name.startswith("qemu") else name)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(SystemExit, match="on Linux on amd64 only"):
        refuse_without(PACKAGES, lambda name: name)
