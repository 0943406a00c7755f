"""Where a kernel may be: exactly one place in real dumps, and few bytes read to know it."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest

from memq.layers.opening import open_physical
from memq.os.linux.locate import (
    IMAGE,
    KERNEL_MAP,
    MAX_PAGES,
    PAGE,
    REACH,
    STEP,
    Candidate,
    constant_pages,
    hinted_candidate,
    page_candidates,
)
from memq.os.linux.vmcoreinfo import Vmcoreinfo
from tests.synthetic.memory import Memory

if TYPE_CHECKING:
    from pathlib import Path

    from memq.layers.physical import PhysicalMemory
    from tests.lab import Dump, Lab

POINTER = KERNEL_MAP + 0x123_4560


def constants(hooks: int = 0, head: int = 0x360) -> bytes:
    """A page like that at __start_rodata; some pointers lead elsewhere."""
    words = [0] * (head // 8) + [POINTER + 64 * n for n in range((PAGE - head) // 8)]
    for number in range(hooks):
        words[0xC00 // 8 + number] = 0xFFFF_8880_0000_1000 + number
    return struct.pack("<512Q", *words)


def opened(folder: Path, pages: dict[int, bytes]) -> PhysicalMemory:
    memory = Memory()
    for place, data in pages.items():
        memory.write(place, data)
    return memory.open(folder)


def place_of(dump: Dump, name: str) -> int:
    """Physical address of a symbol of the guest's."""
    told = json.loads(dump.record.files["selfcheck.json"])
    base = int(told["phys_base (pa = va - 0xffffffff80000000 + phys_base)"], 16)
    va = next(va for va, names in dump.record.symbols.items() if name in names)
    return (va - KERNEL_MAP + base) % (1 << 64)


def test_one_page_of_a_real_dump(dump: Dump) -> None:
    with open_physical(dump.path) as physical:
        before = physical.bytes_read
        (candidate,) = page_candidates(physical)
        assert physical.bytes_read - before < 64 << 10
    start = place_of(dump, "__start_rodata")
    assert candidate == Candidate(f"the page at {start:#x}", start, start + REACH, start)


@pytest.mark.parametrize("guest", ["deb12-6.1-small.elf", "deb12-6.1-small.module.lime"])
def test_one_page_in_other_forms(lab: Lab, guest: str) -> None:
    dump = lab.dump(guest)
    with open_physical(dump.path) as physical:
        assert constant_pages(physical) == [place_of(dump, "__start_rodata")]


@pytest.mark.parametrize("head", [0x200, 0x2E0, 0x500])
@pytest.mark.parametrize("hooks", [0, 2, 20])
def test_hooks_do_not_hide_it(tmp_path: Path, head: int, hooks: int) -> None:
    physical = opened(tmp_path, {4 * STEP: constants(hooks, head)})
    assert constant_pages(physical) == [4 * STEP]


@pytest.mark.parametrize(
    "page",
    [b"\xff" * PAGE, bytes(PAGE), constants(60), constants(head=0x40), constants(head=0x900)],
    ids=["ones", "zeros", "hooks", "pointers from the start", "few pointers"],
)
def test_pages_that_are_none(tmp_path: Path, page: bytes) -> None:
    assert constant_pages(opened(tmp_path, {STEP: page, 9 * STEP: page})) == []


def test_only_multiples_of_2_mb_that_are_there(tmp_path: Path) -> None:
    page = constants()
    places = {STEP: page, 2 * STEP + PAGE: page, 5 * STEP - PAGE: page * 2, 9 * STEP: page[:2048]}
    memory = Memory()
    for place, data in places.items():
        memory.write(place, data)
    memory.remove(9 * STEP + 2100, 8192)
    physical = memory.open(tmp_path)
    assert constant_pages(physical) == [STEP, 5 * STEP]
    assert constant_pages(physical, STEP + 1) == [5 * STEP]
    assert constant_pages(physical, 0, 5 * STEP) == [STEP]
    assert constant_pages(physical, STEP, STEP) == []
    assert constant_pages(physical, 6 * STEP) == []


def test_not_more_pages_than_can_be_tried(tmp_path: Path) -> None:
    physical = opened(tmp_path, {number * STEP: constants() for number in range(1, MAX_PAGES + 9)})
    assert len(constant_pages(physical)) == MAX_PAGES + 8
    found = page_candidates(physical)
    assert [candidate.page for candidate in found] == [n * STEP for n in range(1, MAX_PAGES + 1)]


# What VMCOREINFO points to


def info(stext: int, phys_base: int) -> Vmcoreinfo:
    return Vmcoreinfo({"SYMBOL(_stext)": f"{stext:x}", "NUMBER(phys_base)": str(phys_base)})


def test_a_hint_leads_to_the_constants_behind_the_text(tmp_path: Path) -> None:
    physical = opened(tmp_path, {3 * STEP: constants(), 7 * STEP: constants(), 9 * STEP: b"\1"})
    hint = info(KERNEL_MAP + 10 * STEP, -6 * STEP)
    assert hinted_candidate(physical, hint, "it") == Candidate(
        "it", 7 * STEP, 7 * STEP + REACH, 7 * STEP, -6 * STEP
    )
    hint = info(KERNEL_MAP + 10 * STEP, -2 * STEP)
    assert hinted_candidate(physical, hint, "it") == Candidate(
        "it", 8 * STEP, 8 * STEP + IMAGE, None, -2 * STEP
    )


def test_a_hint_out_of_the_dump_is_none(tmp_path: Path) -> None:
    physical = opened(tmp_path, {STEP: constants()})
    for stext, base in ((0, 0), (KERNEL_MAP, -1), (KERNEL_MAP + 2 * STEP, 0), (1 << 70, 0)):
        assert hinted_candidate(physical, info(stext, base), "it") is None
    assert hinted_candidate(physical, Vmcoreinfo({"SYMBOL(_stext)": "0"}), "it") is None
    assert hinted_candidate(physical, Vmcoreinfo(), "it") is None
