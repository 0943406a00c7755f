"""Dataclasses that are cheap to declare do what those of the standard library do."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from memq.node import dataclass


@dataclass(frozen=True, slots=True)
class Base:
    """A base with a default and a field that takes no part in equality."""

    first: int
    note: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Derived(Base):
    """One with more fields."""

    items: list[int] = dataclasses.field(default_factory=list)
    place: int = dataclasses.field(default=0, kw_only=True, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Alone:
    """One that is equal only to itself."""

    value: int


@dataclass(slots=True)
class Changing:
    """One that can be changed, and completes itself."""

    value: int
    double: int = dataclasses.field(init=True, default=0)

    def __post_init__(self) -> None:
        """Work out what follows from the value."""
        self.double = 2 * self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One that takes its values by their names only."""

    value: int
    note: str = dataclasses.field(default="", repr=False)


def test_values_come_by_place_and_by_name() -> None:
    made = Derived(1, "x", [2], place=3)
    assert (made.first, made.note, made.items, made.place) == (1, "x", [2], 3)
    assert Derived(first=1).items == []
    assert Derived(1).items is not Derived(1).items


WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1, "x", [], 4), {}),
    ((1,), {"other": 2}),
    ((1,), {"first": 2}),
]


@pytest.mark.parametrize(("values", "names"), WRONG)
def test_wrong_values_are_refused(values: tuple[Any, ...], names: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Derived(*values, **names)


@pytest.fixture
def _many() -> None:
    """Make so many that what makes them is compiled."""
    for number in range(300):
        Derived(number)
        Changing(number)
        Named(value=number)


@pytest.mark.usefixtures("_many")
def test_of_many_each_is_as_the_first() -> None:
    assert "__init__" in Derived.__dict__
    test_values_come_by_place_and_by_name()
    for values, names in WRONG:
        test_wrong_values_are_refused(values, names)
    test_nothing_can_be_changed()
    test_the_standard_library_takes_them()
    test_what_is_not_frozen_can_be_changed_and_has_no_hash()
    test_values_that_are_by_name_only_come_so()
    assert Derived.__init__.__code__.co_filename == "<string>"


def test_a_field_without_a_default_stands_before_those_with() -> None:
    with pytest.raises(TypeError, match="behind one with"):

        @dataclass(frozen=True, slots=True)
        class Wrong(Derived):
            late: int  # type: ignore[misc]


def test_nothing_can_be_changed() -> None:
    made = Base(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.first = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.first


def test_equality_is_of_what_is_compared() -> None:
    assert Base(1, "a") == Base(1, "b")
    assert hash(Base(1, "a")) == hash(Base(1, "b"))
    assert Base(1) != Base(2)
    assert Base(1) != Derived(1)
    assert Alone(1) != Alone(1)


def test_the_standard_library_takes_them() -> None:
    made = Derived(1, "x", [2], place=3)
    assert dataclasses.is_dataclass(made)
    assert [one.name for one in dataclasses.fields(made)] == ["first", "note", "items", "place"]
    other = dataclasses.replace(made, first=9)
    assert (other.first, other.items, other.place) == (9, [2], 3)
    assert repr(made) == "Derived(first=1, note='x', items=[2])"


def test_what_is_not_frozen_can_be_changed_and_has_no_hash() -> None:
    made = Changing(2)
    assert made.double == 4
    made.value = 3
    assert made.value == 3
    assert Changing(1) == Changing(1)
    with pytest.raises(TypeError):
        hash(made)
    del made.value
    assert not hasattr(made, "value")


def test_values_that_are_by_name_only_come_so() -> None:
    assert Named(value=1).value == 1
    with pytest.raises(TypeError):
        Named(1)  # type: ignore[call-arg]


def test_patterns_match_by_place() -> None:
    match Derived(1, "x"):
        case Derived(first, note):
            assert (first, note) == (1, "x")
