"""Windows: hints that are wrong, and images that lack what a kernel is found by.

One clear line and the right exit status, or an answer; and what was told is never left aside.
"""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from memq.cli import main
from memq.errors import SymbolError
from memq.image import Image, open_image
from tests.lab import windows_sample
from tests.os.windows.asking import ask_everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.column import Array
    from memq.os.windows.kernel import WindowsKernel
    from tests.lab import Lab

MB = 1 << 20
PAGE = 4096
QUERY = "process.Select([pid, name])"


@pytest.fixture(scope="module")
def content() -> Array:
    """The sample's memory."""
    return np.frombuffer(lzma.decompress(windows_sample().read_bytes()), np.uint8)


@pytest.fixture(scope="module")
def opened() -> Iterator[Image]:
    with open_image(windows_sample()) as image:
        yield image


@pytest.fixture(scope="module")
def names(opened: Image) -> list[dict[str, Any]]:
    """What the whole sample answers."""
    return list(opened.query(QUERY).rows())


def save(path: Path, content: Array) -> Path:
    """Write an image, without its pages of zeros."""
    with path.open("wb") as file:
        whole = len(content) // PAGE * PAGE
        used = content[:whole].reshape(-1, PAGE).any(axis=1)
        for number in np.flatnonzero(used).tolist():
            file.seek(number * PAGE)
            file.write(content[number * PAGE : (number + 1) * PAGE].tobytes())
        file.truncate(len(content))
    return path


def told(capsys: pytest.CaptureFixture[str], status: int, *options: str) -> str:
    """Run a query that fails; return the one line that says why."""
    assert main([str(windows_sample()), "-e", QUERY, *options]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("memq: error: ")
    assert len(err) < 800
    return err


@pytest.mark.parametrize("address", ["0x1000", "0x7ffff000", "0xfffffffffffff000", "1"])
def test_a_root_that_maps_no_kernel_is_refused(
    capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert f"--dtb {int(address, 0):#x} (x86-64) does not map a kernel's image" in told(
        capsys, 3, "--dtb", address
    )


@pytest.mark.parametrize("address", ["0", "0x1000", "0xfffff80000000000", "0xfffffffffffffff0"])
def test_a_place_at_which_no_kernel_is_is_refused(
    capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert "does not map an image at" in told(capsys, 3, "--kernel-base", address)


@pytest.mark.parametrize("option", ["--dtb", "--kernel-base"])
@pytest.mark.parametrize("text", ["zzz", "-1", "", "0x10000000000000000", "1.5"])
def test_what_is_no_address(capsys: pytest.CaptureFixture[str], option: str, text: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(windows_sample()), "-e", QUERY, f"{option}={text}"])
    assert caught.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f"argument {option}: {text!r} is no address: write it as 0x1ad000")


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nothing, text, empty = tmp_path / "none", tmp_path / "text", tmp_path / "empty"
    text.write_text("Dear reader,\n" * 20)
    empty.write_bytes(b"")
    for option in ("--pagefile", "--profile"):
        assert told(capsys, 3, option, str(nothing)).endswith("none: No such file or directory\n")
        for path in (text, empty):
            assert told(capsys, 3, option, str(path)).startswith(f"memq: error: {path}: ")
    assert "is a folder, not a file" in told(capsys, 3, "--pagefile", str(tmp_path))
    assert "give an ISF file (JSON) or a PDB" in told(capsys, 3, "--profile", str(text))


def test_more_page_files_than_there_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pagefile.sys"
    path.write_bytes(bytes(4 * PAGE))
    assert "16" in told(capsys, 3, *["--pagefile", str(path)] * 17)


def test_tables_of_other_kernels_and_programs(
    lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is given is proven like what is found; and it is said whose it is."""
    folder = lab.folder / "windows"
    if not folder.is_dir():
        pytest.skip("the lab has no Windows dumps")
    for name in ("isf/ntkrnlmp-6.1.7601*", "nt52/nt52-x86.isf*", "isf/*5.1.2600.5512-x86*"):
        (path,) = folder.glob(name)
        assert f"(by {path})" in told(capsys, 3, "--profile", str(path))
    program = tmp_path / "ntdll.pdb"
    program.write_bytes(lzma.decompress((folder / "pdb" / "ntdll-x64.pdb.xz").read_bytes()))
    assert main([str(windows_sample()), "-e", "process.Count()", "--profile", str(program)]) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith(f"memq: warning: {program}: is the table of ")
    assert first.endswith(": only types are used")
    refused: set[str] = set()
    with open_image(windows_sample(), profile=program) as image:  # of many types it has none
        assert ask_everything(image, refused=refused).known > 10_000
    assert refused == {"interrupt", "registry", "hive", "service"}


def test_a_server_that_is_none_is_told_where_it_is_asked(
    tmp_path: Path,
    content: Array,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    place = content.tobytes().index(b"ntkrnlmp.pdb\0") - 24
    damaged = content.copy()
    assert damaged[place : place + 4].tobytes() == b"RSDS"
    damaged[place + 4 : place + 8] ^= 0xFF  # its identity is another now, which no profile has
    path = save(tmp_path / "memory.raw", damaged)
    for url in ("nowhere", "file:///etc", "ftp://host/", "http://", "http://127.0.0.1:9/"):
        assert main([str(path), "-e", QUERY, "--symbol-server", url]) == 3
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "not the address of a symbol server" in err or "check the address" in err


def test_without_its_first_megabyte_it_is_the_same(
    tmp_path: Path, content: Array, names: list[dict[str, Any]]
) -> None:
    """There is no block that starts processors then."""
    damaged = content.copy()
    damaged[:MB] = 0
    with open_image(save(tmp_path / "memory.raw", damaged)) as image:
        assert list(image.query(QUERY).rows()) == names


def test_without_the_block_of_the_debugger_it_is_the_same(
    tmp_path: Path, content: Array, names: list[dict[str, Any]]
) -> None:
    damaged, places = content.copy(), 0
    whole = content.tobytes()
    place = whole.find(b"KDBG")
    while place >= 0:
        damaged[place - 16 : place + 0x340] = 0
        places, place = places + 1, whole.find(b"KDBG", place + 4)
    assert places
    with open_image(save(tmp_path / "memory.raw", damaged)) as image:
        assert list(image.query(QUERY).rows()) == names


@pytest.mark.parametrize("megabytes", [1, 2, 17, 30, 50])
def test_cut_in_the_middle_it_answers_or_says_why_not(
    tmp_path: Path, content: Array, capsys: pytest.CaptureFixture[str], megabytes: int
) -> None:
    path = save(tmp_path / "memory.raw", content[: megabytes * MB])
    status = main([str(path), "-e", "process.Select([pid, name, vad.start])", "-o", "jsonl"])
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert all(line.startswith("memq: ") for line in lines)
    if status == 3:
        assert (out, len(lines)) == ("", 1)
    else:
        assert status == 0
        assert lines  # something of it is missing


def refusal(path: Path) -> str:
    with pytest.raises(SymbolError) as caught:
        Image(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_guest_within_is_not_taken_for_the_machine(
    tmp_path: Path, content: Array, names: list[dict[str, Any]]
) -> None:
    """Page tables of a guest lead to its own addresses, at which the machine has other things."""
    shifted = np.concatenate([np.zeros(8 * MB, np.uint8), content])
    said = refusal(save(tmp_path / "inner.raw", shifted))
    assert "no page tables lead to a kernel's image, although one of ntkrnlmp.pdb" in said
    both = np.concatenate([content, content])
    with open_image(save(tmp_path / "both.raw", both)) as image:
        assert not image.warnings
        assert list(image.query(QUERY).rows()) == names


def test_a_first_process_that_is_none_is_told(
    tmp_path: Path, content: Array, opened: Image
) -> None:
    """Each candidate is tried, and refused for a reason that is told."""
    kernel = cast("WindowsKernel", opened.kernel)
    process = kernel.system_process
    assert process is not None
    damaged = content.copy()
    offset = kernel.types.required("_EPROCESS").offset("UniqueProcessId")
    place = kernel.space.translate(process + offset)
    damaged[int(place)] = 8
    text = refusal(save(tmp_path / "memory.raw", damaged))
    assert "the first process has number 8 and not 4" in text
    assert "under the processors' start block at 0x1000" in text
