"""What the reference says to people, in a terminal as on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from memq.schema.declare import Cost, Field
from memq.schema.kinds import Kind

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Mapping

    from memq.schema.batch import ObjectType
    from memq.schema.declare import SubObject, System
    from memq.schema.reference import Callable, Callables, Entry, ObjectEntry

D = TypeVar("D")


def summary(type_: type[ObjectType]) -> str:
    """Return the first paragraph of an object type's docstring, in one line."""
    return " ".join((type_.__doc__ or "").partition("\n\n")[0].split())


def cost(part: Field | SubObject) -> str:
    """Return the cost in a word or two; nothing for the cheapest, which most have."""
    return "" if part.cost is Cost.MEMBER else cost_name(part.cost)


def cost_name(one: Cost) -> str:
    """Return how a cost is called."""
    return one.name.lower().replace("_", " ")


def identity(type_: type[ObjectType], mark: str = "") -> str:
    """Return what tells two objects apart: `table` and `index`."""
    return " and ".join(f"{mark}{name}{mark}" for name in type_.identity)


def description(part: Field | SubObject, mark: str = "") -> str:
    """Return the doc, and the values that there are; `mark` stands on both sides of each."""
    sentences = [part.doc]
    if isinstance(part, Field):
        names = [name for name, _ in part.value_type.names]
        for before, values in (("One of", part.value_type.choices), ("Names:", names)):
            if values:
                listed = ", ".join(f"{mark}{value}{mark}" for value in values)
                sentences.append(f"{before} {listed}.")
    return " ".join(sentences)


def told(entry: Entry[D], systems: Mapping[str, System], tell: abc.Callable[[D], str]) -> str:
    """Tell something of an entry; where systems differ, of each one after its title."""
    texts = {name: tell(one) for name, one in entry.declared.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    parts = [f"{systems[name].title}: {text}" for name, text in texts.items() if text]
    return (" " if all(part.endswith(".") for part in parts) else "; ").join(parts)


def titles(entry: Entry[object], systems: Mapping[str, System]) -> str:
    """Return the titles of the systems that have it: `Linux and Windows`."""
    return " and ".join(systems[name].title for name in entry.declared)


def only(entry: Entry[Field | SubObject], owner: ObjectEntry, systems: Mapping[str, System]) -> str:
    """Return which systems have it, where the object is one of others, too."""
    if entry.declared.keys() == owner.declared.keys():
        return ""
    return f"{titles(entry, systems)} only."


def groups(callables: Callables) -> list[tuple[str, tuple[Callable, ...]]]:
    """Return all that can be called, by title; without those groups that are empty."""
    titled = [
        (
            "Methods of series, the same in a whole query and in an expression:",
            callables.series_methods,
        ),
        ("Methods of values:", callables.value_methods),
        ("Functions:", callables.functions),
    ]
    return [(title, group) for title, group in titled if group]


def callable_doc(one: Callable) -> str:
    """Return the doc, with what has the method where that is no text, as most have it."""
    others = [kind.value for kind in one.receivers if kind is not Kind.STRING]
    return f"{one.doc} For a {' and a '.join(others)}." if others else one.doc
