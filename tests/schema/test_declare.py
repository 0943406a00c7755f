"""What declarations complete, and what they refuse; and that those of the systems are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.os.systems import SYSTEMS
from memq.schema.declare import Cost
from memq.schema.kinds import ANNOTATIONS, Kind
from tests.schema.two import BlueThing, RedThing, Thing

if TYPE_CHECKING:
    from memq.schema.batch import ObjectType
    from memq.schema.declare import System

OBJECTS = [
    pytest.param(system, type_, id=f"{system.name}-{name}")
    for system in SYSTEMS
    for name, type_ in system.objects.items()
]


def test_what_is_shared_is_declared_once() -> None:
    name = RedThing.fields["name"]
    assert (name.doc, name.aliases, name.shown) == ("What it is called.", ("n",), True)
    assert name.value_type == ANNOTATIONS["Name"]
    assert not name.declared_only
    assert RedThing.fields["rights"].declared_only


def test_a_system_names_the_flags_of_a_shared_field() -> None:
    rights = BlueThing.fields["rights"].value_type
    assert (rights.kind, rights.names) == (Kind.FLAGS, (("READ", 1), ("WRITE", 2)))
    assert Thing.fields["rights"].value_type.names == ()


def test_a_doc_is_running_text() -> None:
    assert RedThing.fields["state"].doc == "How it does."


def test_an_example_is_inherited_until_a_system_says_its_own() -> None:
    assert (Thing.example, RedThing.example) == ("thing.Where(size > 4)",) * 2
    assert BlueThing.example == "thing.Where(size > 5)"


@pytest.mark.parametrize("cost", Cost)
def test_each_cost_has_words(cost: Cost) -> None:
    assert cost.text


@pytest.mark.parametrize(("system", "type_"), OBJECTS)
def test_an_object_says_what_it_is(system: System, type_: type[ObjectType]) -> None:
    assert type_.__doc__
    assert type_.__doc__.partition("\n")[0].endswith(".")
    assert type_.example.startswith(type_.type_name)
    assert any(field.shown for field in type_.fields.values())
    assert system.objects[type_.type_name] is type_
    assert not type_.owner_type or type_.owner_type in system.objects


@pytest.mark.parametrize(("system", "type_"), OBJECTS)
def test_a_name_means_one_thing(system: System, type_: type[ObjectType]) -> None:
    parts = [*type_.fields.values(), *type_.subobjects.values()]
    names = [name for part in parts for name in (part.name, *part.aliases)]
    names += [name for name in (type_.principal, type_.owner_type) if name]
    assert sorted(set(names)) == sorted(names)
    assert {part.item for part in type_.subobjects.values()} <= system.objects.keys()
