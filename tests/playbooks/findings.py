"""What tests ask of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from memq.hunt.rule import Rule


def slug_of(rule: Rule) -> str:
    """Return the name of a rule's file, without its ending."""
    return rule.place.partition(":")[0].rpartition("/")[2].removesuffix(".yml")


def number_of(row: Mapping[str, Any]) -> int | None:
    """Return the number of the process that a row speaks of; None if it speaks of none."""
    number: int | None = row.get("pid", row.get("process", {}).get("pid"))
    return number


def holds(expected: Any, found: Any) -> bool:
    """Whether what was found has all that is expected, and maybe more columns."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(key in found and holds(expected[key], found[key]) for key in expected)
    return bool(expected == found)


def hold_to(expected: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> None:
    """Hold rows to those that are expected: each is there, and no other."""
    left = list(found)
    for row in expected:
        place = next((n for n, one in enumerate(left) if holds(row, one)), None)
        assert place is not None, (row, left)
        del left[place]
    assert not left
