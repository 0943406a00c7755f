"""The kernel's image in memory: its PE header, what it exports, and which PDB belongs to it.

Read field by field through the address space: parts of a loaded kernel (INIT, the relocations) are
gone, so that a reader of whole files has nothing to read. The format is Microsoft's "PE Format"
specification.
"""

from __future__ import annotations

import struct
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np

from memq.node import dataclass
from memq.symbols.tables import Identity

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.layers.space import AddressSpace

KERNEL_NAMES = frozenset(("ntoskrnl.exe", "ntkrnlmp.exe", "ntkrnlpa.exe", "ntkrpamp.exe"))
"""What kernels call themselves in their export directory, in small letters."""

_MAX_IMAGE = 256 << 20
_MAX_HEADER = 4096
_MAX_SECTIONS = 96
"""The Windows loader takes no more."""
_MAX_EXPORTS = 1 << 16
_MAX_NAME = 256
DEBUG = 6
"""The data directory that names the image's symbol file."""
_EXPORTS, _RESOURCES = 0, 2
_CODEVIEW = 2


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an image."""

    name: str
    rva: int
    size: int
    flags: int

    @property
    def is_executable(self) -> bool:
        """Whether code may run in it (IMAGE_SCN_MEM_EXECUTE)."""
        return bool(self.flags & 0x2000_0000)


@dataclass(frozen=True, slots=True)
class PeImage:
    """What the header of an image in memory says."""

    base: int
    size: int
    machine: int
    timestamp: int
    is_64_bit: bool
    sections: tuple[Section, ...]
    directories: tuple[tuple[int, int], ...] = field(repr=False)
    """RVA and size of each data directory."""

    @property
    def end(self) -> int:
        """The address behind the image."""
        return self.base + self.size

    def directory(self, number: int) -> tuple[int, int]:
        """Return RVA and size of a data directory, zeros where there is none."""
        found = self.directories[number] if number < len(self.directories) else (0, 0)
        return found if 0 < found[0] < self.size else (0, 0)


def read_image(space: AddressSpace, base: int) -> PeImage | None:
    """Return the image that begins at an address; None if none does."""
    start = space.read(base, 0x40)
    if start is None or start[:2] != b"MZ":
        return None
    (at,) = struct.unpack_from("<I", start, 0x3C)
    header = space.read(base + at, 24) if 4 <= at <= _MAX_HEADER else None
    if header is None or header[:4] != b"PE\0\0":
        return None
    machine, count, timestamp, _, _, size = struct.unpack_from("<HHIIIH", header, 4)
    optional = space.read(base + at + 24, size) if 96 <= size <= 512 else None
    if optional is None:
        return None
    is_64_bit = optional[:2] == b"\x0b\x02"
    (image_size,) = struct.unpack_from("<I", optional, 56)
    if not 0 < image_size <= _MAX_IMAGE:
        return None
    first = 112 if is_64_bit else 96
    places = optional[first : first + 128]
    pairs = list(struct.iter_unpack("<II", places[: len(places) & -8]))
    table = space.read(base + at + 24 + size, 40 * min(count, _MAX_SECTIONS)) or b""
    sections = tuple(_section(table[i : i + 40]) for i in range(0, len(table), 40))
    return PeImage(
        base, image_size, machine, timestamp, is_64_bit, sections, tuple((a, b) for a, b in pairs)
    )


def _section(entry: bytes) -> Section:
    name, size, rva, flags = struct.unpack("<8sII20xI", entry)
    return Section(name.rstrip(b"\0").decode("ascii", "backslashreplace"), rva, size, flags)


def export_name(space: AddressSpace, image: PeImage) -> str | None:
    """Return what an image calls itself in its export directory; None if that is not there."""
    rva, size = image.directory(_EXPORTS)
    data = space.read(image.base + rva, 16) if size >= 40 else None
    return None if data is None else _text(space, image, struct.unpack_from("<I", data, 12)[0])


def exports(space: AddressSpace, image: PeImage) -> dict[str, int]:
    """Return the RVAs of what an image exports by name; forwarders are left out.

    Names on pages that are not in memory are missing.
    """
    rva, size = image.directory(_EXPORTS)
    data = space.read(image.base + rva, 40) if size >= 40 else None
    if data is None:
        return {}
    functions, names, table, pointers, ordinals = struct.unpack_from("<IIIII", data, 20)
    if not 0 < names <= _MAX_EXPORTS or not 0 < functions <= _MAX_EXPORTS:
        return {}
    places = _array(space, image.base + pointers, names, "<u4")
    numbers = _array(space, image.base + ordinals, names, "<u2")
    values = _array(space, image.base + table, functions, "<u4")
    text = _filled(space, image.base + rva, min(size, 1 << 20))
    found: dict[str, int] = {}
    for place, number in zip(places.tolist(), numbers.tolist(), strict=True):
        value = int(values[number]) if number < functions else 0
        end = text.find(b"\0", place - rva) if 0 < place - rva < len(text) else -1
        is_forwarder = rva <= value < rva + size
        if value and 0 < end - (place - rva) <= _MAX_NAME and not is_forwarder:
            found.setdefault(text[place - rva : end].decode("ascii", "backslashreplace"), value)
    return found


def identity(space: AddressSpace, image: PeImage) -> tuple[str, Identity] | None:
    """Return the name of the PDB that belongs to an image, and its identity (the RSDS record)."""
    rva, size = image.directory(DEBUG)
    table = space.read(image.base + rva, min(size, 28 * 16)) if size >= 28 else None
    for entry in range(0, len(table or b"") - 27, 28):
        kind, length, place = struct.unpack_from("<12xIII", table or b"", entry)
        if kind != _CODEVIEW or not 25 <= length <= 1024:
            continue
        record = space.read(image.base + place, length)
        if record is not None and record[:4] == b"RSDS":
            return parse_rsds(record)
    return None


def parse_rsds(record: bytes) -> tuple[str, Identity]:
    """Read a CodeView record of a PDB 7.0: `RSDS`, GUID, age, name."""
    first, second, third, rest, age = struct.unpack_from("<IHH8sI", record, 4)
    name = record[24:].partition(b"\0")[0].decode("utf-8", "backslashreplace")
    guid = f"{first:08X}{second:04X}{third:04X}{rest.hex().upper()}"
    return name.replace("/", "\\").rpartition("\\")[2], Identity(guid, age)


def _text(space: AddressSpace, image: PeImage, rva: int) -> str | None:
    data = _filled(space, image.base + rva, 64) if 0 < rva < image.size else b""
    name = data.partition(b"\0")[0]
    return name.decode("ascii", "backslashreplace") if name else None


def _array(space: AddressSpace, va: int, count: int, kind: str) -> Addresses:
    """Return numbers at an address; those that cannot be read are zero."""
    data = _filled(space, va, count * int(kind[-1]))
    return np.frombuffer(data, kind).astype(np.uint64)


def _filled(space: AddressSpace, va: int, size: int) -> bytes:
    """Return bytes, zeros for pages that cannot be read."""
    first, last = va & -4096, va + size + 4095 & -4096
    pages = np.arange(first, last, 4096, dtype=np.uint64)
    data, _status = space.gather(pages, 4096)
    return data.tobytes()[va - first : va - first + size]
