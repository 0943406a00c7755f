"""Profiles of kernels with DWARF: of one in little (tests/symbols/data), by two versions of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from memq.errors import ImageError, SymbolError
from memq.progress import Progress
from memq.symbols.isf import Isf

DATA = Path(__file__).parent / "data"
KERNELS = [DATA / "little.dwarf2.vmlinux", DATA / "little.dwarf5.vmlinux"]


def profile(path: Path) -> bytes:
    pytest.importorskip("elftools", reason="pyelftools is not installed (the extra `profile`)")
    from memq.symbols.dwarf import profile_of_vmlinux  # noqa: PLC0415

    return profile_of_vmlinux(path, Progress())


@pytest.fixture(scope="module", params=KERNELS, ids=lambda path: path.stem)
def table(request: pytest.FixtureRequest) -> Isf:
    return Isf(profile(request.param))


def test_members(table: Isf) -> None:
    task = table.required("task")
    assert task.size == 136
    assert {
        name: (m.offset, m.bit_offset, m.bit_size, str(m.type)) for name, m in task.members.items()
    } == {
        "flags": (0, None, None, "unsigned int"),
        "first": (4, 0, 1, "unsigned int"),
        "second": (4, 1, 5, "unsigned int"),
        "third": (4, 6, 7, "int"),
        "usage": (8, None, None, "struct atomic_t"),
        "tasks": (16, None, None, "struct list_head"),
        "stack": (32, None, None, "void *"),
        "place": (32, None, None, "long int"),
        "named": (40, None, None, "struct"),
        "name": (48, None, None, "char *"),
        "comm": (56, None, None, "char[16]"),
        "table": (72, None, None, "short int[2][3]"),
        "lost": (88, None, None, "struct declared_only *"),
        "call": (96, None, None, "function *"),
        "state": (104, None, None, "enum state"),
        "on": (108, None, None, "_Bool"),
        "value": (112, None, None, "union value"),
        "parts": (120, None, None, "struct parts_t"),
        "rest": (136, None, None, "unsigned int[0]"),
    }
    assert task.offset("parts.halves.high") == 124
    assert (task.offset("named.inner"), task.offset("table[1][2]")) == (40, 82)


def test_names(table: Isf) -> None:
    """Structs go by their tags, and by their typedefs; of two with one tag the first counts."""
    typedefs = ["atomic_t", "count_t", "list_t", "parts_t"]
    assert table.names() == sorted([*typedefs, "list_head", "other", "task", "value"])
    assert table.required("list_t").members == table.required("list_head").members
    assert table.required("value").kind == "union"
    assert table.required("other").member("usage").size == 4


def test_enums(table: Isf) -> None:
    state = table.enum("state")
    assert state is not None
    assert (state.size, state.values) == (4, {"READY": 0, "WAITING": 5, "LOST": -1})
    assert table.required("task").member("state").type.signed
    assert (table.enumerator("LIMIT"), table.enumerator("OTHER")) == (4096, 1 << 20)
    assert table.enum_names() == ["state"]


def test_symbols(table: Isf) -> None:
    assert table.constants == {"linux_banner": b"Linux version 0.1 (memq)\n\0"}
    addresses = table.symbols
    assert addresses["_start"] == 0x4000E8
    assert addresses["init_task"] % 32 == 0
    types = {name: table.symbol_type(name) for name in ("init_task", "others", "_start")}
    assert {name: str(type_) for name, type_ in types.items()} == {
        "init_task": "struct task", "others": "struct list_head", "_start": "None",
    }  # fmt: skip


def test_the_same_is_written_again() -> None:
    assert profile(KERNELS[1]) == profile(KERNELS[1])
    metadata = json.loads(profile(KERNELS[1]))["metadata"]
    assert metadata["linux"]["types"] == [{"kind": "dwarf", "name": "little.dwarf5.vmlinux"}]


def test_other_files_are_refused(tmp_path: Path) -> None:
    whole = KERNELS[1].read_bytes()
    path = tmp_path / "vmlinux"
    for content in (b"", b"\x7fELF", b"no", *(whole[:at] for at in range(100, len(whole), 400))):
        path.write_bytes(content)
        with pytest.raises(SymbolError, match="vmlinux: ") as error:
            profile(path)
        assert "\n" not in str(error.value)
    with pytest.raises(ImageError, match="No such file"):
        profile(tmp_path / "none")


@pytest.mark.parametrize("section", [b".debug_info", b".symtab"])
def test_what_is_missing_is_named(tmp_path: Path, section: bytes) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(KERNELS[1].read_bytes().replace(section, b"." + b"x" * (len(section) - 1)))
    with pytest.raises(SymbolError, match="take the vmlinux of the kernel's debug package"):
        profile(path)


def test_any_byte_gone_wrong_is_an_answer_or_one_sentence(tmp_path: Path) -> None:
    whole = KERNELS[1].read_bytes()
    path = tmp_path / "vmlinux"
    for at in range(0, len(whole), 67):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            profile(path)
        except SymbolError as error:
            assert "\n" not in str(error)  # noqa: PT017 - an answer is right, too


def test_without_pyelftools_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from memq.symbols.dwarf import profile_of_vmlinux  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "elftools.elf.elffile", None)
    with pytest.raises(SymbolError, match=r"pip install 'memq\[profile\]'"):
        profile_of_vmlinux(KERNELS[1], Progress())
