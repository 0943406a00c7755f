"""The records of BTF: where its sections, its types and its names are.

Format: include/uapi/linux/btf.h and Documentation/bpf/btf.rst of the kernel. A header, a section of
type records (12 bytes, then what its kind adds) and a section of NUL-terminated names. Types have
no table: type n is the n-th record, so the places of all are found first, once, when one is asked
for.
"""

from __future__ import annotations

import struct
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from memq.errors import SymbolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MAGIC = 0xEB9F
HEADER_SIZE = 24
MAX_HEADER = 4096
MAX_SECTION = 32 << 20
"""Bytes of one section. The kernel takes no more than 16 MB from others; its own BTF has some 5."""
MAX_NAME = 4096
MAX_SAME_NAME = 256
"""Places where one name is looked for, and types that are looked at for it."""

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF = 1, 2, 3, 4, 5, 6, 7, 8
VOLATILE, CONST, RESTRICT, FUNC, FUNC_PROTO, VAR, DATASEC = 9, 10, 11, 12, 13, 14, 15
FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = 16, 17, 18, 19

# 32-bit words that follow the three of a record: a fixed number, and a number for each of its vlen
# elements. 0 is no kind. LOC_PARAM, LOC_PROTO and LOCSEC (20 to 22) are where functions' parameters
# are; they describe no types, and only their lengths matter here.
_KIND_WORDS = (
    (0, 0), (1, 0), (0, 0), (3, 0), (0, 3), (0, 3), (0, 2), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0),
    (0, 0), (0, 2), (1, 0), (0, 3), (0, 0), (1, 0), (0, 0), (0, 3), (1, 1), (0, 1), (0, 3),
)  # fmt: skip
_PIECE = 1 << 15
_NO_KIND = 1 << 30
"""As a length it leads behind the end of every section."""


class Header(NamedTuple):
    """Where the sections are, counted from the first byte of the BTF."""

    types: slice
    names: slice
    layout: slice
    """Of the lengths of records by kind, which BTF has since 2026; empty before."""

    @property
    def size(self) -> int:
        """Bytes of the whole BTF."""
        return max(int(section.stop) for section in self)


class Record(NamedTuple):
    """A type's record."""

    name: int
    """Where in the names its name is."""
    kind: int
    flag: bool
    length: int
    """How many elements follow (the format's vlen)."""
    size: int
    """The word that is the size in bytes, or the number of the type that it refers to."""
    body: int
    """Index of the first word behind the record's three."""


def parse_header(head: bytes) -> Header:
    """Read the header, of which 32 bytes are enough; SymbolError if it is none or not sane.

    With the size that it tells, whoever looks for BTF knows how much to read.
    """
    if len(head) < HEADER_SIZE:
        raise SymbolError("BTF is shorter than its header")
    magic, version, _flags, length = struct.unpack_from("<HBBI", head)
    if magic != MAGIC:
        raise SymbolError(f"no BTF here: magic number {magic:#06x}")
    if version != 1 or not HEADER_SIZE <= length <= MAX_HEADER or length % 4:
        raise SymbolError(f"BTF of version {version}, header of {length} bytes, is not known")
    # The last two came with the lengths of records, so that older readers can step over new kinds.
    has_layout = length >= 32 and len(head) >= 32
    numbers = struct.unpack_from("<6I" if has_layout else "<4I", head, 8)
    if max(numbers) > MAX_SECTION or numbers[0] % 4 or numbers[1] % 4:
        raise SymbolError(f"BTF header is malformed: sections {numbers}")
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    sections = [slice(length + offset, length + offset + size) for offset, size in pairs]
    types, names = sections[:2]
    if types.start < names.stop and names.start < types.stop:
        raise SymbolError("BTF header is malformed: types and names overlap")
    return Header(types, names, sections[2] if has_layout else slice(0, 0))


class Records:
    """The type records and the names of one BTF; what follows it in `data` is not looked at."""

    def __init__(self, data: bytes) -> None:
        """Check the header and both sections' ends; SymbolError if that is no whole BTF."""
        self.header = header = parse_header(data)
        if header.size > len(data):
            raise SymbolError(f"BTF of {header.size} bytes, of which {len(data)} could be read")
        self._names = data[header.names]
        if not self._names or self._names[0] or self._names[-1]:
            raise SymbolError("BTF is malformed: its names do not start and end with a NUL")
        self._bytes = np.frombuffer(data, np.uint8)[header.types]
        self.array = np.require(self._bytes.view("<u4"), np.uint32, ["A", "C"])
        self.words = self.array.data
        self._lengths = _record_lengths(data[header.layout])

    # Types

    @cached_property
    def starts(self) -> NDArray[np.int32]:
        """Index of the first word of type 1, 2, ...; their records fill the section exactly.

        For every word it is worked out where the next record starts, if one starts there. The chain
        of those from the first word on then costs one look-up a type.
        """
        chain = self._following().data
        starts: list[int] = []  # to append to an array takes half as long again
        word = 0
        append = starts.append
        try:
            while True:  # each step goes up, in the end beyond the last word but one
                append(word)
                word = chain[word]
        except IndexError:
            starts.pop()
        if word != len(self.words):
            raise SymbolError(self._complaint(starts, word))
        return np.array(starts, np.int32)

    def _following(self) -> NDArray[np.int32]:
        """Return where the next record starts after one at each word but the last.

        Worked out in pieces, as memory that is used again costs less than memory that is new.
        """
        fixed, each = self._lengths
        total = max(len(self.words) - 1, 0)
        following = np.empty(total, np.int32)
        for start in range(0, total, _PIECE):
            piece = following[start : start + _PIECE]
            end = start + len(piece)
            kinds = self._bytes[start * 4 + 7 : end * 4 + 7 : 4] & np.uint8(0x7F)
            lengths = self.array[start + 1 : end + 1] & np.uint32(0xFFFFFF)
            np.multiply(each.take(kinds), lengths.view(np.int32), out=piece)
            piece += fixed.take(kinds)
            piece += np.arange(start, end, dtype=np.int32)
        return following

    def _complaint(self, starts: list[int], end: int) -> str:
        """Say why the chain of records does not end where the section does."""
        kind = int(self._bytes[starts[-1] * 4 + 7]) & 0x7F if starts else 0
        if end >= _NO_KIND:
            return f"BTF type {len(starts)} is of kind {kind}, which is not known"
        return f"BTF is malformed: type {len(starts)} goes beyond the end"

    @cached_property
    def _start_list(self) -> memoryview:
        return self.starts.data

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """The kind of every type, that of type 1 first."""
        return self._bytes[self.starts * 4 + 7] & np.uint8(0x7F)

    @cached_property
    def flags(self) -> NDArray[np.bool_]:
        """The flag of every type; its meaning depends on the kind."""
        return self._bytes[self.starts * 4 + 7] > 0x7F

    @cached_property
    def name_places(self) -> NDArray[np.uint32]:
        """Where in the names every type's name is; 0 for none."""
        return self.array[self.starts]

    def record(self, number: int) -> Record:
        """Return the record of a type by its number (from 1); SymbolError if there is none such."""
        if not 0 < number <= len(self._start_list):
            raise SymbolError(f"BTF is malformed: there is no type {number}")
        word = self._start_list[number - 1]
        name, info, size = self.words[word : word + 3]
        return Record(name, info >> 24 & 0x7F, bool(info >> 31), info & 0xFFFFFF, size, word + 3)

    def constant(self, place: int) -> tuple[Record, int] | None:
        """Return the first enum with a constant of the name at the place, and the entry's word."""
        words = np.flatnonzero(self.array == place).astype(np.int32)
        numbers = np.searchsorted(self.starts, words, "right")
        kinds = self.kinds[numbers - 1]
        inside = words - self.starts[numbers - 1] - 3
        is_entry = ((kinds == ENUM) & (inside % 2 == 0)) | ((kinds == ENUM64) & (inside % 3 == 0))
        found = np.flatnonzero(is_entry & (inside >= 0))
        if not len(found):
            return None
        return self.record(int(numbers[found[0]])), int(words[found[0]])

    def named(self, place: int, *kinds: int) -> list[int]:
        """Return the numbers of the first types of these kinds with this name, in their order."""
        found = np.flatnonzero(self.name_places == place)
        is_wanted = np.zeros(len(found), bool)
        for kind in kinds:
            is_wanted |= self.kinds[found] == kind
        return [number + 1 for number in found[is_wanted][:MAX_SAME_NAME].tolist()]

    # Names

    def name(self, place: int) -> str:
        """Return the name at a place; bytes that are not UTF-8 are written in hexadecimal."""
        end = self._names.find(b"\0", place, place + MAX_NAME)
        if end < 0:
            raise SymbolError(f"BTF is malformed: no name at {place}")
        return self._names[place:end].decode("utf-8", "backslashreplace")

    @cached_property
    def _uses_tails(self) -> bool:
        """Whether names start within longer ones; no known writer of BTF saves space so."""
        names = np.frombuffer(self._names, np.uint8)
        places = self.name_places[(self.name_places > 0) & (self.name_places < len(names))]
        return bool(names[places - 1].any())

    def places(self, name: str) -> Iterator[int]:
        """Yield where a name is: whole names first, then tails of longer ones, if they are used."""
        text = name.encode("utf-8", "surrogatepass")
        if not text or b"\0" in text:
            return
        for lead in (b"\0", b"") if self._uses_tails else (b"\0",):
            wanted = lead + text + b"\0"
            found = self._names.find(wanted)
            for _ in range(MAX_SAME_NAME):
                if found < 0:
                    break
                yield found + len(lead)
                found = self._names.find(wanted, found + 1)


def _record_lengths(layout: bytes) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return words of a record by kind: fixed, and for each element.

    Kinds newer than this reader are taken from the BTF's own section for that, if it has one.
    """
    fixed, each = np.full(128, _NO_KIND, np.int32), np.zeros(128, np.int32)
    known = len(_KIND_WORDS)
    fixed[1:known] = [extra + 3 for extra, _element in _KIND_WORDS[1:]]
    each[1:known] = [element for _extra, element in _KIND_WORDS[1:]]
    entries = struct.iter_unpack("<BBH", layout[: min(len(layout) // 4, 128) * 4])
    for kind, (extra, element, _flags) in enumerate(entries):
        if kind >= known and extra % 4 == 0 and element % 4 == 0:
            fixed[kind], each[kind] = extra // 4 + 3, element // 4
    return fixed, each
