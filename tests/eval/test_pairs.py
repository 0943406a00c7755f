"""Joins: the pairs that trying every pair finds, however many are made at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memq.errors import Reason
from memq.eval import flows
from memq.eval.pairs import Partners
from tests.eval.world import World, ask, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memq.column import Indexes
    from memq.eval.segments import Segments

KEYS = st.lists(st.sampled_from(["a", "b", "c", None, Reason.PAGED_OUT]), max_size=7)


def world(names: Sequence[Any]) -> World:
    return World([{"pid": n, "name": name} for n, name in enumerate(names)], portion=3)


def pair(operator: str) -> str:
    by_name = f"process.{operator}(process, p => p.name, q => q.name"
    return (
        f"{by_name}).Select(pid)"
        if operator == "AntiJoin"
        else f"{by_name}, (p, q) => [p.pid, q.pid])"
    )


@given(names=KEYS)
def test_join(names: Sequence[Any]) -> None:
    pairs = [
        {"p": {"pid": one}, "q": {"pid": other}}
        for one, name in enumerate(names)
        for other, partner in enumerate(names)
        if name == partner and isinstance(name, str)
    ]
    assert value(world(names), pair("Join")) == pairs


@pytest.mark.parametrize("operator", ["Join", "LeftJoin", "AntiJoin"])
@given(names=KEYS)
def test_the_number_of_pairs_at_once_changes_nothing(operator: str, names: Sequence[Any]) -> None:
    whole = ask(world(names), pair(operator))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows, "ROWS", 2)
        in_pieces = ask(world(names), pair(operator))
    assert in_pieces.value == whole.value
    assert in_pieces.run.undecided == whole.run.undecided


def test_no_more_pairs_are_made_at_once_than_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "ROWS", 8)
    made: list[int] = []
    pairs_of = Partners.of

    def counted(partners: Partners, rows: Indexes) -> Segments:
        found = pairs_of(partners, rows)
        made.append(len(found.view.owner))
        return found

    monkeypatch.setattr(Partners, "of", counted)
    assert value(world(["a"] * 7), f"{pair('Join')}.Count()") == 49
    assert max(made) == 7
