"""Declarations: the fields and sub-objects of object types, and what a system consists of.

A field is a method over a whole batch (memq.schema.batch): its annotation is its type
(memq.schema.kinds), its docstring the help. Checker, completion, help, docs and output read these
declarations; nothing repeats them. `shared` declares a field that both systems have, or may have; a
system's class computes it by a `field` of the same name, which takes over what `shared` said. What
no class of a system computes, that system does not have.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, overload

from memq.node import dataclass
from memq.schema.kinds import ANNOTATIONS, NamesBy, ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from memq.column import Column
    from memq.schema.batch import ObjectType
    from memq.schema.collection import Collection, Reference


class Cost(IntEnum):
    """What a field takes to compute; the planner does the cheap first."""

    MEMBER = 0
    FOLLOW = 1
    USER_MEMORY = 2
    WALK = 3
    SCAN = 4

    @property
    def text(self) -> str:
        """What it means, as people read it."""
        return _COST_TEXTS[self]


_COST_TEXTS = {
    Cost.MEMBER: "read from the object's own structure",
    Cost.FOLLOW: "read from another structure, which a pointer leads to",
    Cost.USER_MEMORY: "read from a process's own memory, through its page tables",
    Cost.WALK: "found by a walk through lists, trees or paths of the kernel",
    Cost.SCAN: "found by a search through the whole memory",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What fields and sub-objects have in common: a name, its aliases, a doc, a cost."""

    name: str
    function: Callable[[Any], Any]
    doc: str
    aliases: tuple[str, ...] = ()
    cost: Cost = Cost.MEMBER
    declared_only: bool = False


@dataclass(frozen=True, slots=True)
class Field(Part):
    """A column of an object type."""

    value_type: ValueType = ANNOTATIONS["Number"]
    shown: bool = False
    """Whether it is one of the default columns."""

    @overload
    def __get__(self, batch: None, owner: object) -> Field: ...
    @overload
    def __get__(self, batch: ObjectType, owner: object) -> Column: ...
    def __get__(self, batch: ObjectType | None, owner: object) -> Field | Column:
        return self if batch is None else batch.column(self.name)


@dataclass(frozen=True, slots=True)
class SubObject(Part):
    """Another object of each element (`many` False), or a collection of them."""

    item: str = ""
    """Name of the object type."""
    many: bool = False

    @overload
    def __get__(self, batch: None, owner: object) -> SubObject: ...
    @overload
    def __get__(self, batch: ObjectType, owner: object) -> Collection | Reference: ...
    def __get__(
        self, batch: ObjectType | None, owner: object
    ) -> SubObject | Collection | Reference:
        if batch is None:
            return self
        return batch.collection(self.name) if self.many else batch.reference(self.name)


def shared(
    aliases: tuple[str, ...] = (), *, shown: bool = False, choices: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], Column]], Field]:
    """Declare a field that more than one system may have; the body is what it is without."""

    def declare(function: Callable[[Any], Column]) -> Field:
        made = _field(function, aliases, Cost.MEMBER, shown, choices)
        return replace(made, declared_only=True)

    return declare


def field(
    cost: Cost = Cost.MEMBER,
    *,
    aliases: tuple[str, ...] = (),
    shown: bool = False,
    choices: tuple[str, ...] = (),
    names: tuple[tuple[str, int], ...] = (),
    names_by: NamesBy | None = None,
) -> Callable[[Callable[[Any], Column]], Field]:
    """Declare a field and how it is computed; if it is shared, only the cost is said here."""

    def declare(function: Callable[[Any], Column]) -> Field:
        made = _field(function, aliases, cost, shown, choices)
        return replace(made, value_type=replace(made.value_type, names=names, names_by=names_by))

    return declare


def _field(
    function: Callable[[Any], Column],
    aliases: tuple[str, ...],
    cost: Cost,
    shown: bool,
    choices: tuple[str, ...],
) -> Field:
    annotation = function.__annotations__.get("return", "")
    if annotation not in ANNOTATIONS:
        raise TypeError(f"{function.__qualname__}: {annotation!r} is no type of a field")
    type_ = replace(ANNOTATIONS[annotation], choices=choices)
    return Field(function.__name__, function, _doc(function), aliases, cost, False, type_, shown)


def _doc(function: Callable[[Any], Any]) -> str:
    """Return the docstring as running text: the reference fits it to its own lines."""
    return " ".join((function.__doc__ or "").split())


def many(
    item: str, cost: Cost = Cost.WALK, *, aliases: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], Collection]], SubObject]:
    """Declare a collection of objects of the type called `item`."""
    return _subobject(item, cost, aliases, many=True)


def single(
    item: str, cost: Cost = Cost.FOLLOW, *, aliases: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], Reference]], SubObject]:
    """Declare one object of the type called `item` for each element; there may be none (null)."""
    return _subobject(item, cost, aliases, many=False)


def _subobject(
    item: str, cost: Cost, aliases: tuple[str, ...], *, many: bool
) -> Callable[[Callable[[Any], Any]], SubObject]:
    def declare(function: Callable[[Any], Any]) -> SubObject:
        doc, name = _doc(function), function.__name__
        short = (name.removesuffix("_object"),) if name.endswith("_object") else ()
        return SubObject(name, function, doc, (*short, *aliases), cost, False, item, many)

    return declare


def inherited(cls: type, table: str) -> dict[str, Any]:
    """Merge the parts of all base classes; a computed one wins over one that is only declared."""
    merged: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        for name, part in getattr(base, table, {}).items():
            if name not in merged or merged[name].declared_only or not part.declared_only:
                merged[name] = part
    return merged


def settle(part: Part, declared: Part | None) -> Part:
    """Complete a part by what a base class declared of it, and check that it is whole."""
    if isinstance(part, Field) and isinstance(declared, Field):
        if part.value_type.kind is not declared.value_type.kind:
            raise TypeError(f"{part.name}: the type differs from the declared one")
        part = replace(
            part,
            doc=part.doc or declared.doc,
            aliases=part.aliases or declared.aliases,
            shown=part.shown or declared.shown,
            value_type=replace(
                declared.value_type,
                choices=part.value_type.choices or declared.value_type.choices,
                names=part.value_type.names or declared.value_type.names,
                names_by=part.value_type.names_by or declared.value_type.names_by,
            ),
        )
    elif isinstance(part, SubObject) and isinstance(declared, SubObject):
        part = replace(part, doc=part.doc or declared.doc, aliases=part.aliases or declared.aliases)
    if not part.doc.endswith("."):
        raise TypeError(f"{part.name}: needs a doc that ends with a full stop")
    return part


@dataclass(frozen=True, slots=True)
class System:
    """An operating system: its object types by name, and how it compares names."""

    name: str
    objects: Mapping[str, type[ObjectType]]
    title: str
    """Its name as people write it."""
    ignores_case: bool = False
