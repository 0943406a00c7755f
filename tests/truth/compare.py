"""Hold rows of a dump to rows of a record, known differences taken into account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.truth.record import Key, Row, Rows

Side: TypeAlias = Literal["record", "dump"]


@dataclass(frozen=True)
class Only:
    """Rows that one side alone has: all whose keys begin with `key`, `rows` in number.

    `like` is what each of them holds.
    """

    side: Side
    key: Key
    reason: str
    rows: int = 1
    like: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """Fields of one row that changed between record and dump, with the values that the dump has."""

    key: Key
    now: Row
    reason: str


Difference: TypeAlias = Only | Changed


def complaints(record: Rows, dump: Rows, known: Sequence[Difference]) -> list[str]:
    """Say what differs beyond what is known to, and what is known to differ and does not.

    Only the fields that the record's rows have are compared; the dump's rows must have all of them.
    """
    only = [difference for difference in known if isinstance(difference, Only)]
    found = [*_only_in("record", record, dump, only), *_only_in("dump", dump, record, only)]
    changed = {d.key: d for d in known if isinstance(d, Changed)}
    for key in record.keys() & dump.keys():
        expected = _as_changed(record[key], changed.pop(key, None))
        found += _unlike(key, expected, dump[key])
    found += [f"{_show(key)}: listed as changed, but has no row" for key in changed]
    return sorted(found)


def _only_in(side: Side, rows: Rows, others: Rows, known: Sequence[Only]) -> Iterator[str]:
    keys = rows.keys() - others.keys()
    for difference in known:
        if difference.side == side:
            accounted = {key for key in keys if key[: len(difference.key)] == difference.key}
            keys -= accounted
            if len(accounted) != difference.rows:
                yield f"{_show(difference.key)}: {len(accounted)} rows only in {side}, {difference}"
            for key in accounted:
                yield from _unlike(key, difference.like, rows[key])
    for owner in {key[0] for key in keys}:
        theirs = sorted(key for key in keys if key[0] == owner)
        first = f"{_show(theirs[0])} {rows[theirs[0]]}"
        yield f"{owner}: {len(theirs)} rows only in {side}: {first} ..."


def _as_changed(row: Row, change: Changed | None) -> Row:
    """Return the record's row with the changes; one that changes nothing is made to fail."""
    if change is None:
        return row
    stale = {name: _Stale(value) for name, value in change.now.items() if row[name] == value}
    return row | change.now | stale


@dataclass(frozen=True)
class _Stale:
    """A value listed as changed though the record has the same: equal to nothing."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


def _unlike(key: Key, expected: Row, row: Row) -> Iterator[str]:
    for name, value in expected.items():
        if name not in row:
            yield f"{_show(key)}: {name}: the dump's row has no such field"
        # Equal is not enough: True == 1, and a test must see a truth value given as a number.
        elif value != row[name] or isinstance(value, bool) != isinstance(row[name], bool):
            yield f"{_show(key)}: {name}: expected {value!r}, the dump has {row[name]!r}"


def _show(key: Key) -> str:
    return "/".join(
        hex(part) if isinstance(part, int) and part >> 20 else str(part) for part in key
    )
