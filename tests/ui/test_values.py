"""Known values: of cheap fields of what is found by itself, bounded, and of nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memq
from memq.errors import Reason, SymbolError
from memq.os.linux.tasks import TASK_LIST
from memq.ui import values
from memq.ui.complete import suggest
from memq.ui.values import KnownValues
from tests.eval.world import SYSTEM, World
from tests.ui.worlds import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROCESS, VAD = SYSTEM.objects["process"], SYSTEM.objects["vad"]
PEOPLE: list[dict[str, Any]] = [
    {"pid": 1, "name": "b", "x": 7, "vad": [{"f": "lib"}]},
    {"pid": 2, "name": "a"},
    {"pid": 3, "name": "b", "x": Reason.PAGED_OUT},
    {"pid": 4, "name": Reason.PAGED_OUT},
    {"pid": 5, "name": None},
    {"pid": 6, "name": "\x1b[2J\"evil"},
    {"pid": 7, "name": "long" * 100},
]  # fmt: skip


@pytest.fixture
def world() -> World:
    return World(PEOPLE)


def test_distinct_texts_are_sorted_and_the_unknown_is_none(world: World) -> None:
    known = Desk(SYSTEM, world).values
    assert known.of(PROCESS, PROCESS.fields["name"]) == ('\x1b[2J"evil', "a", "b")


def test_numbers_are_known_where_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Desk(SYSTEM, World(PEOPLE)).values
    assert known.of(PROCESS, PROCESS.fields["x"]) == (0, 7)
    monkeypatch.setattr(values, "MOST_NUMBERS", 6)
    known = Desk(SYSTEM, World(PEOPLE)).values
    assert known.of(PROCESS, PROCESS.fields["process_id"]) == ()


def test_nothing_is_walked_nor_read_of_user_memory(world: World) -> None:
    desk = Desk(SYSTEM, world)
    assert suggest('vad.Where(f == "', desk) == []
    assert suggest('process.Where(vad.f == "', desk) == []
    assert suggest("process.Where(dear == ", desk)[0].kind == "field"
    assert not [name for name in world.counts if name.startswith(("walk", "process.dear", "vad"))]


def test_a_field_is_read_once(world: World) -> None:
    desk = Desk(SYSTEM, world)
    for text in ('process.Where(name == "', 'process.Where(name == "a', "process.Where(name == "):
        assert suggest(text, desk)
    assert world.counts["process.name"] == len(PEOPLE)


def test_what_is_offered_is_quoted_and_what_is_shown_is_clean(world: World) -> None:
    (first, *_) = suggest('process.Where(name == "', Desk(SYSTEM, world))
    assert (first.text, first.shown) == ('"\\x1b[2J\\"evil"', '\\x1b[2J"evil')
    assert first.meta == "in this dump"


def test_no_more_elements_than_a_bound_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_ELEMENTS", 3)
    world = World(PEOPLE)
    assert Desk(SYSTEM, world).values.of(PROCESS, PROCESS.fields["name"]) == ("a", "b")
    assert world.counts["portions"] == 2
    assert world.counts["process.name"] == 3


def test_no_more_time_is_taken_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_SECONDS", -1.0)
    world = World(PEOPLE)
    assert Desk(SYSTEM, world).values.of(PROCESS, PROCESS.fields["name"]) == ("a", "b")
    assert world.counts["portions"] == 1


def test_what_cannot_be_found_has_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def portions(_context: object) -> Iterator[object]:
        raise SymbolError("there is none")

    monkeypatch.setattr(PROCESS, "portions", portions)
    assert Desk(SYSTEM, World(PEOPLE)).values.of(PROCESS, PROCESS.fields["name"]) == ()


def test_without_a_kernel_nothing_is_known() -> None:
    known = Desk(SYSTEM).values
    assert known.of(PROCESS, PROCESS.fields["name"]) == ()
    assert (known.types("a"), known.symbols("a")) == ([], [])


class Symbols:
    """Names as nm writes them."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def text(self) -> bytes:
        return "".join(f"T{name}\n" for name in self.names).encode()


def symbols(*names: str) -> KnownValues:
    class Kernel:
        symbols = Symbols(*names)

    return Desk(SYSTEM, Kernel()).values


def test_symbols_that_begin_so_come_first() -> None:
    known = symbols("b_task", "Task", "a_task", "task_b", "other", "task_a")
    assert known.symbols("task") == ["Task", "task_a", "task_b", "a_task", "b_task"]
    assert known.symbols("ta") == ["Task", "task_a", "task_b"]
    assert known.symbols("TASK_B") == ["task_b"]
    assert known.symbols("") == ["Task", "a_task", "b_task", "other", "task_a", "task_b"]
    assert known.symbols("k\nt") == known.symbols("nothing") == []
    assert symbols().symbols("") == []


def test_symbols_are_bounded() -> None:
    known = symbols(*(f"name_{number}" for number in range(3000)))
    assert len(known.symbols("name")) == len(known.symbols("")) == values.MOST_NAMES


def test_of_a_name_that_holds_the_text_twice_it_is_there_once() -> None:
    assert symbols("x_aaaa_aaaa", "aaa").symbols("aaa") == ["aaa", "x_aaaa_aaaa"]


def test_what_is_known_of_the_dump_is_not_changed(
    sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk that was told to end early would say of processes that they are on no list."""
    monkeypatch.setattr(values, "MOST_ELEMENTS", 3)
    with memq.open(sample) as image:
        type_ = image.system.objects["process"]
        assert len(KnownValues(image).of(type_, type_.fields["name"])) == 3
        assert TASK_LIST not in image.kernel.facts
        (count,) = image.query("process.Count(in_task_list)").rows()
        (all_,) = image.query("process.Count()").rows()
        assert count == all_ > 3


@given(st.lists(st.text("abC_", min_size=1, max_size=8), max_size=30), st.text("ab_C", max_size=6))
def test_a_letter_more_sifts_what_was_found(names: list[str], text: str) -> None:
    lines = [name.encode() for name in names]
    typed = values._Lines(lines)
    for end in range(len(text) + 1):
        assert typed.matching(text[:end]) == values._Lines(lines).matching(text[:end])
