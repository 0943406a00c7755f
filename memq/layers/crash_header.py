"""The header of Windows crash dumps: what the system said of itself as it went down.

DUMP_HEADER (PAGEDUMP, 4 KB) and DUMP_HEADER64 (PAGEDU64, 8 KB). Windows fills the header with the
letters PAGE before it writes to it: a member that is still full of them was never told, and is None
here. Each member is declared once, with its place in both.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from memq.errors import ImageError
from memq.node import dataclass

if TYPE_CHECKING:
    from memq.layers.file import DumpFile
    from memq.layers.triage import TriageParts

MAGIC_32 = b"PAGEDUMP"
MAGIC_64 = b"PAGEDU64"
MACHINE_ARM64 = 0xAA64
SIZE_32 = 0x1000
SIZE_64 = 0x2000

FULL, SUMMARY, HEADER_ONLY, TRIAGE, BITMAP_FULL, BITMAP_KERNEL, AUTOMATIC = range(1, 8)
"""`dump_type`: DUMP_TYPE_FULL and so on."""
LIVE_KERNEL, LIVE_KERNEL_AND_USER, LIVE_COMPLETE = 8, 9, 10
"""`dump_type` of what is written while the system runs on."""

_FILL = b"PAGE"
_PLACES = "places"


class _Place(NamedTuple):
    """Where a member is: offset and size; a size of 0 is said of a member that is not there."""

    offset: int = 0
    size: int = 0


_NOWHERE = _Place()


def _at(x86: _Place, x64: _Place) -> Any:
    """Declare a number of the header by its places in 32-bit and 64-bit dumps."""
    return dataclasses.field(metadata={_PLACES: (x86, x64)})


@dataclass(frozen=True, slots=True)
class CrashException:
    """The record of the exception that led to the dump (EXCEPTION_RECORD)."""

    code: int
    flags: int
    address: int
    parameters: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashHeader:
    """What the header says; None is what it does not say. Times in units of 100 ns."""

    is_64_bit: bool
    major_version: int | None = _at(_Place(0x8, 4), _Place(0x8, 4))
    """0xf for what is sold, 0xc for checked builds."""
    minor_version: int | None = _at(_Place(0xC, 4), _Place(0xC, 4))
    """The build."""
    directory_table_base: int | None = _at(_Place(0x10, 4), _Place(0x10, 8))
    pfn_database: int | None = _at(_Place(0x14, 4), _Place(0x18, 8))
    ps_loaded_module_list: int | None = _at(_Place(0x18, 4), _Place(0x20, 8))
    ps_active_process_head: int | None = _at(_Place(0x1C, 4), _Place(0x28, 8))
    machine: int | None = _at(_Place(0x20, 4), _Place(0x30, 4))
    """As in PE files: 0x14c x86, 0x8664 x86-64, 0xaa64 arm64."""
    processors: int | None = _at(_Place(0x24, 4), _Place(0x34, 4))
    bug_check: int | None = _at(_Place(0x28, 4), _Place(0x38, 4))
    pae_enabled: int | None = _at(_Place(0x5C, 1), _NOWHERE)
    kd_debugger_data_block: int | None = _at(_Place(0x60, 4), _Place(0x80, 8))
    dump_type: int | None = _at(_Place(0xF88, 4), _Place(0xF98, 4))
    required_dump_space: int | None = _at(_Place(0xFA0, 8), _Place(0xFA0, 8))
    system_time: int | None = _at(_Place(0xFC0, 8), _Place(0xFA8, 8))
    """Since 1601, UTC."""
    system_up_time: int | None = _at(_Place(0xFB8, 8), _Place(0x1030, 8))
    mini_dump_fields: int | None = _at(_Place(0xF8C, 4), _Place(0x1038, 4))
    secondary_data_state: int | None = _at(_Place(0xF90, 4), _Place(0x103C, 4))
    product_type: int | None = _at(_Place(0xF94, 4), _Place(0x1040, 4))
    """1 workstation, 2 domain controller, 3 server."""
    suite_mask: int | None = _at(_Place(0xF98, 4), _Place(0x1044, 4))
    writer_status: int | None = _at(_Place(0xF9C, 4), _Place(0x1048, 4))
    kd_secondary_version: int | None = _at(_Place(0x5D, 1), _Place(0x104D, 1))
    attributes: int | None = _at(_NOWHERE, _Place(0x1050, 4))
    """DUMP_FILE_ATTRIBUTES."""
    boot_id: int | None = _at(_NOWHERE, _Place(0x1054, 4))
    bug_check_parameters: tuple[int | None, ...]
    version_user: str | None
    comment: str | None
    exception: CrashException | None
    context: bytes | None
    """The registers (CONTEXT of the machine), as long as the header has room for them."""
    triage: TriageParts | None = None
    """What a triage minidump holds besides; None for every other kind."""

    @property
    def size(self) -> int:
        """Bytes of the header; what follows it depends on the kind of dump."""
        return SIZE_64 if self.is_64_bit else SIZE_32

    @property
    def word_size(self) -> int:
        """Bytes of a pointer."""
        return 8 if self.is_64_bit else 4


class _Layout(NamedTuple):
    """Where the members are that are no numbers, in 32-bit or 64-bit dumps."""

    parameters: int
    version_user: int
    context: _Place
    exception: int
    comment: int


_LAYOUT_32 = _Layout(0x2C, 0x3C, _Place(0x320, 1200), 0x7D0, 0x820)
_LAYOUT_64 = _Layout(0x40, 0x60, _Place(0x348, 3000), 0xF00, 0xFB0)
_VERSION_USER = 32
_COMMENT = 128
_MOST_PARAMETERS = 15
"""EXCEPTION_MAXIMUM_PARAMETERS."""


def is_crash_dump(head: bytes) -> bool:
    """Whether a file that begins so is a crash dump."""
    return head.startswith((MAGIC_32, MAGIC_64))


def read_header(file: DumpFile) -> CrashHeader:
    """Read the header of a file that begins as one; ImageError where it ends too early."""
    is_64_bit = file.read(0, len(MAGIC_64)) == MAGIC_64
    size = SIZE_64 if is_64_bit else SIZE_32
    data = file.read(0, size)
    if len(data) < size:
        raise ImageError(f"{file.path}: Windows crash dump that ends within its header")
    layout = _LAYOUT_64 if is_64_bit else _LAYOUT_32
    word = 8 if is_64_bit else 4
    numbers: dict[str, Any] = {
        field.name: _number(data, *field.metadata[_PLACES][is_64_bit])
        for field in dataclasses.fields(CrashHeader)
        if _PLACES in field.metadata
    }
    return CrashHeader(
        is_64_bit=is_64_bit,
        bug_check_parameters=tuple(
            _number(data, layout.parameters + at * word, word) for at in range(4)
        ),
        version_user=_text(data, layout.version_user, _VERSION_USER),
        comment=_text(data, layout.comment, _COMMENT),
        exception=_exception(data, layout.exception, word),
        context=_context(data, layout.context),
        **numbers,
    )


def _number(data: bytes, offset: int, size: int) -> int | None:
    """Return a member; None where it was never written, or is not there."""
    member = data[offset : offset + size]
    never_written = (_FILL * 3)[offset % len(_FILL) :][:size]
    return None if member == never_written else int.from_bytes(member, "little")


def _text(data: bytes, offset: int, size: int) -> str | None:
    """Return text up to its NUL; None for none, and where only the first byte was written."""
    text, _, rest = data[offset : offset + size].partition(b"\0")
    if not text or text.startswith(_FILL) or (not rest and text[4:8] == _FILL):
        return None
    return text.decode("latin-1")


def _exception(data: bytes, offset: int, word: int) -> CrashException | None:
    """Return the exception's record; None where it was not written, or has no code."""
    code = _number(data, offset, 4)
    address = _number(data, offset + 8 + word, word)
    if not code or address is None:
        return None
    count = _number(data, offset + 8 + 2 * word, 4) or 0
    begin = offset + 8 + 2 * word + word  # the count is followed by padding where words are wider
    parameters = [
        int.from_bytes(data[begin + at * word : begin + (at + 1) * word], "little")
        for at in range(min(count, _MOST_PARAMETERS))
    ]
    flags = _number(data, offset + 4, 4) or 0
    return CrashException(code, flags, address, tuple(parameters))


def _context(data: bytes, place: _Place) -> bytes | None:
    context = data[place.offset : place.offset + place.size]
    return None if context.startswith(_FILL * 4) else context
