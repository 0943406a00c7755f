"""The kernel's address space in kernels that differ from what they say, or from the lab's."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import SymbolError
from memq.os.linux.addressing import addressing_of
from memq.os.linux.locate import KERNEL_MAP
from tests.os.linux.guests import check, told

if TYPE_CHECKING:
    from tests.os.linux.guests import Guest


def test_levels_that_the_flag_does_not_tell(newest: Guest) -> None:
    kernel = newest.found({newest.place("__pgtable_l5_enabled"): bytes(4)})
    check(kernel, newest.dump)


def test_levels_that_the_flag_tells_wrong(small: Guest) -> None:
    kernel = small.found({small.place("__pgtable_l5_enabled"): b"\1"})
    check(kernel, small.dump)


def test_encrypted_memory(small: Guest) -> None:
    # AMD's SME: one address bit of each entry says that the page is encrypted.
    bit = 1 << 47
    changes = {}
    for name, index in (("init_top_pgt", 511), ("level3_kernel_pgt", 510)):
        place = small.place(name) + 8 * index
        entry = int.from_bytes(small.raw.read(place, 8), "little")
        changes[place] = (entry | bit).to_bytes(8, "little")
    assert "do not lead to" in small.refused(changes)
    kernel = small.found(changes | {small.place("sme_me_mask"): bit.to_bytes(8, "little")})
    check(kernel, small.dump)


def test_a_direct_map_that_is_not_there(small: Guest) -> None:
    wrong = 0xFFFF_9000_0000_0000
    kernel = small.found({small.place("page_offset_base"): struct.pack("<Q", wrong)})
    assert kernel.page_offset == wrong
    assert len(kernel.warnings) == 1
    place = int(told(small.dump)["init_task pa"], 16)
    right = int(told(small.dump)["page_offset_base"], 16)
    assert kernel.space.translate(right + place) == place  # by the page tables


# Layouts of kallsyms that no guest has


def test_offsets_from_the_base(newest: Guest) -> None:
    # 6.15 to 6.19: unsigned; per-CPU symbols are at their template's place.
    count = len(newest.kernel.symbols)
    lowest = newest.kernel.image.start - (16 << 20)
    addresses = moved_per_cpu(newest, lowest)
    changes = {
        newest.kallsyms("offsets"): (addresses - np.uint64(lowest)).astype("<u4").tobytes(),
        newest.kallsyms("relative_base"): struct.pack("<Q", lowest),
    }
    kernel = newest.found(changes)
    check(kernel, newest.dump)
    assert kernel.symbols.text() == newest.kernel.symbols.text()
    assert len(kernel.symbols) == count


@pytest.mark.parametrize("hooks", [0, 3])
def test_offsets_from_their_own_places(newest: Guest, hooks: int) -> None:
    # 7.0: no base, and the order by name follows 8 bytes earlier.
    addresses = moved_per_cpu(newest, newest.kernel.image.start - (16 << 20))
    place = newest.kallsyms("offsets")
    virtual = place + KERNEL_MAP - newest.kernel.phys_base
    own = virtual + 4 * np.arange(len(addresses), dtype=np.int64).astype(np.uint64)
    offsets = (addresses - own).astype(np.int64).astype("<i4")
    order_place = newest.kallsyms("seqs_of_names")
    order = newest.raw.read(order_place, 3 * len(addresses))
    calls = newest.place("sys_call_table")
    changes = {place + 4 * len(addresses): order, place: offsets.tobytes()}
    changes |= {calls + 8 * number: struct.pack("<Q", KERNEL_MAP + 99) for number in range(hooks)}
    kernel = newest.found(changes)
    check(kernel, newest.dump)
    assert kernel.symbols.text() == newest.kernel.symbols.text()
    assert kernel.symbols.address("schedule") == newest.kernel.symbols.address("schedule")


def moved_per_cpu(guest: Guest, lowest: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """All addresses, with those of per-CPU symbols counted from `lowest`."""
    addresses = guest.kernel.symbols._addresses.copy()
    addresses[addresses < 1 << 32] += np.uint64(lowest)
    assert (addresses[1:] >= addresses[:-1]).all()
    return addresses


def test_a_place_that_is_no_page(small: Guest) -> None:
    symbols = {name: small.kernel.symbol(name) for name in ("_text", "_end", "init_top_pgt")}
    with pytest.raises(SymbolError, match="cannot be"):
        addressing_of(small.kernel.physical, symbols, small.kernel.phys_base + 8)
