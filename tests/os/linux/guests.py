"""The guests of the lab as raw images that tests change, and what their kernels must be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import SymbolError
from memq.layers.opening import open_physical
from memq.os.linux.locate import KERNEL_MAP
from memq.progress import Progress
from tests.os.linux.finding import find_kernel
from tests.synthetic.rawcopy import RawCopy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from memq.os.linux.kernel import LinuxKernel
    from memq.symbols.types import Types
    from tests.lab import Dump

STOPS = 1 << 64


def find(path: Path, types: Types | None = None) -> LinuxKernel:
    return find_kernel(open_physical(path), Progress(), types)


def told(dump: Dump) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(dump.record.files["selfcheck.json"])
    return facts


class Guest:
    """A dump as a raw image to change, and the kernel that is in it."""

    def __init__(self, dump: Dump, path: Path) -> None:
        self.dump = dump
        physical = open_physical(dump.path)
        self.raw = RawCopy(physical, path)
        self.kernel = find_kernel(physical, Progress())

    def place(self, symbol: str, member: str = "") -> int:
        """Physical address of a symbol, or of a member of the structure there."""
        struct_name, _, path = member.partition(".")
        offset = self.kernel.types.required(struct_name).offset(path) if member else 0
        return self.kernel.symbol(symbol) + offset - KERNEL_MAP + self.kernel.phys_base

    def kallsyms(self, table: str) -> int:
        """Physical address of one of kallsyms' tables."""
        return int(told(self.dump)["kallsyms"][f"kallsyms_{table}"]["pa"], 16)

    def found(self, changes: Mapping[int, bytes], types: Types | None = None) -> LinuxKernel:
        """Find the kernel in changed memory; what is read later is read as it was."""
        with self.raw.changed(changes) as path:
            return find(path, types)

    def refused(self, changes: Mapping[int, bytes]) -> str:
        """Return why there is no kernel in changed memory."""
        with pytest.raises(SymbolError) as caught:
            self.found(changes)
        text = str(caught.value)
        assert "\n" not in text
        assert text.startswith(f"{self.raw.path}: no Linux kernel found: ")
        return text

    @property
    def without_vmcoreinfo(self) -> dict[int, bytes]:
        """Changes that blank both copies of it."""
        places = told(self.dump)["VMCOREINFO in memory at"]
        return {int(place, 16): bytes(2048) for place in places}

    @property
    def without_calls(self) -> dict[int, bytes]:
        """Changes that leave little of the page that the kernel's constants start with."""
        return {self.place("__start_rodata") + 0x600: bytes(0xA00)}


def check(kernel: LinuxKernel, dump: Dump) -> None:
    """Hold a kernel to what its guest recorded."""
    facts = told(dump)
    base = int(facts["phys_base (pa = va - 0xffffffff80000000 + phys_base)"], 16)
    assert kernel.phys_base % STOPS == base
    assert kernel.kaslr_shift == int(facts["KASLR virtual slide"], 16)
    assert kernel.page_offset == int(facts["page_offset_base"], 16)
    assert kernel.root == int(facts["swapper_pg_dir / init_top_pgt pa"], 16)
    assert kernel.is_five_level is facts["la57 (CR4 bit 12)"]
    assert kernel.release == dump.record.truth["uname"][2]
    assert kernel.banner == dump.record.text("sys/version").strip()
    assert kernel.space.translate(kernel.symbol("init_task")) == int(facts["init_task pa"], 16)
    place = kernel.page_offset + int(facts["init_task pa"], 16)
    assert kernel.space.translate(place) == int(facts["init_task pa"], 16)
    assert kernel.structs("task_struct", np.array([place], np.uint64))["pid"].values.tolist() == [0]
