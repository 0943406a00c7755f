"""Many structures of one type at once, their members as columns.

A `Structs` is n addresses and a layout. A member is read for all of them when it is first asked
for, by blocks: the structure is cut into pieces of 512 bytes (a small one is one piece), and each
is gathered from memory at most once. So several members near each other cost one gather, and a
member of a structure of 10 KB does not cost 10 KB a row.

Nothing here raises for what is wrong with single rows: an address that is null, not in the dump or
paged out makes its row unknown, with the reason, and so does a member that this kernel has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from memq.column import Addresses, Array, Column, Indexes, Statuses, Text, unknown, worst
from memq.errors import Reason, SymbolError
from memq.symbols.decode import Bytes, decode, is_number, is_text, text_of
from memq.symbols.types import Member, StructType, Types, innermost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

BLOCK = 512
PAGE = 4096
MAX_MEMBER = 1 << 20
"""Bytes of one member; more can only be hostile data."""
MAX_BYTES = 1 << 31
"""Bytes of one member in all rows."""
MAX_KEPT = 1 << 28
"""Bytes of one block in all rows; above that, members are read by themselves, each when asked."""
AT_ONCE = 1 << 22
"""Bytes that are gathered before it is asked again whether anybody still wants them."""

Read: TypeAlias = tuple[Bytes, Statuses | None]


class Space(Protocol):
    """What structures are read from: an address space, or anything that gathers like one."""

    def gather(
        self, vas: Addresses, size: int, roots: Addresses | None = None
    ) -> tuple[Bytes, Statuses]:
        """Return `size` bytes at each address (uint8[n, size]) and a Reason for each row."""


class NotAColumnError(SymbolError, TypeError):
    """A member was asked for as a column that is a structure or an array.

    A mistake in the code that asks, or a kernel in which that member has become something else.
    """


class Structs:
    """Structures of one type at n addresses."""

    def __init__(
        self,
        space: Space,
        types: Types,
        struct_type: StructType | None,
        addresses: Addresses,
        status: Statuses | None = None,
        roots: Addresses | None = None,
    ) -> None:
        """`struct_type` None: this kernel has no such type, and no row has a member.

        `status` is the Reason of rows whose address is null or unknown; those are not read.
        `roots`: for user memory, the page-table root that each address belongs to.
        """
        self.space = space
        self.types = types
        self.type = struct_type
        self.addresses = addresses.astype(np.uint64, copy=False)
        self.status = status if status is not None and status.any() else None
        self.roots = roots
        self.check: Callable[[], None] | None = None
        """Asked before each reading; it raises where nobody wants the answer any more."""
        self._blocks: dict[int, Read] = {}
        self._outer: tuple[Structs, int] | None = None
        self._origin: tuple[Structs, Indexes | NDArray[np.bool_]] | None = None

    def __len__(self) -> int:
        return len(self.addresses)

    def __repr__(self) -> str:
        return f"<{len(self)} x {self.type!r}>"

    # Members as columns

    def has(self, paths: str) -> bool:
        """Whether the type has the member, or any of the alternatives "new|old"."""
        return self._find(paths) is not None

    def __getitem__(self, paths: str) -> Column:
        """Return a member as a column; of alternatives "new|old" the first that is there.

        int64: signed ints, unsigned ints of up to 4 bytes, enums, bitfields of up to 63 bits;
        uint64: unsigned ints of 8 bytes and pointers; bool; float64; arrays of char: Text.
        A member that the type has not: unknown, NOT_IN_KERNEL. NotAColumnError for embedded
        structures (see `embedded`), other arrays (`array`, `text`, `bytes_of`), ints of 16 bytes.
        """
        member = self._find(paths, only_columns=True)
        if member is None:
            return unknown(Reason.NOT_IN_KERNEL, len(self)).under(self.status)
        if not is_text(member) and not is_number(member):
            raise NotAColumnError(f"{self._label(paths)} is {member.type}, which is no column")
        return self.column_of(member)

    def column_of(self, member: Member) -> Column:
        """Return what is at a member's place, as `[]` does; it need not be one of the type's."""
        if is_text(member):
            return self._text(member)
        if not is_number(member):
            raise NotAColumnError(f"{self._label(member.name)} is {member.type}, no column")
        data, status = self._read(member.offset, member.size)
        return Column(decode(data, member), status)

    def text(self, paths: str) -> Text:
        """Return an array of one-byte elements of any sign as strings, each up to its NUL."""
        member = self._find(paths)
        if member is None:
            return Text(np.zeros(len(self), np.int64), self._absent())
        element = member.type.target() if member.type.kind == "array" else None
        if element is None or element.size != 1:
            raise NotAColumnError(f"{self._label(paths)} is {member.type}, not an array of bytes")
        return self._text(member)

    def array(self, paths: str) -> tuple[Array, Statuses | None]:
        """Return an array of numbers as (values[n, count], status), values as in `[]`.

        An array of arrays is flattened. A member that is not there: no elements, NOT_IN_KERNEL.
        """
        member = self._find(paths)
        if member is None:
            return np.zeros((len(self), 0), np.int64), self._absent()
        element = innermost(member.type)
        if member.type.kind != "array" or not is_number(Member("", 0, element)):
            raise NotAColumnError(f"{self._label(paths)} is {member.type}, not an array of numbers")
        return self.array_of(member)

    def array_of(self, member: Member) -> tuple[Array, Statuses | None]:
        """Return the numbers at the place of an array; it need not be a member of the type."""
        element = innermost(member.type)
        data, status = self._read(member.offset, member.size)
        flat = np.ascontiguousarray(data).reshape(-1, element.size)
        values = decode(flat, Member(member.name, 0, element))
        return values.reshape(len(self), member.size // element.size), status

    def bytes_of(self, paths: str) -> Read:
        """Return any member's bytes, uint8[n, size], and why rows are unknown; such are zero."""
        member = self._find(paths)
        if member is None:
            return np.zeros((len(self), 0), np.uint8), self._absent()
        data, status = self._read(member.offset, member.size)
        return np.ascontiguousarray(data), status

    # Other structures

    def address_of(self, paths: str) -> Addresses:
        """Return where the member is in each structure; SymbolError if the type has none such."""
        member = self._find(paths)
        if member is None:
            raise SymbolError(f"this kernel has no {self._label(paths)}")
        return self.addresses + np.uint64(member.offset)

    def embedded(self, paths: str, struct_name: str | None = None) -> Structs:
        """Return the structures that are a member of these, or that start where it is."""
        member = self._find(paths)
        if member is None:
            return self._nothing()
        struct = self.types.struct(struct_name) if struct_name else member.type.layout()
        if struct is None and not struct_name:
            raise NotAColumnError(f"{self._label(paths)} is {member.type}, not a structure")
        addresses = self.addresses + np.uint64(member.offset)
        inner = self._others(struct, addresses, self.status)
        inner._outer = self, member.offset  # noqa: SLF001 - of this class
        return inner

    def follow(self, paths: str, struct_name: str | None = None) -> Structs:
        """Return the structures that a member points to; of null pointers the status is NULL.

        `struct_name` is for pointers to void, and for pointers kept as numbers.
        """
        member = self._find(paths, only_columns=True)
        if member is None:
            return self._nothing()
        if struct_name:
            struct = self.types.struct(struct_name)
        else:
            target = member.type.target() if member.type.kind == "pointer" else None
            if target is None or target.kind not in {"struct", "union"}:
                raise NotAColumnError(f"{self._label(paths)} does not point to a structure")
            struct = target.layout()
        return self.at(self[paths], struct)

    def at(self, pointers: Column, struct: StructType | str | None) -> Structs:
        """Return structures of a type at pointers that were read from these, row by row.

        Null pointers get the status NULL; what is unknown stays so.
        """
        if isinstance(struct, str):
            struct = self.types.struct(struct)
        addresses = pointers.values.astype(np.uint64, copy=False)
        status = pointers.but((addresses == 0) & pointers.known, Reason.NULL).status
        return self._others(struct, addresses, status)

    def take(self, index: Indexes | NDArray[np.bool_]) -> Structs:
        """Return the structures at the index, with what was already read of them."""
        taken = Structs(
            self.space,
            self.types,
            self.type,
            self.addresses[index],
            None if self.status is None else self.status[index],
            None if self.roots is None else self.roots[index],
        )
        taken.check = self.check
        taken._origin = self, index
        return taken

    def kept(self, offset: int, size: int) -> Read | None:
        """Return bytes at an offset of each structure if all of them have been read already."""
        struct_size = self.type.size if self.type else 0
        if not 0 < size <= struct_size - offset:
            return None
        width = min(struct_size, BLOCK)
        wanted = range(offset // width, (offset + size - 1) // width + 1)
        if all(number in self._blocks for number in wanted):
            return self._read(offset, size)
        return self._known(offset, size)

    def _known(self, offset: int, size: int) -> Read | None:
        """Return bytes that were read of the structures which these were taken from.

        Of these alone, as whole blocks of many structures are large.
        """
        if self._origin is None:
            return None
        origin, index = self._origin
        found = origin.kept(offset, size)
        if found is None:
            return None
        data, status = found
        return data[index], None if status is None else status[index]

    # Reading

    def _find(self, paths: str, *, only_columns: bool = False) -> Member | None:
        """Return the first alternative that there is; one that makes a column before others."""
        if self.type is None:
            return None
        found = [member for path in paths.split("|") if (member := self.type.find(path.strip()))]
        if only_columns and len(found) > 1:
            found.sort(key=lambda member: not (is_number(member) or is_text(member)))
        return found[0] if found else None

    def _label(self, paths: str) -> str:
        return f"{self.type.name if self.type else 'type'}.{paths}"

    def _absent(self) -> Statuses:
        return unknown(Reason.NOT_IN_KERNEL, len(self)).under(self.status).statuses

    def _nothing(self) -> Structs:
        """Return as many structures of which nothing is known, as this kernel has none such."""
        zeros = np.zeros(len(self), np.uint64)
        return self._others(None, zeros, self._absent())

    def _others(
        self, struct: StructType | None, addresses: Addresses, status: Statuses | None
    ) -> Structs:
        """Return as many structures, each in the memory that its row's is in."""
        made = Structs(self.space, self.types, struct, addresses, status, self.roots)
        made.check = self.check
        return made

    def _text(self, member: Member) -> Text:
        data, status = self._read(member.offset, member.size)
        return text_of(data, status)

    def _read(self, offset: int, size: int) -> Read:
        """Return `size` bytes at an offset of each structure; a view of a block where it can be."""
        if size > MAX_MEMBER or size * len(self) > MAX_BYTES:
            raise SymbolError(f"a member of {size} bytes in {len(self)} structures is too much")
        if not size or not len(self):
            return np.zeros((len(self), size), np.uint8), self.status
        if self.check is not None:
            self.check()
        struct_size = self.type.size if self.type else 0
        width = min(struct_size, BLOCK)
        is_behind = offset + size > struct_size  # as elements of a flexible array are
        if is_behind or width * len(self) > MAX_KEPT:
            return self._gather(offset, size)
        first, last = offset // width, (offset + size - 1) // width
        if any(number not in self._blocks for number in range(first, last + 1)):
            known = self._known(offset, size)
            if known is not None:
                return known
        blocks = [self._block(number, width) for number in range(first, last + 1)]
        data = blocks[0][0] if first == last else np.hstack([block for block, _ in blocks])
        data = data[:, offset - first * width :][:, :size]
        status = worst(*(status for _, status in blocks))
        return (data, status) if status is None else self._mend(data, status, offset)

    def _block(self, number: int, width: int) -> Read:
        """Return a block of all structures, gathered when it is first asked for."""
        if number not in self._blocks:
            start = number * width
            end = min(start + width, self.type.size if self.type else 0)
            kept = None
            if self._outer is not None:
                outer, shift = self._outer
                kept = outer.kept(shift + start, end - start)
            self._blocks[number] = kept or self._gather(start, end - start)
        return self._blocks[number]

    def _mend(self, data: Bytes, status: Statuses, offset: int) -> Read:
        """Read rows by themselves whose block is unknown: the missing page may be beside them.

        Only a block over a page's edge can be half there.
        """
        size = data.shape[1]
        lost = status != 0 if self.status is None else (status != 0) & (self.status == 0)
        width = min(BLOCK, self.type.size if self.type else 0)
        start = self.addresses + np.uint64(offset // width * width)
        end = self.addresses + np.uint64((offset + size - 1) // width * width + width - 1)
        rows = np.flatnonzero(lost & (start // np.uint64(PAGE) != end // np.uint64(PAGE)))
        if not len(rows):
            return data, status
        data, status = data.copy(), status.copy()
        data[rows], status[rows] = self._ask(rows, offset, size)
        return data, status if status.any() else None

    def _gather(self, offset: int, size: int) -> Read:
        """Gather from the rows whose address is known; the others are zero."""
        step = max(1, AT_ONCE // size)
        if self.status is None and len(self) <= step:
            data, status = self._ask(slice(None), offset, size)
            return data, status if status.any() else None
        data = np.zeros((len(self), size), np.uint8)
        status = np.zeros(len(self), np.uint8) if self.status is None else self.status.copy()
        for part in self._parts(step):
            data[part], status[part] = self._ask(part, offset, size)
        return data, status if status.any() else None

    def _parts(self, step: int) -> Iterator[Indexes | slice]:
        """Yield the rows whose address is known, so many at a time; ask in between."""
        rows = None if self.status is None else np.flatnonzero(self.status == 0)
        for start in range(0, len(self) if rows is None else len(rows), step):
            if self.check is not None:
                self.check()
            part = slice(start, start + step)
            yield part if rows is None else rows[part]

    def _ask(self, rows: Indexes | slice, offset: int, size: int) -> tuple[Bytes, Statuses]:
        addresses = self.addresses[rows] + np.uint64(offset)
        roots = None if self.roots is None else self.roots[rows]
        return self.space.gather(addresses, size, roots)
