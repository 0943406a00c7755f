"""Object types: one class each, whose instances are batches and whose methods are columns.

What fields and sub-objects are, and how they are declared, is in memq.schema.declare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, cast

import numpy as np

from memq.column import Array, Column, Indexes, Statuses, Text, Truth, ragged, unknown
from memq.errors import Reason
from memq.schema.declare import Field, Part, SubObject, inherited, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from memq.run import Run


@dataclass(frozen=True, slots=True)
class Context:
    """What every batch of one evaluation shares: the kernel that it reads, and the run."""

    kernel: Any
    run: Run


@dataclass(frozen=True, slots=True)
class Collection:
    """Children of many parents, and for each parent why they are not all there, if they are not.

    `owner` has the parent's row for each child and is non-decreasing. `membership` is what
    narrowing left undecided: for each child TRUE, or the reason why its place is not known.
    """

    children: ObjectType
    owner: Indexes
    parents: int
    cut: Statuses | None = None
    cut_at: Array | None = None
    """For each parent that was cut short, the address at which the walk ended, or 0."""
    membership: Truth | None = None

    def starts(self) -> Indexes:
        """Where each parent's children begin, and where the last ones end (parents + 1 numbers)."""
        return np.searchsorted(self.owner, np.arange(self.parents + 1)).astype(np.int64)

    def take(self, index: Indexes) -> Collection:
        """Return the collections of the parents at the index, in its order."""
        rows, owner = ragged(self.starts(), index)
        return Collection(
            self.children.take(rows),
            owner,
            len(index),
            None if self.cut is None else self.cut[index],
            None if self.cut_at is None else self.cut_at[index],
            None if self.membership is None else self.membership[rows],
        )

    def keep(self, membership: Truth) -> Collection:
        """Return what is left of the collections where membership is not false."""
        rows = np.flatnonzero(membership)
        left = membership[rows]
        return replace(
            self,
            children=self.children.take(rows),
            owner=self.owner[rows],
            membership=left if (left != 255).any() else None,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """One object for each row of a batch: a row of `batch`, or -1 with the reason in `status`."""

    batch: ObjectType
    index: Indexes
    status: Statuses | None = None

    def take(self, index: Indexes) -> Reference:
        """Return the references of the rows at the index."""
        status = None if self.status is None else self.status[index]
        return Reference(self.batch, self.index[index], status)


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
_KEPT_PARTS = 4


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
        self._kept: dict[str, list[tuple[Indexes | None, Takeable]]] = {}
        self._own: dict[str, Takeable] = {}
        self._views: dict[str, Collection] = {}

    def __len__(self) -> int:
        return self.length

    @classmethod
    def portions(cls, context: Context) -> Iterator[Portion]:
        """Find all objects of this type, in the language's order, a growing batch at a time."""
        raise NotImplementedError(cls.type_name)

    def absent(self) -> Text:
        """Return the column, of whatever type, of a field that this system does not have."""
        missing = unknown(Reason.NOT_IN_KERNEL, self.length)
        return Text(missing.values, missing.status, ("",))

    def column(self, name: str) -> Column:
        """Return a field's column: computed when first asked for, then kept."""
        return self.kept(name, lambda: cast("Column", self.fields[name].function(self)))

    def collection(self, name: str) -> Collection:
        """Return a collection of every object: walked when first asked for, or a narrowed view."""
        view = self._views.get(name)
        if view is not None:
            return view
        return self.kept(name, lambda: cast("Collection", self.subobjects[name].function(self)))

    def reference(self, name: str) -> Reference:
        """Return the objects that a single sub-object is; `name` may be the owner's type."""
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
            self._root._kept.setdefault(name, []).insert(0, (self._index, found))  # noqa: SLF001
            del self._root._kept[name][_KEPT_PARTS:]  # noqa: SLF001
        return cast("T", found)

    def peek(self, name: str) -> Any:
        """Return what `kept` would without computing anything; None if nothing is there."""
        if name not in self._own:
            for index, value in self._root._kept.get(name, ()):  # noqa: SLF001
                rows = self._rows_in(index)
                if rows is not None:
                    self._own[name] = value.take(rows)
                    break
        return self._own.get(name)

    def _rows_in(self, index: Indexes | None) -> Indexes | None:
        """Where the objects of this batch stand in a part of the root; None if not all do."""
        if index is None:
            return self._index if self._index is not None else np.arange(self.length)
        places = np.full(self._root.length, -1, np.int64)
        places[index] = np.arange(len(index))
        rows = places if self._index is None else places[self._index]
        return rows if (rows >= 0).all() else None

    def take(self, index: Indexes) -> Self:
        """Return the objects at the index, in its order; they share what is computed of them."""
        taken = self._same(index)
        taken._views = {name: view.take(index) for name, view in self._views.items()}  # noqa: SLF001 - a batch of this class
        return taken

    def _same(self, index: Indexes) -> Self:
        taken = type(self)(
            self.context,
            {name: array[index] for name, array in self.rows.items()},
            parents=None if self.parents is None else self.parents.take(index),
        )
        taken._root = self._root  # noqa: SLF001 - a batch of this class
        taken._index = index if self._index is None else self._index[index]  # noqa: SLF001 - a batch of this class
        return taken

    def with_view(self, name: str, view: Collection) -> Self:
        """Return the same objects, of which one collection is narrowed to a view."""
        same = self._same(np.arange(self.length, dtype=np.int64))
        same._views = self._views | {name: view}  # noqa: SLF001 - a batch of this class
        return same

    @classmethod
    def concatenate(cls, batches: Sequence[Self], *, with_collections: bool = True) -> Self:
        """Join batches of one type, and the collections that all of them have."""
        if len(batches) == 1:
            return batches[0]
        first = batches[0]
        rows = {name: np.concatenate([b.rows[name] for b in batches]) for name in first.rows}
        joined = type(first)(first.context, rows, parents=_join_owners(batches))
        for name, part in first.subobjects.items() if with_collections else ():
            if part.many and all(batch.has_collection(name) for batch in batches):
                view = join_collections([batch.collection(name) for batch in batches])
                joined._views[name] = view  # noqa: SLF001 - a batch of this class
        return joined

    def has_collection(self, name: str) -> bool:
        """Whether a collection was walked already, or is narrowed."""
        return name in self._views or self.peek(name) is not None


def join_collections(views: Sequence[Collection]) -> Collection:
    """Join collections of batches that are joined in the same order."""
    shift = np.cumsum([0] + [view.parents for view in views])
    children = [view.children for view in views]
    unsure = any(view.membership is not None for view in views)
    return Collection(
        type(children[0]).concatenate(children),
        np.concatenate([view.owner + by for view, by in zip(views, shift, strict=False)]),
        int(shift[-1]),
        _join([view.cut for view in views], [view.parents for view in views], np.uint8, 0),
        _join([view.cut_at for view in views], [view.parents for view in views], np.uint64, 0),
        _join([view.membership for view in views], [len(c) for c in children], np.uint8, 255)
        if unsure
        else None,
    )


def _join(
    arrays: Sequence[Array | None], lengths: Sequence[int], dtype: type, fill: int
) -> Array | None:
    if all(array is None for array in arrays):
        return None
    filled = [
        np.full(length, fill, dtype) if array is None else array
        for array, length in zip(arrays, lengths, strict=True)
    ]
    return np.concatenate(filled)


def _join_owners(batches: Sequence[ObjectType]) -> Reference | None:
    """Join what the batches belong to; each owners' batch once, and without its collections."""
    kept = [batch.parents for batch in batches if batch.parents is not None]
    if len(kept) < len(batches):
        return None
    owners = list({id(owner.batch): owner.batch for owner in kept}.values())
    starts = np.cumsum([0] + [len(owner) for owner in owners]).tolist()
    shift = {id(owner): start for owner, start in zip(owners, starts, strict=False)}
    index = np.concatenate([owner.index + shift[id(owner.batch)] for owner in kept])
    return Reference(type(owners[0]).concatenate(owners, with_collections=False), index)
