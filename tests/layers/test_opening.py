"""Formats are told by content; what is none is refused by name. Raw images, and the real dumps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from memq.errors import ImageError
from memq.layers import file as file_module
from memq.layers.opening import open_physical
from memq.progress import Progress
from tests.layers.test_elfcore import CONTENT as ELF
from tests.layers.test_lime import CONTENT as LIME
from tests.layers.test_lime import PAGE, memory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Dump

RAW = bytes(PAGE) + memory(PAGE, 64 * PAGE)


def write(tmp_path: Path, content: bytes, name: str = "dump") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        open_physical(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("name", ["dump.raw", "dump.lime", "dump.elf", "dump.xz", "dump"])
def test_the_name_tells_nothing(tmp_path: Path, name: str) -> None:
    for content, expected in ((RAW, "raw"), (LIME, "LiME"), (ELF, "ELF core")):
        with open_physical(write(tmp_path, content, name)) as physical:
            assert physical.format == expected
            assert physical.warnings == []


def test_raw(tmp_path: Path) -> None:
    with open_physical(str(write(tmp_path, RAW))) as physical:
        assert (physical.limit, physical.present) == (len(RAW), len(RAW))
        addresses = np.arange(70, dtype=np.uint64) * np.uint64(PAGE)
        data, present = physical.gather(addresses, 8)
        assert present.tolist() == [number < 64 for number in range(70)]
        assert data[63].tobytes() == memory(63 * PAGE, 63 * PAGE + 8)


def test_a_raw_image_that_ends_inside_a_page_is_warned_of(tmp_path: Path) -> None:
    with open_physical(write(tmp_path, RAW[:-5])) as physical:
        assert physical.warnings == [
            "the file is cut short: its size is not a whole number of 4 KB pages"
        ]


def test_nothing_in_it(tmp_path: Path) -> None:
    assert "the file is empty" in refused(write(tmp_path, b""))
    assert "nothing but zeros" in refused(write(tmp_path, bytes(3 << 20)))
    assert "too small" in refused(write(tmp_path, bytes(PAGE - 1)))
    assert "too small" in refused(write(tmp_path, b"\1"))
    content = bytes(3 << 20) + b"\1" + bytes(PAGE - 1)
    with open_physical(write(tmp_path, content)) as physical:
        assert physical.format == "raw"


@pytest.mark.parametrize(
    "text",
    [
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 1\n",
        b"a",
        b"\n" * 10000,
        "Übergrößenträger, fast nur Buchstaben. ".encode() * 500,
        "PowerShell writes its files so.\r\n".encode("utf-16"),
    ],
)
def test_text(tmp_path: Path, text: bytes) -> None:
    message = refused(write(tmp_path, text))
    assert "is a text file" in message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("magic", "name"),
    [
        (b"MDMP\x93\xa7", "minidump of one process"),
        (b"KDUMP   ", "kdump"),
        (b"makedumpfile\0\0\0\0", "makedumpfile"),
        (b"AVML\2\0\0\0", "AVML"),
        (b"QFI\xfb\0\0\0\3", "qcow2"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"PK\x03\x04", "zip"),
        (bytes(257) + b"ustar\0", "tar"),
        (b"BZh9", "bzip2"),
    ],
)
def test_what_is_known_and_not_read(tmp_path: Path, magic: bytes, name: str) -> None:
    message = refused(write(tmp_path, magic + memory(PAGE, 3 * PAGE)))
    assert f"{name}" in message
    assert "; " in message  # the next step


@settings(max_examples=300, deadline=None)
@example(ELF, [(250, 0)], None)
@given(
    st.sampled_from([LIME, ELF]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
    st.one_of(st.none(), st.integers(0, 3 * PAGE)),
)
def test_any_damage_opens_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    damage: list[tuple[int, int]],
    cut: int | None,
) -> None:
    damaged = bytearray(content[: 40 * PAGE])
    for place, value in damage:
        damaged[place] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged[:cut])
    try:
        physical = open_physical(path)
    except ImageError:
        refused(path)
        return
    with physical:
        assert physical.present == (physical.ends - physical.starts).sum() > 0
        # Damage may make two pieces lie at one place of the file, so that all are more than it.
        ends = physical.offsets + (physical.ends - physical.starts)
        assert ends.max() <= path.stat().st_size
        for address, piece in physical.pieces(0, physical.limit):
            assert physical.read(address, len(piece)) == piece


def test_without_pread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: seek and read, and no advice."""
    monkeypatch.setattr(file_module, "_pread", None)
    monkeypatch.setattr(file_module, "_advise", None)
    rng = np.random.default_rng(3)
    for content in (RAW, LIME, ELF):
        with open_physical(write(tmp_path, content)) as physical:
            assert physical.file._at == physical.file._seek_and_read
            addresses = rng.integers(0, 0x100000, 2000).astype(np.uint64)
            physical.will_need(addresses, 8)
            data, present = physical.gather(addresses, 8)
            assert present.any()
            for address, row, there in zip(addresses.tolist(), data, present, strict=True):
                assert (physical.read(address, 8) is not None) == there
                if there and not (physical.format == "raw" and address < PAGE):
                    assert row.tobytes() == memory(address, address + 8)


def test_the_file_shrinks_while_it_is_read(tmp_path: Path) -> None:
    for content in (RAW, LIME, ELF):
        path = write(tmp_path, content)
        with open_physical(path) as physical:
            path.write_bytes(content[: 8 * PAGE])
            last = physical.limit - PAGE
            with pytest.raises(ImageError, match="become shorter"):
                physical.read(last, 8)
            with pytest.raises(ImageError, match="become shorter"):
                physical.gather(np.arange(last, last + 1000, dtype=np.uint64), 8)
            with pytest.raises(ImageError, match="become shorter"):
                list(physical.pieces(0, physical.limit))


def test_the_sample_opens(sample: Path) -> None:
    with open_physical(sample) as physical:
        assert physical.format == "LiME"
        assert physical.warnings == []
        assert physical.path == sample
        assert physical.present == 133_644_288


def test_the_labs_dumps_open(dump: Dump) -> None:
    with open_physical(dump.path) as physical:
        assert physical.warnings == []
        assert physical.present > 100 << 20
        assert ("VMCOREINFO" in physical.notes) == (physical.format == "ELF core")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_quiet_at_first_and_off_a_terminal() -> None:
    for stream, delay in ((Terminal(), 60.0), (io.StringIO(), 0.0), (None, 0.0)):
        progress = Progress(stream, delay)
        with progress.step("working"):
            progress.tick(1, 2)
        progress.erase()
        assert stream is None or stream.getvalue() == ""


def test_progress_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memq.progress._INTERVAL", 0.0)
    terminal = Terminal()
    progress = Progress(terminal, 0.0)
    with progress.step("outer"):
        progress.tick(1, 4)
        with progress.step("in\x1b[31mner" * 40):
            progress.tick(7, 3)
        progress.tick(1, 0)
    lines = terminal.getvalue().split("\r")
    assert lines[1].rstrip() == "outer 25%"
    assert lines[2].startswith("in?[31mner")
    assert lines[2].rstrip().endswith("100%")
    assert max(map(len, lines)) < 80
    assert lines[-3].strip() == "outer: 0 s"
    assert lines[-2:] == [" " * len(lines[-2]), ""]
    progress.tick(1, 2)
    assert terminal.getvalue().split("\r") == lines
