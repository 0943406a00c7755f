"""What can be asked, of all systems together: their declarations, side by side, and what is called.

The reference pages, `memq --schema` and what completes or checks queries without a dump read this.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Generic, TypeVar

from memq.node import dataclass
from memq.schema.declare import Field, SubObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memq.schema.batch import ObjectType
    from memq.schema.declare import System
    from memq.schema.kinds import Kind

D_co = TypeVar("D_co", covariant=True)
D = TypeVar("D")
P = TypeVar("P", Field, SubObject)


@dataclass(frozen=True, slots=True)
class Entry(Generic[D_co]):
    """One thing that queries can name, as each system that has it declares it."""

    name: str
    declared: Mapping[str, D_co]
    """By the names of the systems, in their order; never empty."""

    def first(self) -> D_co:
        """Return the declaration of the first system that has it."""
        return next(iter(self.declared.values()))


@dataclass(frozen=True, slots=True)
class ObjectEntry(Entry[type["ObjectType"]]):
    """An object type of one system or more."""

    fields: tuple[Entry[Field], ...]
    subobjects: tuple[Entry[SubObject], ...]


@dataclass(frozen=True, slots=True)
class Callable:
    """A method or a function, which is the same on every system."""

    name: str
    signature: str
    """The call as help shows it: `Substring(start, length?)`."""
    doc: str
    example: str
    """A query that gives something on the sample."""
    least: int
    most: int | None
    """How many arguments there may be; no `most`: any number."""
    receivers: tuple[Kind, ...] = ()
    """Of a method of values: the kinds that have it."""
    result: Kind | None = None
    """The kind of what it gives, where that is always the same."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator, or several of one meaning; the same on every system."""

    written: tuple[str, ...]
    """How it is written: `a && b`. None: one more meaning of the operator before."""
    doc: str
    example: str
    """A query of one value."""


@dataclass(frozen=True, slots=True)
class Callables:
    """All that queries can say beside names: operators, and what can be called."""

    series_methods: tuple[Callable, ...] = ()
    value_methods: tuple[Callable, ...] = ()
    functions: tuple[Callable, ...] = ()
    operators: tuple[Operator, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """All that can be asked of dumps of some systems."""

    systems: Mapping[str, System]
    objects: tuple[ObjectEntry, ...]
    callables: Callables = field(default_factory=Callables)


def reference_of(systems: Sequence[System], callables: Callables | None = None) -> Reference:
    """Put the declarations of some systems side by side; what is called is the same on all."""
    types = _by_name({system.name: system.objects for system in systems})
    objects = tuple(_object(name, declared) for name, declared in types.items())
    by_name = {system.name: system for system in systems}
    return Reference(by_name, objects, callables or Callables())


def _object(name: str, declared: Mapping[str, type[ObjectType]]) -> ObjectEntry:
    fields = {system: _computed(type_.fields) for system, type_ in declared.items()}
    subobjects = {system: _computed(type_.subobjects) for system, type_ in declared.items()}
    return ObjectEntry(name, declared, _entries(fields), _entries(subobjects))


def _computed(parts: Mapping[str, P]) -> Mapping[str, P]:
    """Leave out what is declared for all systems, but not computed by this one."""
    return {name: part for name, part in parts.items() if not part.declared_only}


def _entries(parts: Mapping[str, Mapping[str, D]]) -> tuple[Entry[D], ...]:
    return tuple(Entry(name, declared) for name, declared in _by_name(parts).items())


def _by_name(parts: Mapping[str, Mapping[str, D]]) -> Mapping[str, Mapping[str, D]]:
    """Turn what each system has under a name into what each name is on the systems."""
    names: Iterable[str] = dict.fromkeys(name for one in parts.values() for name in one)
    return {
        name: {system: one[name] for system, one in parts.items() if name in one} for name in names
    }
