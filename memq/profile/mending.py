"""Types that are of no symbol table but of published headers, put right as far as they can be.

Such headers do not say everything: which members of a union stand together in a struct without a
name, what is packed, where something is padded. Held to real tables of near kernels, 454 of 503
structs (7601) and 812 of 867 (19041) are the same in every place; most of the others have the same
members, put elsewhere (HANDLE_TABLE_ENTRY, KIDTENTRY64, MMPFN, IO_STACK_LOCATION). So where a
real table of the same kernel or its twin has a struct of that size and with these members, its
places are the real table's; so it is where the headers' struct only ends too early. Where there is
no real table, structs that cannot be are left out: those with members beyond their end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from memq.symbols.layouts import Layouts
from memq.symbols.store import SAME_KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from memq.profile.packing import Packed
    from memq.symbols.types import StructType


def mended(table: Packed, others: Iterable[Packed]) -> Packed:
    """Return the table, put right by the real one that is of the same kernel and has the most."""
    builds = {table.build, SAME_KERNEL.get(table.build, table.build)}
    real = [one for one in others if one.rvas and one.bits == table.bits and one.build in builds]
    if real:
        return _by_real(table, max(real, key=lambda one: (len(one.lines), str(one.identity))))
    return _without_wrong(table)


def _by_real(table: Packed, real: Packed) -> Packed:
    ours, theirs = _types(table), _types(real)
    lines = dict(table.lines)
    for name in ours.names():
        mine, other = ours.struct(name), theirs.struct(name)
        if mine is not None and other is not None and _is_same(mine, other):
            lines[f"s {name}"] = real.lines[f"s {name}"]
    needed = {key: line for key, line in real.lines.items() if key[0] != "s"}
    return replace(table, lines=needed | lines)


def _without_wrong(table: Packed) -> Packed:
    types = _types(table)
    wrong = {name for name in types.names() if not _can_be(types.struct(name))}
    lines = {key: line for key, line in table.lines.items() if key[2:] not in wrong}
    return replace(table, lines=lines)


def _types(table: Packed) -> Layouts:
    return Layouts("\n".join([table.head, *table.lines.values()]))


def _is_same(mine: StructType, real: StructType) -> bool:
    """Whether both are one struct, wherever the headers put its members, or cut it short."""
    if mine.size == real.size:
        return mine.members.keys() == real.members.keys()
    if mine.size * 2 < real.size:
        return True  # no struct doubles between near kernels; the headers lack what is not known
    places = {name: member.offset for name, member in real.members.items()}
    return mine.size < real.size and all(
        places.get(name) == member.offset for name, member in mine.members.items()
    )


def _can_be(layout: StructType | None) -> bool:
    """Whether all members lie within the struct, but for an array that goes on behind it."""
    return layout is not None and all(
        member.end <= layout.size or member.type.kind == "array"
        for member in layout.members.values()
    )
