"""Structures of drivers and programs that no symbol table has, by what was published of them.

A table in data/ says for which machines and builds which member is where. What is not in it is not
guessed from its neighbours: the builds between and behind have shown that members move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.os.data import data_text
from memq.os.windows.undocumented import member_type
from memq.symbols.types import Member, StructType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from memq.os.windows.kernel import WindowsKernel

_ARM64 = 0xAA64
"""IMAGE_FILE_MACHINE_ARM64 in winnt.h."""
_HEAD = "struct"


def published(kernel: WindowsKernel, table: str) -> dict[str, list[StructType]]:
    """Return the layouts that a kernel's build has, by structure; several where updates differ.

    `table` is the name of a file in data/, whose own head says how it is written.
    """
    text = data_text("windows", table)
    found: dict[str, list[StructType]] = {}
    name, members = "", [("", "")]
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == _HEAD:
            name, members = words[1], [_pair(word) for word in words[2:]]
        elif _is_for(kernel, words[0], words[1]):
            offsets = dict(zip(members, words[2:], strict=True))
            found.setdefault(name, []).append(_layout(kernel, name, offsets))
    return found


def machine(kernel: WindowsKernel) -> str:
    """Return the machine that a kernel is of, as the tables name it."""
    if kernel.image.machine == _ARM64:
        return "arm64"
    return "x64" if kernel.is_64_bit else "x86"


def _pair(word: str) -> tuple[str, str]:
    member, _, kind = word.partition(":")
    return member, kind


def _is_for(kernel: WindowsKernel, of_machine: str, builds: str) -> bool:
    """Whether a line is of the kernel's build; a range without an end has none known yet."""
    first, _, last = builds.partition("-")
    build = kernel.build
    if of_machine != machine(kernel) or build is None:
        return False
    return int(first) <= build and (not last or build <= int(last))


def _layout(kernel: WindowsKernel, name: str, offsets: Mapping[tuple[str, str], str]) -> StructType:
    """Make a structure that ends with its last known member."""
    members: Sequence[Member] = [
        Member(member, int(offset, 16), member_type(kernel, kind))
        for (member, kind), offset in offsets.items()
    ]
    size = max(one.offset + one.size for one in members)
    return StructType(name, "struct", size, {one.name: one for one in members})
