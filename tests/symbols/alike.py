"""Types as plain values, so that what two sources say of one struct can be held side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memq.symbols.types import innermost

if TYPE_CHECKING:
    from memq.symbols.types import Member, StructType, Type


def shown_struct(layout: StructType | None) -> dict[str, Any] | None:
    """Kind, size and members, those of nameless structures in it too."""
    if layout is None:
        return None
    members = {name: shown_member(member) for name, member in layout.members.items()}
    return {"kind": layout.kind, "size": layout.size, "members": members}


def shown_member(member: Member) -> dict[str, Any]:
    """Place, bits and type."""
    type_ = member.type
    return {
        "at": (member.offset, member.bit_offset, member.bit_size, type_.size, type_.signed),
        "type": str(type_),
        "within": _within(type_),
    }


def _within(type_: Type) -> dict[str, Any] | None:
    """Show the members of a structure without a name, which nothing else leads to."""
    behind = innermost(type_)
    while behind.kind in {"pointer", "array"} and (target := behind.target()) is not None:
        behind = target
    is_nameless = behind.kind in {"struct", "union"} and not behind.name
    return shown_struct(behind.layout()) if is_nameless else None
