"""The kernel's image: PE header, exports, the record of its PDB, and its variables."""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING

from tests.synthetic.windows.exports import EXPORTS
from tests.synthetic.windows.tables import LARGE, PAGE, PRESENT_WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from memq.symbols.tables import Identity, ImageTable
    from tests.synthetic.windows.options import Options
    from tests.synthetic.windows.space import Space

LARGE_PAGE = 1 << 21
_OWN = 0x30_0000
"""RVA of the first variable where the table has no symbols."""
_DEBUG = 0xE00
"""RVA of the record of the PDB: by the header, as what lies between may not be there."""
_CODE = 0x1000
_GAP = 0x40
"""Pages without a variable between two sections of data."""


class KernelImage:
    """The kernel at its base; a page of it is mapped when something is written to it."""

    def __init__(self, space: Space, table: ImageTable, options: Options, base: int) -> None:
        self.space = space
        self.options = options
        self.base = base
        self.identity: Identity | None = options.identity or table.identity
        self.has_table = bool(table.rvas)
        self.rvas = dict(table.rvas)
        """Each variable's RVA: the table's, or chosen here."""
        highest = max(table.rvas.values()) if table.rvas else _OWN + 0x10_0000
        self.end = -(-(highest + PAGE) // PAGE) * PAGE
        """RVA behind what the table knows; the exports follow there."""
        self.size = self.end + 0x10000
        self._next = _OWN
        self._next_code = _CODE
        self.used: set[int] = set()

    # Variables

    def address(self, name: str, size: int = 8) -> int | None:
        """Return a variable's address; None where the table says that there is none."""
        if name not in self.rvas:
            if self.has_table:
                return None
            self.rvas[name] = self._next
            self._next += -(-size // 16) * 16
        address = self.base + self.rvas[name]
        self.make(address, size)
        return address

    def function(self, name: str) -> int:
        """Return a function's address, made up where the table has none of that name."""
        if name not in self.rvas:
            self.rvas[name] = self._next_code
            self._next_code += 0x40
        return self.base + self.rvas[name]

    def set(self, name: str, *values: int, size: int | None = None) -> None:
        """Write numbers to a variable, where there is such a variable."""
        width = self.space.word if size is None else size
        address = self.address(name, width * len(values))
        if address is not None:
            data = b"".join((v % (1 << 8 * width)).to_bytes(width, "little") for v in values)
            self.space.write(address, data)

    def put(self, name: str, data: bytes) -> None:
        """Write bytes to a variable, where there is such a variable."""
        address = self.address(name, len(data))
        if address is not None:
            self.space.write(address, data)

    def make(self, address: int, size: int) -> None:
        """Map the pages of a part of the image."""
        for page in range(address // PAGE, (address + max(size, 1) - 1) // PAGE + 1):
            self.used.add(page - self.base // PAGE)
            if page not in self.space.places:
                self._map(page * PAGE)

    def _map(self, va: int) -> None:
        if not self.options.large_pages or self.options.paging == "x86":
            self.space.map(va)
            return
        start = va // LARGE_PAGE * LARGE_PAGE
        pa = self.space.memory.allocate(LARGE_PAGE, LARGE_PAGE)
        self.space.tables.set(start, pa | PRESENT_WRITE | LARGE, LARGE_PAGE)
        for offset in range(0, LARGE_PAGE, PAGE):
            self.space.places[(start + offset) // PAGE] = pa + offset

    # The file's parts

    def finish(self) -> None:
        """Write header, exports and the record of the PDB."""
        exports, record = self._exports(self.end), self._debug_record(_DEBUG)
        if self.end + len(exports) > self.size:
            raise ValueError("the exports do not fit behind the image")
        self.make(self.base + self.end, len(exports))
        self.space.write(self.base + self.end, exports)
        self.make(self.base, PAGE)
        directories = {0: (self.end, len(exports)), 6: (_DEBUG, 28 if record else 0)}
        self.space.write(self.base, pe_header(self, directories))
        self.space.write(self.base + _DEBUG, record)

    def _exports(self, rva: int) -> bytes:
        names = sorted(name for name in EXPORTS if name in self.rvas)
        count = len(names)
        functions, pointers = rva + 40, rva + 40 + 4 * count
        ordinals = pointers + 4 * count
        texts = ordinals + 2 * count
        places, blob = [], b"ntoskrnl.exe\0"
        for name in names:
            places.append(texts + len(blob))
            blob += name.encode() + b"\0"
        head = struct.pack(
            "<IIHHIIIIIII", 0, 0, 0, 0, texts, 1, count, count, functions, pointers, ordinals
        )
        rvas = struct.pack(f"<{count}I", *(self.rvas[name] for name in names))
        return head + rvas + struct.pack(f"<{count}I{count}H", *places, *range(count)) + blob

    def _debug_record(self, rva: int) -> bytes:
        if self.identity is None:
            return b""
        name = {"x64": b"ntkrnlmp.pdb\0", "x86": b"ntkrnlmp.pdb\0", "pae": b"ntkrpamp.pdb\0"}
        rsds = b"RSDS" + uuid.UUID(self.identity.guid).bytes_le
        rsds += struct.pack("<I", self.identity.age) + name[self.options.paging]
        entry = struct.pack("<IIHHIIII", 0, 0, 0, 0, 2, len(rsds), rva + 28, 0)
        return entry + rsds

    def sections(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Yield name, RVA, end and flags: data where variables are, code between."""
        code, data = 0x6000_0020, 0xC800_0040
        at = PAGE
        for first, last in _runs(sorted(page for page in self.used if page)):
            if first * PAGE > at:
                yield b".text" if at == PAGE else b"PAGE", at, first * PAGE, code
            is_last = (last + 1) * PAGE > self.end
            yield b".edata" if is_last else b".data", first * PAGE, (last + 1) * PAGE, data
            at = (last + 1) * PAGE


def _runs(pages: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of the pages that lie near each other."""
    first = last = -1
    for page in pages:
        if first >= 0 and page - last > _GAP:
            yield first, last
            first = page
        first, last = (page if first < 0 else first), page
    if first >= 0:
        yield first, last


def pe_header(image: KernelImage, directories: dict[int, tuple[int, int]]) -> bytes:
    """Return the kernel's PE header, of one page."""
    return small_header(image.options, image.base, image.size, directories, list(image.sections()))


def small_header(
    options: Options,
    base: int,
    size: int,
    directories: dict[int, tuple[int, int]] | None = None,
    sections: Sequence[tuple[bytes, int, int, int]] = (),
) -> bytes:
    """Return the PE header of any module, of one page."""
    is_wide = options.is_64_bit
    machine, optional_size = (0x8664, 240) if is_wide else (0x14C, 224)
    stamp = 0x5B00_0000 + options.build
    start = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    file_header = struct.pack(
        "<4sHHIIIHH", b"PE\0\0", machine, len(sections), stamp, 0, 0, optional_size, 0x22
    )
    head = struct.pack("<HBBIIIII", 0x20B if is_wide else 0x10B, 14, 0, 0x1000, 0, 0, 0x1000, PAGE)
    head += struct.pack("<Q", base) if is_wide else struct.pack("<II", 0, base)
    head += struct.pack("<II6H4I2H", PAGE, 512, *options.version * 3, 0, size, PAGE, 0, 1, 0)
    word = "Q" if is_wide else "I"
    head += struct.pack(f"<4{word}II", 0x80000, 0x2000, 0x100000, 0x1000, 0, 16)
    for number in range(16):
        head += struct.pack("<II", *(directories or {}).get(number, (0, 0)))
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", name, end - rva, rva, end - rva, rva, 0, 0, 0, 0, flags)
        for name, rva, end, flags in sections
    )
    return (start.ljust(0x80, b"\0") + file_header + head + table).ljust(PAGE, b"\0")[:PAGE]
