"""Object types: one class each, whose instances are batches and whose methods are columns.

What fields and sub-objects are, and how they are declared, is in memq.schema.declare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, cast

import numpy as np

from memq.column import Array, Column, Indexes, Text, unknown
from memq.errors import Reason
from memq.merge import concatenate
from memq.node import dataclass
from memq.schema.collection import (
    Collection,
    Reference,
    join_collections,
    join_owners,
    join_references,
)
from memq.schema.declare import Field, Part, SubObject, inherited, settle
from memq.schema.parts import Parts, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from memq.run import Run
    from memq.schema.seek import Prefix


@dataclass(slots=True)
class Context:
    """What every batch of one evaluation shares: the kernel that it reads, and the run.

    Where one evaluation follows the other, they share the context, whose `run` is the one of the
    moment, and sources that were found whole are kept with all that was read of them.
    """

    kernel: Any
    run: Run
    kept: dict[tuple[type[ObjectType], bool], Kept] | None = None
    """The sources that were found whole, and what was carved; None: nothing is kept."""

    def check(self) -> None:
        """Raise Cancelled if the run of the moment is; what is kept outlives the run it is of."""
        self.run.check()

    def carved(self, type_: type[ObjectType]) -> Iterator[Portion]:
        """Find what only a search through memory finds of a type, or give what it found before."""
        yield from self._once((type_, True), type_.carved)

    def portions(self, type_: type[ObjectType]) -> Iterator[Portion]:
        """Find all objects of a type, or give those that were found before."""
        yield from self._once((type_, False), type_.portions)

    def _once(
        self,
        key: tuple[type[ObjectType], bool],
        find: Callable[[Context], Iterator[Portion]],
    ) -> Iterator[Portion]:
        if self.kept is None:
            yield from find(self)
            return
        known = self.kept.get(key)
        if known is None:
            yield from self._found(find(self), key, self.kept)
            return
        for note, reason in known.notes:
            self.run.note(note, reason)
        yield from known.portions

    def _found(
        self,
        portions: Iterator[Portion],
        key: tuple[type[ObjectType], bool],
        kept: dict[tuple[type[ObjectType], bool], Kept],
    ) -> Iterator[Portion]:
        """Find objects, and keep them if they are found to the end."""
        found: list[Portion] = []
        notes: dict[str, Reason] = {}
        while True:
            # What finding them says is said each time, also where others have said it before.
            others, self.run.notes = self.run.notes, {}
            try:
                portion = next(portions, None)
            finally:
                said, self.run.notes = self.run.notes, others
            for note, reason in said.items():
                notes[note] = reason
                self.run.note(note, reason)
            if portion is None:
                break
            found.append(portion)
            yield portion
        kept[key] = Kept(tuple(found), tuple(notes.items()))


@dataclass(frozen=True, slots=True)
class Kept:
    """All objects of a type, as they were found, and what was noted on the way."""

    portions: tuple[Portion, ...]
    notes: tuple[tuple[str, Reason], ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Why the elements of a source are not all there."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Portion:
    """Some elements of a source, in its order, and whether it ended too early after them."""

    batch: ObjectType
    cut: Cut | None = None


T = TypeVar("T", bound="Takeable")


class Takeable(Protocol):
    """Something with one value per object, of which rows can be taken."""

    def take(self, index: Indexes, /) -> Self:
        """Return the rows at the index, in its order."""
        ...


class ObjectType:
    """A batch of objects of one type: some arrays that tell them apart, and columns made of them.

    `rows` holds for each object what it is known by (an address, or table and index). Batches made
    by `take` keep what they compute for each other, at the batch that all came from (the root).
    """

    type_name: ClassVar[str] = ""
    """What queries call it; not `name`, which is a field of most types."""
    principal: ClassVar[str] = ""
    owner_type: ClassVar[str] = ""
    """The type whose collection this type's elements come from, if it is no source of its own."""
    identity: ClassVar[tuple[str, ...]] = ("address",)
    """Which of `rows` make two objects the same."""
    keys: ClassVar[frozenset[str]] = frozenset()
    """Fields by whose value objects are found without looking at the others."""
    can_be_carved: ClassVar[bool] = False
    """Whether a search through memory finds more of them than lists and tables know."""
    seeks: ClassVar[frozenset[str]] = frozenset()
    """Fields of text by whose beginning objects are found without looking at the others."""
    example: ClassVar[str] = ""
    """A query that shows what the type is good for; a system's class may say its own."""
    fields: ClassVar[dict[str, Field]] = {}
    subobjects: ClassVar[dict[str, SubObject]] = {}

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        principal: str = "",
        owner: str = "",
        identity: tuple[str, ...] = (),
        example: str = "",
    ) -> None:
        super().__init_subclass__()
        cls.type_name, cls.principal = name or cls.type_name, principal or cls.principal
        cls.owner_type, cls.identity = owner or cls.owner_type, identity or cls.identity
        cls.example = example or cls.example
        cls.fields, cls.subobjects = inherited(cls, "fields"), inherited(cls, "subobjects")
        for attribute, part in list(vars(cls).items()):
            if isinstance(part, Part):
                if attribute in vars(ObjectType):
                    raise TypeError(f"{attribute}: the name is taken by ObjectType itself")
                settled = settle(part, cls.fields.get(attribute) or cls.subobjects.get(attribute))
                setattr(cls, attribute, settled)
                if isinstance(settled, Field):
                    cls.fields[attribute] = settled
                elif isinstance(settled, SubObject):
                    cls.subobjects[attribute] = settled

    def __init__(
        self, context: Context, rows: Mapping[str, Array], *, parents: Reference | None = None
    ) -> None:
        self.context = context
        self.rows = rows
        self.length = len(next(iter(rows.values())))
        self.parents = parents
        self._root: ObjectType = self
        self._index: Indexes | None = None
        self._kept = Parts()
        self._own: dict[str, Takeable] = {}
        self._stands: Place | None = None
        self._views: dict[str, Collection] = {}
        self._others: dict[str, Reference] = {}
        self.extras: dict[str, Column] = {}
        """What a query has added to the objects, by name: one value each."""

    def __len__(self) -> int:
        return self.length

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Find all objects of this type, in the language's order, a growing batch at a time."""
        raise NotImplementedError(cls.type_name)

    @classmethod
    def carved(cls, context: Context) -> Iterator[Portion]:
        """Find the objects that only a search through memory finds, none that others know."""
        raise NotImplementedError(cls.type_name)

    @classmethod
    def looked_up(cls, context: Context, name: str, value: int) -> Iterator[Portion]:
        """Find the objects whose field of that name, one of `keys`, has the value."""
        raise NotImplementedError(cls.type_name)

    @classmethod
    def sought(cls, context: Context, name: str, prefix: Prefix) -> Iterator[Portion]:
        """Find the objects whose field, one of `seeks`, begins so (case does not count).

        There may be others among them; those of which that is not known belong to them, as far as
        they are met. The order is that of `portions`.
        """
        raise NotImplementedError(cls.type_name)

    @classmethod
    def nothing(cls, context: Context) -> Self:
        """Return a batch of no objects."""
        return cls(context, _NoRows({name: np.zeros(0, np.uint64) for name in cls.identity}))

    def absent(self) -> Text:
        """Return the column, of whatever type, of a field that this system does not have."""
        missing = unknown(Reason.NOT_IN_KERNEL, self.length)
        return Text(missing.values, missing.status, ("",))

    def column(self, name: str) -> Column:
        """Return a field's column: computed when first asked for, then kept."""
        return self.kept(name, lambda: self._computed(self.fields[name]))

    def _computed(self, field: Field) -> Column:
        # Bodies of fields think of objects: of none there may be no rows to make anything of.
        return field.function(self) if self.length else field.value_type.nothing()

    def collection(self, name: str) -> Collection:
        """Return a collection of every object: walked when first asked for, or a narrowed view."""
        view = self._views.get(name)
        if view is not None:
            return view
        return self.kept(
            name, lambda: cast("Collection", self.subobjects[name].function(self.whole()))
        )

    def reference(self, name: str) -> Reference:
        """Return the objects that a single sub-object is; `name` may be the owner's type."""
        if name in self._others:
            return self._others[name]
        if name == self.owner_type and self.parents is not None:
            return self.parents
        return self.kept(name, lambda: cast("Reference", self.subobjects[name].function(self)))

    def kept(self, name: str, compute: Callable[[], T]) -> T:
        """Return what was computed under this name for these objects, else compute and keep it.

        What was computed for some of a batch's objects serves every batch taken from it that holds
        no others; `compute` is called for this batch as it is.
        """
        found = self.peek(name)
        if found is None:
            found = compute()
            self._own[name] = found
            part = self._place().part(found)
            are_many = self.context.kept is not None
            self._root._kept.add(name, part, self._root.length, are_many=are_many)  # noqa: SLF001
        return cast("T", found)

    def peek(self, name: str) -> Any:
        """Return what `kept` would without computing anything; None if nothing is there."""
        if name not in self._own:
            place = self._place()
            for part in self._root._kept.of(name, place):  # noqa: SLF001
                rows = place.rows_in(part)
                if rows is not None:
                    self._own[name] = part.value.take(rows)
                    break
        return self._own.get(name)

    def _place(self) -> Place:
        """Return where these objects stand in the root."""
        if self._stands is None:
            self._stands = Place(self._index, self.length, self._root.length)
        return self._stands

    def take(self, index: Indexes) -> Self:
        """Return the objects at the index, in its order; they share what is computed of them."""
        taken = self._same(index)
        taken._views = {name: view.take(index) for name, view in self._views.items()}  # noqa: SLF001 - a batch of this class
        taken._others = {name: other.take(index) for name, other in self._others.items()}  # noqa: SLF001 - a batch of this class
        taken.extras = {name: extra.take(index) for name, extra in self.extras.items()}
        return taken

    def _same(self, index: Indexes) -> Self:
        rows: Mapping[str, Array] = {name: array[index] for name, array in self.rows.items()}
        taken = type(self)(
            self.context,
            self.rows if isinstance(self.rows, _NoRows) else rows,
            parents=None if self.parents is None else self.parents.take(index),
        )
        taken._root = self._root  # noqa: SLF001 - a batch of this class
        taken._index = index if self._index is None else self._index[index]  # noqa: SLF001 - a batch of this class
        return taken

    def whole(self) -> Self:
        """Return the same objects without views: what is reached anew from others is whole."""
        if not (self._views or self._others):
            return self
        return self._same(np.arange(self.length, dtype=np.int64))

    def with_view(self, name: str, view: Collection) -> Self:
        """Return the same objects, of which one collection is narrowed to a view."""
        same = self._copy()
        same._views[name] = view  # noqa: SLF001 - a batch of this class
        return same

    def with_reference(self, name: str, other: Reference) -> Self:
        """Return the same objects, of which one single sub-object is a view with narrowed parts."""
        same = self._copy()
        same._others[name] = other  # noqa: SLF001 - a batch of this class
        return same

    def with_extra(self, name: str, column: Column) -> Self:
        """Return the same objects with one value more."""
        same = self._copy()
        same.extras[name] = column
        return same

    def _copy(self) -> Self:
        same = self._same(np.arange(self.length, dtype=np.int64))
        same._views, same._others = dict(self._views), dict(self._others)  # noqa: SLF001 - a batch of this class
        same.extras = dict(self.extras)
        return same

    @classmethod
    def concatenate(cls, batches: Sequence[Self], *, with_collections: bool = True) -> Self:
        """Join batches of one type, and the collections that all of them have."""
        # The rows of no objects tell nothing of the others': neither their names nor their types.
        batches = [batch for batch in batches if len(batch)] or batches[:1]
        if len(batches) == 1:
            return batches[0]
        first = batches[0]
        rows = {name: np.concatenate([b.rows[name] for b in batches]) for name in first.rows}
        joined = type(first)(first.context, rows, parents=join_owners(batches))
        if with_collections:
            joined._join_views(batches)  # noqa: SLF001 - a batch of this class
        return joined

    def _join_views(self, batches: Sequence[Self]) -> None:
        """Take over what was walked of all batches, and what was narrowed of any or added to it."""
        narrowed = {name for batch in batches for name in batch._views}  # noqa: SLF001
        for name, part in self.subobjects.items():
            is_walked = part.many and all(batch.has_collection(name) for batch in batches)
            if is_walked or name in narrowed:
                self._views[name] = join_collections([batch.collection(name) for batch in batches])
        for name in {name for batch in batches for name in batch._others}:  # noqa: SLF001
            self._others[name] = join_references([batch.reference(name) for batch in batches])
        for name in {name for batch in batches for name in batch.extras}:
            missing = [unknown(Reason.NULL, len(batch)) for batch in batches]
            columns = [b.extras.get(name, no) for b, no in zip(batches, missing, strict=True)]
            self.extras[name] = concatenate(columns)

    def has_collection(self, name: str) -> bool:
        """Whether a collection was walked already, or is narrowed."""
        return name in self._views or self.peek(name) is not None

    @property
    def weight(self) -> int:
        """How many objects, its own and those that they led to, this batch keeps in memory."""
        kept = list(self._root._kept.values())  # noqa: SLF001
        inner = [each.children for each in kept if isinstance(each, Collection)]
        inner += [each.batch for each in kept if isinstance(each, Reference)]
        return self.length + sum(
            each.weight if isinstance(each, ObjectType) else len(each) for each in inner
        )


class _NoRows(dict[str, Any]):
    """The rows of no objects: whatever they are asked for, there is none."""

    def __missing__(self, name: str) -> Array:
        return np.zeros(0, np.uint64)
