"""What can be asked, of all systems together: their declarations, side by side.

The reference page, `memq --schema` and what completes or checks queries without a dump read this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from memq.schema.declare import Field, SubObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from memq.schema.batch import ObjectType
    from memq.schema.declare import System

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
class Reference:
    """All that can be asked of dumps of some systems."""

    systems: Mapping[str, System]
    objects: tuple[ObjectEntry, ...]


def reference_of(systems: Sequence[System]) -> Reference:
    """Put the declarations of some systems side by side."""
    types = _by_name({system.name: system.objects for system in systems})
    objects = tuple(_object(name, declared) for name, declared in types.items())
    return Reference({system.name: system for system in systems}, objects)


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
