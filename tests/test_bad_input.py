"""Files that are no dumps, or damaged ones: one line, exit status 3, at once, little memory."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import zstandard

from memq.cli import main
from memq.errors import ImageError
from memq.image import Image
from memq.layers.opening import open_physical
from tests.lab import ROOT
from tests.layers.test_elfcore import LOAD, elf_header, segment
from tests.layers.test_lime import header, lime_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MB = 1 << 20


def elf_of(*segments: bytes, content: bytes = bytes(0x4000), kind: int = 4) -> bytes:
    return elf_header(len(segments), kind=kind) + b"".join(segments) + content


def pages(count: int) -> bytes:
    return random.Random(1).randbytes(count * 4096)


def zstd_bomb() -> bytes:
    """Compress 20 GB of zeros, told in no header, to a few hundred KB."""
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    chunk = bytes(64 * MB)
    one = packer.compress(chunk) + packer.flush()
    return one * 320


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"Dear reader,\n" * 1000, "is a text file"),
    "a word": (lambda: b"hello", "text file|too small"),
    "zeros": (lambda: bytes(MB), "nothing but zeros"),
    "random": (lambda: pages(256), "no Linux kernel found"),
    "random, no whole page": (lambda: pages(3)[:-100], "no Linux kernel found"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + pages(2), "is a picture"),
    "LiME, random": (lambda: header(0, 0xFFFFF) + pages(256), "no Linux kernel found"),
    "LiME, backwards": (lambda: header(0x2000, 0xFFF) + pages(2), "damaged LiME file"),
    "LiME, to the end": (lambda: header(0, 2**64 - 1) + pages(2), "damaged LiME file"),
    "LiME, too high": (lambda: header(2**63, 2**63 + 0xFFF) + pages(2), "damaged LiME file"),
    "LiME, vast": (lambda: header(0, 2**51) + pages(2), "cut short"),
    "LiME, overlapping": (
        lambda: lime_file([(0x1000, 0x3000), (0x2000, 0x4000)]),
        "both hold the address 0x2000",
    ),
    "LiME, version 9": (lambda: header(0, 0xFFF, 9) + pages(1), "version 9"),
    "LiME, headers alone": (
        lambda: b"".join(header(n, n) + b"x" for n in range(70_000)),
        "more than 65,536 ranges",
    ),
    "LiME, a piece of a header": (lambda: header(0, 0xFFF)[:20], "text file|LiME|too small"),
    "ELF, overlapping": (
        lambda: elf_of(
            segment(LOAD, 0x1000, 0, 0x2000, 0x2000), segment(LOAD, 0x2000, 0x1000, 0x2000, 0x2000)
        ),
        "both hold the address 0x1000",
    ),
    "ELF, vast": (lambda: elf_of(segment(LOAD, 0x1000, 0, 2**63, 2**63)), ""),
    "ELF, beyond the end": (lambda: elf_of(segment(LOAD, 2**62, 0, 0x1000, 0x1000)), ""),
    "ELF, many segments": (lambda: elf_header(0xFFFE) + pages(1), ""),
    "ELF, no core": (lambda: elf_of(segment(LOAD, 0, 0, 0x1000, 0x1000), kind=2), "ELF"),
    "ELF, a piece": (lambda: b"\x7fELF", "ELF|too small"),
    "zstd bomb": (zstd_bomb, ""),
    "gzip bomb": (lambda: gzip.compress(bytes(64 * MB), 9) * 20, ""),
    "xz bomb": (lambda: lzma.compress(bytes(64 * MB), preset=0) * 20, ""),
    "zstd, damaged": (lambda: zstandard.compress(pages(64))[:-1000] + b"x" * 1000, ""),
    "xz, damaged": (lambda: lzma.compress(pages(64))[:-1000] + b"x" * 1000, ""),
    "gzip, damaged": (lambda: gzip.compress(pages(64))[:-1000] + b"x" * 1000, ""),
    "gzip in xz": (lambda: lzma.compress(gzip.compress(pages(2))), "compressed twice"),
    "gzip of nothing": (lambda: gzip.compress(b""), "empty"),
    "gzip of text": (lambda: gzip.compress(b"Dear reader,\n" * 1000), "is a text file"),
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MEMQ_CACHE_DIR", str(folder))
    return folder


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", BAD)
def test_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    make, said = BAD[name]
    path = tmp_path / "dump"
    path.write_bytes(make())
    assert main([str(path), "-e", "process.Take(1)"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"memq: error: {path}: ")
    assert err.count("\n") == 1
    assert len(err) < 600
    assert any(word in err for word in said.split("|"))


def test_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path, tmp_path / "none", tmp_path / ("x" * 5000)]
    if os.name == "posix":
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        paths.append(pipe)
        loop = tmp_path / "loop"
        loop.symlink_to(loop)
        paths += [loop, tmp_path / "none" / ".." / "x"]
    for path in paths:
        assert main([str(path), "-e", "process"]) == 3
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("memq: error: ")
        assert err.count("\n") == 1


def test_a_file_that_may_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dump"
    path.write_bytes(pages(2))
    opened = os.open

    def forbidding(name: Path, *more: int, **options: int) -> int:
        if name == path:  # as for a user without the right to; root has it always
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(name, *more, **options)

    monkeypatch.setattr(os, "open", forbidding)
    assert main([str(path), "-e", "process"]) == 3
    assert capsys.readouterr().err == f"memq: error: {path}: Permission denied\n"


@pytest.mark.skipif(os.name != "posix", reason="such names are not allowed")
def test_a_hostile_name_of_a_file_is_made_harmless(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a\nmemq: note: b\x1b[2J\u202e"
    for content in (None, b"", b"text " * 100, pages(2)):
        if content is not None:
            path.write_bytes(content)
        assert main([str(path), "-e", "process"]) == 3
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert r"a\x0amemq: note: b\x1b[2J\u202e: " in err
        assert not set(err) & set("\x1b\u202e")


def first_megabyte(sample: Path, form: str) -> bytes:
    """Return the beginning of the sample, as it would be in that form."""
    with open_physical(sample) as physical:
        if form == "LiME":
            return physical.file.read(0, MB)
        memory = b"".join(
            (physical.read(place, 4096) or bytes(4096)) for place in range(0, MB, 4096)
        )
    if form == "raw":
        return memory
    return elf_of(
        segment(LOAD, 0x1000, 0, 128 * MB, 128 * MB), content=bytes(0x1000 - 64 - 56) + memory
    )


@pytest.mark.parametrize("form", ["LiME", "ELF core", "raw"])
def test_cut_at_every_page_of_the_first_megabyte(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    content = first_megabyte(sample, form)
    path = tmp_path / "dump"
    for size in range(0, MB, 4096):
        path.write_bytes(content[:size])
        with pytest.raises(ImageError) as caught:
            Image(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        assert caught.value.exit_status == 3
        if size % (64 * 4096) == 0:
            assert main([str(path), "-e", "process"]) == 3
            assert capsys.readouterr().err == f"memq: error: {caught.value}\n"


@pytest.mark.parametrize("megabytes", [2, 20, 30, 60, 90, 110, 120, 126])
def test_cut_in_the_middle_it_answers_or_says_why_not(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], megabytes: int
) -> None:
    path = tmp_path / "dump"
    with open_physical(sample) as physical, path.open("wb") as copy:
        for offset in range(0, megabytes * MB, MB):
            copy.write(physical.file.read(offset, MB))
    query = "process.Select([pid, name, command_line, vad.file_name, handle.name])"
    status = main([str(path), "-e", query, "-o", "jsonl"])
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert all(line.startswith("memq: ") for line in lines)
    assert any("the file is cut short: " in line for line in lines)
    if status == 3:
        assert out == ""
        assert len(lines) == 1
    else:
        assert status == 0
        assert out.count("\n") >= 1
    assert status == 0 or megabytes < 100


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
@pytest.mark.parametrize("name", ["LiME, vast", "ELF, vast", "ELF, many segments", "zstd bomb"])
def test_no_gigabytes(tmp_path: Path, cache: Path, name: str) -> None:
    path = tmp_path / "dump"
    path.write_bytes(BAD[name][0]())
    program = f"""
import re
from memq.cli import main
assert main([{str(path)!r}, "-e", "process"]) == 3
with open("/proc/self/status") as status:
    print(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1])
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"MEMQ_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    # zstd can give no less than what 2 KB hold: 64 MB, of which there are copies.
    assert int(result.stdout) < (350_000 if name == "zstd bomb" else 100_000)
    kept = sum(file.stat().st_size for file in cache.rglob("*")) if cache.exists() else 0
    assert kept < MB
