"""Names of flags: which bits a name stands for, as people write it in a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memq.schema.kinds import ValueType


def names_of(value_type: ValueType) -> tuple[str, ...]:
    """Return the names of a type's flags, in the order of the declaration."""
    return tuple(name for name, _ in value_type.names)


def bits_of(value_type: ValueType, text: str) -> int | None:
    """Return the bits that `A|B` stands for, None if one of the names is unknown.

    Case does not count, and what all names begin with (VM_, O_) may be left out.
    """
    table = _table(value_type)
    found = [table.get(part.strip().upper()) for part in text.split("|")]
    bits = 0
    for one in found:
        if one is None:
            return None
        bits |= one
    return bits


def _table(value_type: ValueType) -> dict[str, int]:
    """Return the bits of each name, short and long; a name as it was declared wins."""
    names = names_of(value_type)
    prefix = names[0].partition("_")[0] + "_" if names else ""
    # Of one name alone all would be common.
    is_common = len(names) > 1 and all(name.startswith(prefix) for name in names)
    start = len(prefix) if is_common else 0
    short = {name[start:].upper(): bits for name, bits in value_type.names}
    return short | {name.upper(): bits for name, bits in value_type.names}
