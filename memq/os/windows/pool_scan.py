"""Objects that a search through memory finds, by the tags of the pools that they lie in.

What is found is taken for an object where its header says so, or says that the object is gone, and
what is in it agrees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, distinct_numbers, distinct_rows, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.windows.big_pool import Starts, big_starts
from memq.os.windows.kernel_frames import kernel_frames
from memq.os.windows.object_places import HeaderParts, HeaderTypes
from memq.os.windows.objects import body_offset
from memq.os.windows.pool_kinds import KINDS
from memq.os.windows.pool_tags import Allocations, PhysicalSpace, allocations, tag_number
from memq.schema.batch import Cut
from memq.symbols.structs import Structs

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.os.windows.kernel import WindowsKernel
    from memq.run import Run
    from memq.schema.batch import Context

SOURCE = "pool scan"
_BIG = "big allocations"
_SHARE = 2
"""Where types are those of a near build, an object may have grown by no more than this factor."""
_NIBBLE = 0x0F
"""Of the second byte of an address, the bits that are the same in memory and in its frame."""


@dataclass(frozen=True, slots=True)
class Carved:
    """The objects of one type that the search has found."""

    addresses: Addresses
    """Of the objects themselves, sorted; one whose frame has several addresses with each."""
    places: Addresses
    """Where each is in physical memory."""
    unmapped: int
    """How many more lie in frames that no address of the kernel shows."""
    cut: Cut | None

    def without(self, known: Addresses) -> Addresses:
        """Return one address of each object that is not known by any of its own."""
        is_known = is_among(self.addresses, known)
        rest = ~is_known & ~is_among(self.places, self.places[is_known])
        first, _ = distinct_rows(self.places[rest])
        return self.addresses[rest][np.sort(first)]

    def holds(self, addresses: Addresses) -> Column:
        """Whether the search has found objects; unknown where it may have passed them by."""
        found = is_among(addresses, self.addresses)
        return Column(found) if self.cut is None else Column(found).but(~found, self.cut.reason)


@dataclass(frozen=True, slots=True)
class CarvedOnly:
    """Objects that nothing else knows, by address, and why these may not be all."""

    addresses: Addresses
    cut: Cut | None


def carved(kernel: WindowsKernel, run: Run, kind: str) -> Carved:
    """Return the objects of one of KINDS that memory holds, searched for once for each kernel."""
    why = _refusal(kernel, KINDS[kind][0])
    if why is not None:
        return Carved(np.zeros(0, np.uint64), np.zeros(0, np.uint64), 0, why)
    fact = f"{SOURCE}: {kind}"
    found = kernel.facts.get(fact)
    if not isinstance(found, Carved):
        found = kernel.facts[fact] = _Search(kernel, run, kind).search()
    return found


def _refusal(kernel: WindowsKernel, struct: str) -> Cut | None:
    """Say why objects with such a structure cannot be searched for; None where they can."""
    if kernel.triage is not None:
        text = "a triage minidump has too little memory to be searched"
        return Cut(Reason.NOT_IN_DUMP, text)
    if kernel.types.struct(struct) is None:
        return Cut(Reason.NOT_IN_KERNEL, f"pools not searched: no type {struct} is known")
    return None


def carved_only(context: Context, kind: str, known: Addresses) -> CarvedOnly:
    """Return the objects that are not among the known ones; what cannot be shown is noted."""
    found = carved(context.kernel, context.run, kind)
    if found.unmapped:
        count = f"{found.unmapped:,} more {kind} object{'s' * (found.unmapped != 1)}"
        context.run.note(
            f"{count} in memory that no address of the kernel shows: left out", Reason.NOT_MAPPED
        )
    return CarvedOnly(found.without(known), found.cut)


def _big(kernel: WindowsKernel, run: Run) -> Starts:
    """Return the big allocations of all KINDS, found in one pass."""
    found = kernel.facts.get(_BIG)
    if not isinstance(found, Starts):
        tags = [tag_number(kind) for kind in KINDS]
        found = kernel.facts[_BIG] = big_starts(kernel, run, tags)
    return found


class _Search:
    """The search for objects of one type."""

    def __init__(self, kernel: WindowsKernel, run: Run, kind: str) -> None:
        self._kernel = kernel
        self._run = run
        self._kind = kind
        self._struct, self._is_sound = KINDS[kind]
        self._parts = HeaderParts(kernel)
        self._body = np.uint64(body_offset(kernel))

    def search(self) -> Carved:
        """Return what is found: by its addresses; what has none is counted."""
        found = self._large_enough(allocations(self._kernel, self._run))
        rows, addresses = kernel_frames(self._kernel, self._run).addresses_of(found.places)
        header = np.uint64(found.header_size)
        big = _big(self._kernel, self._run)
        own = big.addresses[big.tags == np.uint64(tag_number(self._kind))]
        starts = np.concatenate([addresses + header, own])
        bodies = self._objects(starts, HeaderTypes(self._kernel, self._run, self._kind))
        bodies = distinct_numbers(bodies[bodies != 0])
        places, _ = self._kernel.space.translate_many(bodies)
        is_mapped = np.zeros(len(found.places), bool)
        is_mapped[rows] = True
        unmapped = self._count_in_frames(found.places[~is_mapped] + header)
        # Without its table nothing is lost: none of these objects is larger than a page.
        is_short = big.cut is not None and big.cut.reason != Reason.NOT_IN_KERNEL
        return Carved(bodies, places, unmapped, found.cut or (big.cut if is_short else None))

    def _large_enough(self, found: Allocations) -> Allocations:
        """Leave out what has another tag, or no room for such an object."""
        layout = self._kernel.types.required(self._struct)
        size = layout.size if self._kernel.choice.is_exact else layout.size // _SHARE
        least = found.header_size + int(self._body) + size
        return found.take((found.tags == tag_number(self._kind)) & (found.sizes >= least))

    def _count_in_frames(self, starts: Addresses) -> int:
        types = HeaderTypes(self._kernel, self._run, self._kind, _NIBBLE)
        space = PhysicalSpace(self._kernel.physical)
        return int(np.count_nonzero(self._objects(starts, types, space)))

    def _objects(
        self, starts: Addresses, types: HeaderTypes, space: PhysicalSpace | None = None
    ) -> Addresses:
        """Return the object in each allocation, 0 where there is none."""
        bodies = np.zeros(len(starts), np.uint64)
        rest = np.arange(len(starts))
        for distance in range(0, self._parts.most, 2 * self._kernel.space.word_size):
            if not len(rest):
                break
            places = starts[rest] + np.uint64(distance)
            headers = self._structs("_OBJECT_HEADER", places, space)
            held = np.flatnonzero(self._parts.hold(headers, distance))
            held = held[types.hold(headers.take(held))]
            objects = self._structs(self._struct, places[held] + self._body, space)
            good = rest[held[self._is_sound(objects)]]
            bodies[good] = starts[good] + np.uint64(distance) + self._body
            rest = rest[~is_among(rest, good)]
        return bodies

    def _structs(self, name: str, addresses: Addresses, space: PhysicalSpace | None) -> Structs:
        kernel = self._kernel
        if space is None:
            found = kernel.structs(name, addresses)
        else:
            found = Structs(space, kernel.types, kernel.types.struct(name), addresses)
        found.check = self._run.check
        return found
