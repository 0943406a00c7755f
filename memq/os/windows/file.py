"""File objects (_FILE_OBJECT): what was opened, of devices and pipes too, and what is mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memq.column import Column, distinct_numbers, is_among
from memq.errors import Reason
from memq.node import dataclass
from memq.os.common import known_pointers
from memq.os.windows.file_names import device_names, file_names
from memq.os.windows.known_base import KnownObject
from memq.os.windows.known_objects import IN_VADS, KnownObjects, known_objects
from memq.os.windows.processes import REFERRED, all_processes
from memq.os.windows.strings import unicode_text
from memq.schema.batch import Context, Cut
from memq.schema.declare import Cost, field
from memq.schema.kinds import Address, Boolean, Flags, Name, Size

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.symbols.structs import Structs

FLAGS = (
    ("FILE_OPEN", 0x1),
    ("SYNCHRONOUS_IO", 0x2),
    ("ALERTABLE_IO", 0x4),
    ("NO_INTERMEDIATE_BUFFERING", 0x8),
    ("WRITE_THROUGH", 0x10),
    ("SEQUENTIAL_ONLY", 0x20),
    ("CACHE_SUPPORTED", 0x40),
    ("NAMED_PIPE", 0x80),
    ("STREAM_FILE", 0x100),
    ("MAILSLOT", 0x200),
    ("GENERATE_AUDIT_ON_CLOSE", 0x400),
    ("DIRECT_DEVICE_OPEN", 0x800),
    ("FILE_MODIFIED", 0x1000),
    ("FILE_SIZE_CHANGED", 0x2000),
    ("CLEANUP_COMPLETE", 0x4000),
    ("TEMPORARY_FILE", 0x8000),
    ("DELETE_ON_CLOSE", 0x1_0000),
    ("OPENED_CASE_SENSITIVE", 0x2_0000),
    ("HANDLE_CREATED", 0x4_0000),
    ("FILE_FAST_IO_READ", 0x8_0000),
    ("RANDOM_ACCESS", 0x10_0000),
    ("FILE_OPEN_CANCELLED", 0x20_0000),
    ("VOLUME_OPEN", 0x40_0000),
    ("REMOTE_ORIGIN", 0x100_0000),
    ("SKIP_COMPLETION_PORT", 0x200_0000),
    ("SKIP_SET_EVENT", 0x400_0000),
    ("SKIP_SET_FAST_IO", 0x800_0000),
)
"""FO_... in wdm.h."""
_VAD_FILES = "files of all VADs"
_SECTIONS = "_SECTION_OBJECT_POINTERS"


class FileObject(
    KnownObject,
    name="file",
    principal="file_object",
    example="file.Where(write_access && !shared_read).Select([path, handle_count])",
):
    """A file, device or pipe that is open or mapped; one file opened twice is two of them."""

    struct = "_FILE_OBJECT"
    kind = "File"

    @classmethod
    def known(cls, context: Context) -> KnownObjects:
        """Return those that handles lead to, then those that only mappings do."""
        opened = known_objects(context.kernel, context.run, cls.kind)
        mapped = _vad_files(context)
        rest = mapped.addresses[~is_among(mapped.addresses, opened.addresses)]
        is_mapped = is_among(opened.addresses, mapped.addresses)
        sources = np.concatenate(
            [
                opened.sources | np.where(is_mapped, IN_VADS, 0),
                np.full(len(rest), IN_VADS, np.int64),
            ]
        )
        addresses = np.concatenate([opened.addresses, rest])
        return KnownObjects(addresses, sources, opened.cut or mapped.cut)

    @field(Cost.FOLLOW, shown=True)
    def name(self) -> Name:
        """Path on its device, as it was opened; null where the device itself was."""
        return unicode_text(self.kernel.space, self.raw, "FileName")

    @field(Cost.WALK)
    def path(self) -> Name:
        r"""Its device and the path on it: `\Device\HarddiskVolume3\Windows\notepad.exe`."""
        return file_names(self.kernel, self.context.run, self.raw)

    @field(Cost.WALK, shown=True)
    def device(self) -> Name:
        r"""Name of its device: `\Device\NamedPipe`; null where the device has none."""
        return device_names(self.kernel, self.context.run, self.raw["DeviceObject"])

    @field()
    def device_address(self) -> Address:
        """Address of its device (DEVICE_OBJECT)."""
        return Column(*known_pointers(self.raw["DeviceObject"]))

    @field(Cost.WALK)
    def in_vads(self) -> Boolean:
        """Whether a process has it mapped."""
        return self._is_in(IN_VADS, _vad_files(self.context).cut)

    @field(shown=True)
    def read_access(self) -> Boolean:
        """Whether it was opened to be read."""
        return self._flag("ReadAccess")

    @field(shown=True)
    def write_access(self) -> Boolean:
        """Whether it was opened to be written."""
        return self._flag("WriteAccess")

    @field(shown=True)
    def delete_access(self) -> Boolean:
        """Whether it was opened to be deleted or renamed."""
        return self._flag("DeleteAccess")

    @field()
    def shared_read(self) -> Boolean:
        """Whether others may open the same file to read it."""
        return self._flag("SharedRead")

    @field()
    def shared_write(self) -> Boolean:
        """Whether others may open the same file to write it."""
        return self._flag("SharedWrite")

    @field()
    def shared_delete(self) -> Boolean:
        """Whether others may open the same file to delete or rename it."""
        return self._flag("SharedDelete")

    @field()
    def is_delete_pending(self) -> Boolean:
        """Whether the file is deleted once nobody has it open any more."""
        return self._flag("DeletePending")

    @field(names=FLAGS)
    def flags(self) -> Flags:
        """How it was opened, and what has been done with it (FO_...)."""
        return self.raw["Flags"]

    @field(Cost.FOLLOW)
    def data_section(self) -> Address:
        """Address of the control area of its data in memory; null where there is none."""
        return self._section("DataSectionObject")

    @field(Cost.FOLLOW)
    def image_section(self) -> Address:
        """Address of the control area of the program that it is mapped as; null for none."""
        return self._section("ImageSectionObject")

    @field(Cost.FOLLOW)
    def cache_map(self) -> Address:
        """Address of what the cache knows of it (SHARED_CACHE_MAP); null where it is not cached."""
        return self._section("SharedCacheMap")

    @field(Cost.FOLLOW)
    def size(self) -> Size:
        """Bytes of the file, as the cache knows them; null where it is not cached."""
        maps = self._sections.follow("SharedCacheMap", "_SHARED_CACHE_MAP")
        return maps["FileSize.QuadPart|FileSize"]

    def _flag(self, member: str) -> Column:
        flag = self.raw[member]
        return Column(flag.values != 0, flag.status)

    @property
    def _sections(self) -> Structs:
        return self.kept("sections", lambda: self.raw.follow("SectionObjectPointer", _SECTIONS))

    def _section(self, member: str) -> Column:
        return Column(*known_pointers(self._sections[member]))


@dataclass(frozen=True, slots=True)
class _Mapped:
    """Files that processes have mapped, and why there may be more."""

    addresses: Addresses
    cut: Cut | None


def _vad_files(context: Context) -> _Mapped:
    """Return the files behind all processes' VADs, found once for each kernel."""
    found = context.kernel.facts.get(_VAD_FILES)
    if not isinstance(found, _Mapped):
        found = context.kernel.facts[_VAD_FILES] = _find(context)
    return found


def _find(context: Context) -> _Mapped:
    from memq.os.windows.process import ProcessObject  # noqa: PLC0415 - as other objects do
    from memq.os.windows.vad import VadObject  # noqa: PLC0415 - with it

    known = all_processes(context.kernel, context.run)
    vads = VadObject.of(ProcessObject.at(context, known.addresses, REFERRED))
    files: Column = vads.children.files.pointers
    cut = known.cut
    status = np.zeros(0, np.uint8) if vads.cut is None else vads.cut
    for row in np.flatnonzero(status)[:1].tolist():
        reason = Reason(int(status[row]))
        cut = cut or Cut(reason, f"VADs of {int(known.addresses[row]):#x}: {reason.text}")
    return _Mapped(distinct_numbers(files.values[files.known]), cut)
