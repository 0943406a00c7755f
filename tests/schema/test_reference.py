"""Declarations of several systems, side by side."""

from __future__ import annotations

from memq.schema.reference import reference_of
from tests.schema.two import BLUE, RED, BlueThing, RedThing, Sound

BOTH = reference_of([RED, BLUE])


def test_objects_of_all_systems() -> None:
    assert [dict(entry.declared) for entry in BOTH.objects] == [
        {"red": RedThing, "blue": BlueThing},
        {"blue": Sound},
    ]
    assert BOTH.systems == {"red": RED, "blue": BLUE}


def test_fields_and_who_has_them() -> None:
    thing, _ = BOTH.objects
    assert {entry.name: list(entry.declared) for entry in thing.fields} == {
        "name": ["red", "blue"],
        "size": ["red", "blue"],
        "state": ["red"],
        "rights": ["blue"],
    }
    assert {entry.name: list(entry.declared) for entry in thing.subobjects} == {
        "child_object": ["red"],
        "above": ["blue"],
    }


def test_the_first_declaration_is_that_of_the_first_system() -> None:
    (thing,) = (entry for entry in BOTH.objects if entry.name == "thing")
    size = thing.fields[1]
    assert size.first() is RedThing.fields["size"]
    assert size.declared["blue"] is BlueThing.fields["size"]


def test_of_no_system_there_is_nothing() -> None:
    assert reference_of([]).objects == ()
