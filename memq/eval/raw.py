"""Raw structures: things of the kernel's own types in its memory, many of one type at a time.

A `RawBatch` is n places of one C type in the kernel's own memory. It is an lvalue: what is at the
places is read when it is asked for. A member of a structure is a batch of places again, a dot
behind a pointer follows it, and everything is done for all places at once. What was made of a batch
is kept with it, and members of one structure share what was read of it (memq.symbols.structs).

A place whose address is null is null; one whose address could not be read is unknown, with the
reason. What a query may ask of which type is in memq.eval.raw_types; what it may not is a
SymbolError here.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import numpy as np

from memq.column import Column, worst
from memq.errors import Reason, SymbolError
from memq.eval.raw_text import MAX_TEXT, text_at
from memq.eval.raw_types import (
    CHAINS,
    RINGS,
    STRUCTURES,
    element_of,
    has_text,
    place_of,
    structure,
    structure_of,
    target_of,
    written,
)
from memq.node import dataclass
from memq.symbols.decode import is_text
from memq.symbols.lists import Cuts, lists
from memq.symbols.structs import Structs
from memq.symbols.types import Member, StructType, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from memq.column import Addresses, Indexes, Statuses, Text
    from memq.schema.batch import Context
    from memq.symbols.structs import Space
    from memq.symbols.types import Types

_ORIGINS = 16
"""Batches from which a batch was taken, one from another, that are asked for what they know."""
_NEAR = 1 << 31
"""Bytes from the start of a structure within which a place counts as one of its own."""


class Kernel(Protocol):
    """What raw structures need of a kernel."""

    @property
    def space(self) -> Space:
        """The kernel's address space."""

    @property
    def types(self) -> Types:
        """The kernel's types."""


T = TypeVar("T", "RawBatch", Column)


class RawBatch:
    """Things of one type: a place in each of n structures."""

    def __init__(
        self,
        place: Member,
        length: int,
        find_home: Callable[[], Structs],
        origin: tuple[RawBatch, Indexes] | None = None,
    ) -> None:
        """`place` need not be a member of the structures' type, nor end within them.

        `origin`: the batch that this one was taken from, and its rows there.
        """
        self.type = place.type
        self.place = place
        self._length = length
        self._find_home = find_home
        self._origin = origin
        self._found: dict[Hashable, RawBatch | Column] = {}

    @classmethod
    def of_structs(cls, structs: Structs) -> RawBatch:
        """Return the structures themselves."""
        type_ = Type("struct") if structs.type is None else structure(structs.type)
        return _placed(structs, Member("", 0, type_))

    @classmethod
    def at(cls, kernel: Kernel, type_: Type, addresses: Column) -> RawBatch:
        """Return things of the type at addresses; at address 0 there is none (null)."""
        return _things(kernel, type_, addresses)

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return f"<{len(self)} x {written(self.type)}>"

    @cached_property
    def home(self) -> Structs:
        """The structures in which the places are."""
        return self._find_home()

    @property
    def addresses(self) -> Addresses:
        """The address of each; of a bitfield, that of the byte with its lowest bit."""
        return self.home.addresses + np.uint64(self.place.offset)

    @property
    def status(self) -> Statuses | None:
        """Why there is no address; NULL where there is nothing that could have one."""
        return self.home.status

    def take(self, index: Indexes) -> RawBatch:
        """Return the things at the index, in its order; what is known of them is not read again."""
        return RawBatch(self.place, len(index), lambda: self.home.take(index), (self, index))

    @staticmethod
    def concatenate(batches: Sequence[RawBatch]) -> RawBatch:
        """Join batches of one type; what was read of them is read again when it is asked for."""
        if len(batches) == 1:
            return batches[0]
        first, homes = batches[0], [batch.home for batch in batches]
        addresses = np.concatenate([home.addresses for home in homes])
        status = np.concatenate([Column(home.addresses, home.status).statuses for home in homes])
        if any(b.place != first.place or b.home.type is not first.home.type for b in batches):
            addresses = np.concatenate([batch.addresses for batch in batches])
            return _things(first.home, first.type, Column(addresses, status))
        space, types = first.home.space, first.home.types
        return _placed(Structs(space, types, first.home.type, addresses, status), first.place)

    # Other places

    def member(self, name: str) -> RawBatch:
        """Return a member of each; where these are pointers, of what they point to."""
        return self._kept(("member", name), lambda: self._member(name))

    def _member(self, name: str) -> RawBatch:
        if self.type.kind == "pointer":
            return self.deref().member(name)
        layout = self.type.layout() if self.type.kind in STRUCTURES else None
        found = None if layout is None else layout.members.get(name)
        if found is None:
            raise SymbolError(f"{written(self.type)} of this kernel has no member {name}")
        return self.part(found)

    def deref(self) -> RawBatch:
        """Return what pointers point to, or the first elements of arrays."""
        return self._kept("deref", self._deref)

    def _deref(self) -> RawBatch:
        target = target_of(self.type)
        if target is None:
            raise SymbolError(f"{written(self.type)} leads to nothing that has a type")
        if self.type.kind == "pointer":
            return self._at(target, self.value())
        return self.part(Member("", 0, target))

    def index(self, places: Column) -> RawBatch:
        """Return an element of each array, or of what each pointer points to.

        Beyond the bounds of an array there is none (null); a flexible one, and what a pointer
        points to, have no bounds that are known.
        """
        element = element_of(self.type)
        if element is None:
            raise SymbolError(f"{written(self.type)} has no elements")
        if self.type.kind == "pointer":
            return self._elements(_no_null(self.value()), element, places)
        if self.type.count:
            outside = (places.values < 0) | (places.values >= self.type.count)
            places = places.but(outside & places.known, Reason.NULL)
        single = _single(places)
        if single is not None and 0 <= single * element.size < _NEAR:
            member = Member("", single * element.size, element)
            return self._kept(("index", single), lambda: self.part(member))
        return self._elements(self.address(), element, places)

    def _elements(self, starts: Column, element: Type, places: Column) -> RawBatch:
        distance = places.values.astype(np.uint64) * np.uint64(element.size)
        status = worst(starts.status, places.status)
        return self._at(element, Column(starts.values + distance, status))

    def address(self) -> Column:
        """Return the address of each."""
        return Column(self.addresses, self.status)

    def cast(self, type_: Type) -> RawBatch:
        """Return the same places as things of another type."""
        struct, place = self.home.type, Member("", 0, type_)
        is_inside = struct is not None and self.place.offset + type_.size <= struct.size
        return self.part(place) if is_inside else self._at(type_, self.address())

    def container_of(self, struct: Type, path: str) -> RawBatch:
        """Return the structures of which these, or what they point to, are the member."""
        member = place_of(struct, path)
        if member is None or struct.kind not in STRUCTURES:
            raise SymbolError(f"{written(struct)} of this kernel has no member {path}")
        inner = _no_null(self.value()) if self.type.kind == "pointer" else self.address()
        return self._at(struct, Column(inner.values - np.uint64(member.offset), inner.status))

    def list_of(self, context: Context, struct: Type, path: str) -> RawCollection:
        """Return the structures on the list of each head, which are linked by the member.

        Heads are list_head or hlist_head, or pointers to them. A list that is broken, loops or is
        too long has its reason in `cut`; one whose head is null is empty.
        """
        member, head = place_of(struct, path), structure_of(self.type)
        if member is None or struct.kind not in STRUCTURES:
            raise SymbolError(f"{written(struct)} of this kernel has no member {path}")
        if head is None or head.name not in RINGS | CHAINS:
            raise SymbolError(f"{written(self.type)} is not the head of a list")
        heads = (self.deref() if self.type.kind == "pointer" else self).address()
        cuts = Cuts(len(self))
        cuts.mark(np.arange(len(self)), heads.statuses, heads.values)
        found = lists(
            context.kernel.space,
            context.run,
            np.where(heads.known, heads.values, np.uint64(0)),
            cuts,
            member.offset,
            is_ring=head.name in RINGS,
        )
        elements = self._at(struct, Column(found.addresses))
        return RawCollection(elements, found.owner, len(self), *cuts.columns())

    # Values

    def value(self) -> Column:
        """Return what is there: a number, a truth value, a pointer's address, text of chars.

        NotAColumnError for structures and other arrays.
        """
        return self._kept("value", self._value)

    def _value(self) -> Column:
        is_long = self.type.size > MAX_TEXT or not self.type.size
        if is_text(self.place) and is_long:
            return text_at(self.home, self.address())
        return self.home.column_of(self.place)

    def text(self) -> Text:
        """Return the text in arrays of bytes, or that pointers to bytes point to."""
        return cast("Text", self._kept("text", self._text))

    def _text(self) -> Column:
        if not has_text(self.type):
            raise SymbolError(f"{written(self.type)} is no text")
        if self.type.kind == "pointer":
            return text_at(self.home, self.value())
        if self.type.size > MAX_TEXT or not self.type.size:
            return text_at(self.home, self.address())
        chars = Type("array", "", self.type.size, count=self.type.count, target_link=_char)
        return self.home.column_of(Member("", self.place.offset, chars))

    # How places are made

    def part(self, member: Member) -> RawBatch:
        """Return a place in these things, in the same structures as they are."""
        return _placed(self.home, member.moved(self.place.offset))

    def _at(self, type_: Type, addresses: Column) -> RawBatch:
        """Return things elsewhere in the same memory."""
        return _things(self.home, type_, addresses)

    def _kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made before, of these or of those that they were taken from."""
        found = self._known(key)
        if found is None:
            found = make()
        self._found[key] = found
        return cast("T", found)

    def _known(self, key: Hashable) -> RawBatch | Column | None:
        batch, index = self, None
        for _ in range(_ORIGINS):
            found = batch._found.get(key)
            if found is not None:
                return found if index is None else found.take(index)
            if batch._origin is None:
                break
            batch, rows = batch._origin
            index = rows if index is None else rows[index]
        return None


@dataclass(frozen=True, slots=True)
class RawCollection:
    """Structures of many lists: `owner` is the row of each one's head, non-decreasing."""

    elements: RawBatch
    owner: Indexes
    heads: int
    cut: Statuses | None = None
    """For each head, why its list is not whole."""
    cut_at: Addresses | None = None
    """For each head whose list is not whole, the address at which the walk ended."""


def _placed(home: Structs, place: Member) -> RawBatch:
    return RawBatch(place, len(home), lambda: home)


def _things(memory: Kernel, type_: Type, addresses: Column) -> RawBatch:
    """Return things at addresses, each as a structure of its own."""
    values = addresses.values.astype(np.uint64, copy=False)
    status = _no_null(Column(values, addresses.status)).status
    layout = type_.layout() if type_.kind in STRUCTURES else None
    layout = layout or StructType("", "struct", type_.size, {})
    structs = Structs(memory.space, memory.types, layout, values, status)
    return _placed(structs, Member("", 0, type_))


def _char() -> Type:
    return Type("char", "char", 1, signed=True)


def _single(places: Column) -> int | None:
    """Return the number that all rows hold, None if they differ or any is not known."""
    values = places.values
    if places.status is not None or not len(values) or (values != values[0]).any():
        return None
    return int(values[0])


def _no_null(pointers: Column) -> Column:
    """Return pointers of which those to address 0 are null."""
    return pointers.but((pointers.values == 0) & pointers.known, Reason.NULL)
