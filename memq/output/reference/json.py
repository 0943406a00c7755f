"""The reference as JSON, by which an editor or another program can complete and check queries.

Each thing is told as the first system that has it declares it; what another system declares
otherwise stands under "differences", by the name of the system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import orjson

from memq.output.forms import FORMAT_VERSION, FORMS
from memq.output.reference.words import summary
from memq.schema.declare import Cost

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Mapping

    from memq.schema.batch import ObjectType
    from memq.schema.declare import Field, SubObject, System
    from memq.schema.reference import Callable, Entry, ObjectEntry, Reference

D = TypeVar("D")
Tree: TypeAlias = dict[str, Any]


def as_json(reference: Reference, version: str) -> str:
    """Return the reference as indented JSON; `version` is that of memq."""
    tree = {
        "format_version": FORMAT_VERSION,
        "memq": version,
        "systems": {name: _system(system) for name, system in reference.systems.items()},
        "kinds": {
            kind.name.lower(): {"title": kind.value, "json_type": form.type, "form": form.text}
            for kind, form in FORMS.items()
        },
        "costs": {cost.name.lower(): cost.text for cost in Cost},
        "objects": [_object(entry, reference.systems) for entry in reference.objects],
        "series_methods": list(map(_callable, reference.callables.series_methods)),
        "value_methods": list(map(_value_method, reference.callables.value_methods)),
        "functions": list(map(_callable, reference.callables.functions)),
        "operators": [
            {"written": list(one.written), "doc": one.doc, "example": one.example}
            for one in reference.callables.operators
        ],
    }
    return orjson.dumps(tree, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _system(system: System) -> Tree:
    return {"title": system.title, "ignores_case": system.ignores_case}


def _object(entry: ObjectEntry, systems: Mapping[str, System]) -> Tree:
    return {
        **_told(entry, systems, _type),
        "fields": [_told(field, systems, _field) for field in entry.fields],
        "subobjects": [_told(part, systems, _subobject) for part in entry.subobjects],
    }


def _told(
    entry: Entry[D], systems: Mapping[str, System], tell: abc.Callable[[D, System], Tree]
) -> Tree:
    """Tell what the first system has, which systems have it, and what differs on the others."""
    trees = {name: tell(one, systems[name]) for name, one in entry.declared.items()}
    first = next(iter(trees.values()))
    differences = {
        name: {key: value for key, value in tree.items() if value != first[key]}
        for name, tree in trees.items()
        if tree != first
    }
    return {"name": entry.name, **first, "systems": list(trees), "differences": differences}


def _type(type_: type[ObjectType], _: System) -> Tree:
    return {
        "doc": summary(type_),
        "example": type_.example,
        "principal": type_.principal or None,
        "owner": type_.owner_type or None,
        "identity": list(type_.identity),
    }


def _field(field: Field, system: System) -> Tree:
    type_ = field.value_type
    return {
        "aliases": list(field.aliases),
        "doc": field.doc,
        "kind": type_.kind.name.lower(),
        "json_type": FORMS[type_.kind].type,
        "cost": field.cost.name.lower(),
        "shown": field.shown,
        "ignores_case": type_.ignores_case and system.ignores_case,
        "choices": list(type_.choices),
        "names": dict(type_.names),
    }


def _subobject(part: SubObject, _: System) -> Tree:
    return {
        "aliases": list(part.aliases),
        "doc": part.doc,
        "item": part.item,
        "many": part.many,
        "cost": part.cost.name.lower(),
    }


def _callable(one: Callable) -> Tree:
    return {
        "name": one.name,
        "signature": one.signature,
        "least": one.least,
        "most": one.most,
        "doc": one.doc,
        "example": one.example,
    }


def _value_method(one: Callable) -> Tree:
    return {
        **_callable(one),
        "receivers": [kind.name.lower() for kind in one.receivers],
        "result": one.result.name.lower() if one.result else None,
    }
