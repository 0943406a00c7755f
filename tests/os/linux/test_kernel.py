"""The kernel, found in real dumps by each of the ways, and refused where it is none."""

from __future__ import annotations

import random
import re
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import SymbolError
from memq.layers.opening import open_physical
from memq.os.detect import detect
from memq.os.linux import kernel as kernel_module
from memq.progress import Progress
from memq.symbols.btf import Btf
from memq.symbols.kallsyms_tables import find_tables
from tests.os.linux.finding import find_kernel
from tests.os.linux.guests import check, find, told

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Dump, Lab
    from tests.os.linux.guests import Guest


# What is found


def test_every_dump(dump: Dump) -> None:
    kernel = find(dump.path)
    check(kernel, dump)
    assert kernel.warnings == []
    lines = told(dump)["VMCOREINFO text"].splitlines()
    assert [f"{key}={value}" for key, value in kernel.vmcoreinfo.items()] == lines
    text = kernel.text
    asked = [text.start - 1, text.start, text.stop - 1, text.stop, kernel.symbol("init_task"), 0]
    is_text = kernel.is_kernel_text(np.array(asked, np.uint64))
    assert is_text.tolist() == [False, True, True, False, False, False]
    assert kernel.symbol("_end") == kernel.image.stop
    assert kernel.optional("no_such_symbol") is None
    with pytest.raises(SymbolError, match="no_such_symbol"):
        kernel.symbol("no_such_symbol")


def test_reads_little(dump: Dump) -> None:
    physical = open_physical(dump.path)
    before = physical.reads, physical.bytes_read
    find_kernel(physical, Progress())
    assert physical.reads - before[0] < 400
    assert physical.bytes_read - before[1] < 16 << 20


# By a note


def test_by_the_note(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = lab.dump("deb12-6.1-small.elf")
    monkeypatch.setattr(kernel_module, "page_candidates", None)  # not needed
    kernel = find(dump.path)
    check(kernel, dump)
    assert kernel.warnings == []
    assert kernel.vmcoreinfo["OSRELEASE"] == kernel.release


def test_a_dump_taken_inside_the_guest(lab: Lab) -> None:
    dump = lab.dump("deb12-6.1-small.module.lime")
    check(find(dump.path), dump)


LIES = {
    "shifted": (rb"phys_base\)=-545259520", b"phys_base)=-53", "no token table of kallsyms"),
    "far": (rb"phys_base\)=-545259520", b"phys_base)=-1045259520", "no place of this dump"),
    "empty": (b"(?s).*", b"", "no place of this dump"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_note_that_lies(lab: Lab, lie: str) -> None:
    dump = lab.dump("deb12-6.1-small.elf")
    physical = open_physical(dump.path)
    pattern, new, reason = LIES[lie]
    note = physical.notes["VMCOREINFO"]
    physical.notes["VMCOREINFO"] = re.sub(pattern, new, note, count=1)
    assert physical.notes["VMCOREINFO"] != note
    kernel = find_kernel(physical, Progress())
    check(kernel, dump)
    (warning,) = kernel.warnings
    assert "VMCOREINFO note" in warning
    assert reason in warning


def test_a_note_that_is_not_quite_right(lab: Lab) -> None:
    # It leads near the kernel, which is found, but not believed.
    dump = lab.dump("deb12-6.1-small.elf")
    physical = open_physical(dump.path)
    note = physical.notes["VMCOREINFO"]
    physical.notes["VMCOREINFO"] = note.replace(b"=-545259520", b"=-536870912")
    kernel = find_kernel(physical, Progress())
    check(kernel, dump)
    (warning,) = kernel.warnings
    assert "its phys_base differs" in warning
    assert kernel.vmcoreinfo == {}


def test_a_note_of_another_kernel(lab: Lab) -> None:
    dump = lab.dump("deb12-6.1-small.elf")
    physical = open_physical(dump.path)
    for old, new, reason in (
        (b"OSRELEASE=6.1.0", b"OSRELEASE=6.1.1", "'6.1.1-56-cloud-amd64'"),
        (b"(init_uts_ns)=ffffffffa67", b"(init_uts_ns)=ffffffffa68", "init_uts_ns"),
    ):
        note = physical.notes["VMCOREINFO"]
        physical.notes["VMCOREINFO"] = note.replace(old, new)
        kernel = find_kernel(physical, Progress())
        physical.notes["VMCOREINFO"] = note
        check(kernel, dump)
        (warning,) = kernel.warnings
        assert reason in warning
        assert kernel.vmcoreinfo == {}


# By structure


def test_by_structure_alone(guest: Guest) -> None:
    kernel = guest.found(guest.without_vmcoreinfo)
    check(kernel, guest.dump)
    assert kernel.vmcoreinfo == {}
    assert kernel.warnings == []


def test_vmcoreinfo_of_another_kernel_is_left_out(small: Guest) -> None:
    places = [int(place, 16) for place in told(small.dump)["VMCOREINFO in memory at"]]
    kernel = small.found(dict.fromkeys(places, b"OSRELEASE=6.1.1\nPAGESIZE=4096\n\0"))
    check(kernel, small.dump)
    assert kernel.vmcoreinfo == {}
    assert len(kernel.warnings) == 1


def test_a_stale_copy_of_the_kernel_is_refused(small: Guest) -> None:
    # As after kexec, or of a guest of this machine: a whole image, but no page table leads to it.
    start, end = small.place("_text"), small.place("_end")
    copy = 128 << 20
    assert start % (2 << 20) == 0
    kernel = small.found({copy: small.raw.read(start, end - start)})
    check(kernel, small.dump)
    assert kernel.warnings == []
    text = small.refused({copy: small.raw.read(start, end - start), start: bytes(end - start)})
    assert "do not lead to the kernel's image" in text


def test_two_kernels_are_told(small: Guest) -> None:
    # The copy has page tables of its own that lead to it.
    start, end = small.place("_text"), small.place("_end")
    distance = (128 << 20) - start
    image = bytearray(small.raw.read(start, end - start))
    words = np.frombuffer(image, "<u8").copy()
    for name in ("init_top_pgt", "level3_kernel_pgt", "level2_kernel_pgt"):
        at = (small.place(name) - start) // 8
        entries = words[at : at + 512]
        frames = entries & np.uint64(0xF_FFFF_FFFF_F000)
        inside = (entries & np.uint64(1) == 1) & (frames >= start) & (frames < end)
        entries[inside] += np.uint64(distance)
    kernel = small.found({start + distance: words.tobytes()})
    check(kernel, small.dump)
    (warning,) = kernel.warnings
    assert warning == f"there is another kernel, {kernel.release}, at {start + distance:#x}"


# By a search


def test_by_search_where_the_structure_is_not_there(guest: Guest) -> None:
    kernel = guest.found(guest.without_calls)
    check(kernel, guest.dump)
    assert kernel.vmcoreinfo["OSRELEASE"] == kernel.release


def test_neither_structure_nor_vmcoreinfo(guest: Guest) -> None:
    text = guest.refused(guest.without_calls | guest.without_vmcoreinfo)
    assert "no page looks like a kernel's" in text
    assert re.search(r"a Linux banner is at 0x[0-9a-f]+$", text)


# Proof


def test_proofs(guest: Guest) -> None:
    other = struct.pack("<Q", guest.kernel.symbol("init_task"))
    changes = {
        "named 'notswapper'": {guest.place("init_task", "task_struct.comm"): b"notswapper\0"},
        "task list does not": {guest.place("init_task", "task_struct.tasks"): other},
        "banner does not start": {guest.place("linux_banner"): b"Minux"},
        "no BTF here": {guest.place("__start_BTF"): b"\0"},
        "page tables at": {guest.kernel.root: bytes(4096)},
        "names of kallsyms, but no addresses": {guest.kallsyms("offsets") + 4000: bytes(9)},
        "of kallsyms at": {guest.kallsyms("markers") + 4: bytes(9)},
        "no token table": {guest.kallsyms("token_index") + 4: bytes(9)},
    }
    for reason, change in changes.items():
        assert reason in guest.refused(change)


def test_types_are_checked_to_their_ends(small: Guest) -> None:
    start, end = small.place("__start_BTF"), small.place("__stop_BTF")
    names_size = struct.unpack("<I", small.raw.read(start + 20, 4))[0]
    assert "names do not" in small.refused({end - 1: b"x"})
    text = small.refused({start + 20: struct.pack("<I", names_size - 8), end - 9: b"\0"})
    assert "BTF" in text
    assert "BTF" in small.refused({start + 24 + 4: b"\xff\xff\xff\xff"})


def test_types_that_are_given_are_used(small: Guest) -> None:
    start, end = small.place("__start_BTF"), small.place("__stop_BTF")
    types = Btf(small.raw.read(start, end - start))
    kernel = small.found({start: bytes(end - start)}, types)
    check(kernel, small.dump)
    assert kernel.types is types


def test_a_changed_name_in_uname(small: Guest) -> None:
    place = small.place("init_uts_ns", "uts_namespace.name.release")
    kernel = small.found({place: b"9.9"})
    check(kernel, small.dump)
    (warning,) = kernel.warnings
    assert "'9.9.0-56-cloud-amd64'" in warning
    text = small.refused({place: b"9.9"} | small.without_vmcoreinfo)
    assert "'9.9.0-56-cloud-amd64'" in text


def test_no_data_symbols(small: Guest) -> None:
    # A kernel without CONFIG_KALLSYMS_ALL: here init_task goes by another name.
    names = small.kallsyms("names")
    data = small.raw.read(names, 4 << 20)
    tables = find_tables(small.raw.read, small.place("__start_rodata"), names + (4 << 20))
    number = small.kernel.symbols._order
    assert number is not None
    at = next(n for n in number if small.kernel.symbols._name(n) == "init_task")
    code = int(tables.starts[at]) + 1
    text = small.refused({names + code + 1: bytes([data[code + 1] ^ 1])})
    assert "do not name init_task" in text


# No kernel


def test_no_kernel(tmp_path: Path) -> None:
    image = tmp_path / "noise.raw"
    noise = random.Random(1).randbytes(1 << 20)
    image.write_bytes(noise * 8)
    with pytest.raises(SymbolError) as caught:
        find(image)
    assert str(caught.value) == (
        f"{image}: no Linux kernel found: no page looks like a kernel's, no VMCOREINFO leads to one"
    )
    with pytest.raises(SymbolError) as caught, open_physical(image) as physical:
        detect(physical, Progress())
    assert str(caught.value) == (
        f"{image}: no Linux kernel found: no page looks like a kernel's, no VMCOREINFO leads to "
        "one; nor one of Windows: no page tables lead to a kernel's image"
    )


def test_no_windows_kernel_behind_its_start_block(tmp_path: Path) -> None:
    image = tmp_path / "noise.raw"
    data = bytearray(random.Random(1).randbytes(1 << 20) * 8)
    struct.pack_into("<Q", data, 0x5000, 0x1_0006_00E9)
    struct.pack_into("<Q", data, 0x5070, 0xFFFF_F800_0000_1000)
    struct.pack_into("<Q", data, 0x50A0, 0x1AD000)
    image.write_bytes(data)
    with pytest.raises(SymbolError) as caught, open_physical(image) as physical:
        detect(physical, Progress())
    assert str(caught.value) == (
        f"{image}: no Windows kernel found: 1 candidate, none a kernel's: the processors' "
        "start block at 0x5000 does not map a kernel's image"
    )
