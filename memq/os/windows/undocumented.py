"""Structures that no symbol table has the types of, laid out as a C compiler would.

Which members they have is known from the headers for drivers (wdm.h, ntddk.h), or from what many
have seen; sizes of pointers are those of the kernel at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memq.symbols.structs import Structs
from memq.symbols.types import Member, StructType, Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from memq.column import Addresses, Statuses
    from memq.os.windows.kernel import WindowsKernel

POINTER, STRING, LINKS = "pointer", "string", "links"
"""Kinds of members: any pointer or size, a UNICODE_STRING, a LIST_ENTRY."""
NUMBERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
_STRUCTS = {STRING: "_UNICODE_STRING", LINKS: "_LIST_ENTRY"}


def layout(kernel: WindowsKernel, name: str, members: Mapping[str, str]) -> StructType:
    """Lay out a structure: for each member its kind, POINTER and so on, or `u32`."""
    word = kernel.space.word_size
    found: dict[str, Member] = {}
    end = 0
    for member, kind in members.items():
        type_ = member_type(kernel, kind)
        alignment = type_.size if kind in NUMBERS else word
        end = -(-end // alignment) * alignment
        found[member] = Member(member, end, type_)
        end += type_.size
    return StructType(name, "struct", -(-end // word) * word, found)


def structs(
    kernel: WindowsKernel, struct: StructType, addresses: Addresses, status: Statuses | None = None
) -> Structs:
    """Return such structures at the addresses."""
    return Structs(kernel.space, kernel.types, struct, addresses, status)


def member_type(kernel: WindowsKernel, kind: str) -> Type:
    """Return the type that a kind of member has in a kernel."""
    if kind == POINTER:
        return Type("pointer", size=kernel.space.word_size, target_link=lambda: Type("void"))
    if kind in NUMBERS:
        return Type("int", kind, NUMBERS[kind])
    struct = kernel.types.required(_STRUCTS[kind])
    return Type("struct", struct.name, struct.size, layout_link=lambda: struct)
