"""Objects with their headers, object types, and the directories that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.synthetic.windows.exports import TYPE_EXPORTS
from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.truth import Hex, ObjectTruth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.synthetic.windows.kernel import Kernel

TAGS = {
    "Type": "ObjT", "Directory": "Dire", "SymbolicLink": "Symb", "Token": "Toke", "Job": "Job ",
    "Process": "Proc", "Thread": "Thre", "Event": "Even", "Mutant": "Muta", "Callback": "Call",
    "Semaphore": "Sema", "Timer": "Time", "WindowStation": "Wind", "Desktop": "Desk",
    "Section": "Sect", "Key": "Key ", "ALPC Port": "ALPC", "Device": "Devi", "Driver": "Driv",
    "IoCompletion": "IoCo", "File": "File", "EtwRegistration": "EtwR", "Session": "Sess",
}  # fmt: skip
"""Object types, in the order of their indexes from 2 on, with the pool tags of their objects."""
PROTECTED = {"Process", "Thread", "File", "Driver", "Mutant", "SymbolicLink", "Event", "Section"}
"""Types whose tags have the highest bit set before 8."""
PAGED = {"Type", "Directory", "SymbolicLink", "Token", "Key", "Section"}
INFOS = {"Process": 0x08, "Thread": 0x08, "File": 0x0C, "Token": 0x08, "Key": 0x08, "Type": 0x03}
"""Optional headers of a type's objects, beside that of the name; 8 where none stand here."""
PARTS = (
    (0x01, "_OBJECT_HEADER_CREATOR_INFO"),
    (0x02, "_OBJECT_HEADER_NAME_INFO"),
    (0x04, "_OBJECT_HEADER_HANDLE_INFO"),
    (0x08, "_OBJECT_HEADER_QUOTA_INFO"),
    (0x10, "_OBJECT_HEADER_PROCESS_INFO"),
)
"""Bits of InfoMask and what each stands for, from the header downward."""
BUCKETS = 37


@dataclass
class Thing:
    """An object: its body, its header, and the truth about it."""

    record: Record
    header: Record
    truth: ObjectTruth
    name_info: Record | None = None
    display: str | None = None
    """Its name in a list of handles, where that is not the name of the object itself."""
    path: str | None = None
    """Of a file, its path on its device."""

    @property
    def address(self) -> int:
        """Address of the body."""
        return self.record.address

    @property
    def type(self) -> str:
        """Name of its type."""
        return self.truth.type


class Objects:
    """Makes objects."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        options = kernel.options
        self.cookie = kernel.random.randrange(1, 256) if options.has_cookie else None
        self.indexes = {name: 2 + number for number, name in enumerate(TAGS)}
        self.types: dict[str, Thing] = {}
        self.directories: dict[str, Thing] = {}
        for name in TAGS:
            self._make_type(name)
        if self.cookie is not None:
            kernel.image.put("ObHeaderCookie", bytes([self.cookie]))
        self._write_type_table()
        self._write_offsets()
        self.directory("\\")
        for name in ("ObjectTypes", "Device", "Driver", "FileSystem", "GLOBAL??", "KnownDlls",
                     "BaseNamedObjects"):  # fmt: skip
            self.directory("\\" + name)
        for name, thing in self.types.items():
            self._enter("\\ObjectTypes", name, thing)
        kernel.image.set("ObpRootDirectoryObject", self.directories["\\"].address)

    # Objects

    def create(
        self,
        type_name: str,
        struct: str,
        name: str | None = None,
        *,
        mask: int | None = None,
        more: int = 0,
        is_free: bool = False,
    ) -> Thing:
        """Return a new object with `struct` as its body, and `more` bytes behind that."""
        kernel = self.kernel
        mask = INFOS.get(type_name, 0x08) if mask is None else mask
        mask |= 0x02 if name is not None else 0
        parts = list(self._parts(mask))
        before = sum(kernel.size(part) for _, part in parts)
        body_offset = kernel.types.required("_OBJECT_HEADER").offset("Body")
        pool = kernel.paged if type_name in PAGED else kernel.nonpaged
        size = before + body_offset + kernel.size(struct) + more
        block = pool.allocate(size, self._tag(type_name), is_free=is_free)
        header = kernel.record("_OBJECT_HEADER", block + before)
        body = kernel.record(struct, header.address + body_offset)
        mask = sum(bit for bit, _ in parts)
        truth = ObjectTruth(type_name, Hex(body.address), Hex(header.address), name, mask)
        thing = Thing(body, header, truth)
        self._write_header(thing, parts)
        self._write_name(thing)
        kernel.truth.objects.append(truth)
        return thing

    def _parts(self, mask: int) -> Iterator[tuple[int, str]]:
        for bit, struct in PARTS:
            if mask & bit and self.kernel.types.struct(struct) is not None:
                yield bit, struct

    def _tag(self, type_name: str) -> str:
        tag = TAGS[type_name]
        if self.kernel.options.build < 9200 and type_name in PROTECTED:
            return tag[:3] + chr(ord(tag[3]) | 0x80)
        return tag

    def _write_header(self, thing: Thing, parts: list[tuple[int, str]]) -> None:
        header = thing.header
        header.fill({"PointerCount": 2, "HandleCount": 0})
        at = header.address
        for bit, struct in parts:
            at -= self.kernel.size(struct)
            if bit == 0x02:
                thing.name_info = self.kernel.record(struct, at)
            offset_member = {0x02: "NameInfoOffset", 0x04: "HandleInfoOffset"}.get(bit)
            offset_member = "QuotaInfoOffset" if bit == 0x08 else offset_member
            if offset_member is not None:
                header.offer({offset_member: header.address - at})  # until 6.0
            if bit == 0x01:
                ring(self.kernel.space, at, [])
        header.offer({"InfoMask": sum(bit for bit, _ in parts)})  # since 7
        self._write_type(thing)

    def _write_type(self, thing: Thing) -> None:
        """Say of which type the object is: by pointer until 6.0, by index since 7."""
        header, index = thing.header, self.indexes[thing.type]
        if header.has("TypeIndex"):
            if self.cookie is not None:
                index ^= self.cookie ^ (header.address >> 8 & 0xFF)
            header["TypeIndex"] = index
        elif thing.type in self.types:
            header["Type"] = self.types[thing.type].address

    def _write_name(self, thing: Thing) -> None:
        if thing.name_info is not None and thing.truth.name is not None:
            self.kernel.text(thing.name_info, "Name", thing.truth.name)
            thing.name_info.offer({"ReferenceCount": 1, "QueryReferences": 1})

    # Types

    def _make_type(self, name: str) -> None:
        thing = self.create("Type", "_OBJECT_TYPE", name)
        if not self.types:  # the first is the type of types, of itself too
            self.types["Type"] = thing
            self._write_type(thing)
        self.types[name] = thing
        record, kernel = thing.record, self.kernel
        if thing.name_info is not None:
            record.text("Name", name, thing.name_info["Name.Buffer"])
        record["Index"] = self.indexes[name] if thing.header.has("TypeIndex") else len(self.types)
        record.offer({"Key": TAGS[name].encode(), "TypeInfo.ValidAccessMask": 0x1F01FF})
        record.offer({"TypeInfo.Length": kernel.size("_OBJECT_TYPE_INITIALIZER")})
        record.offer({"TypeInfo.PoolType": 1 if name in PAGED else 0})
        for member in ("TypeList", "CallbackList"):
            if record.has(member):
                ring(kernel.space, record.at(member), [])
        export = TYPE_EXPORTS.get(name)
        if export is not None:
            kernel.image.set(export, thing.address)
        if name == "Type":
            kernel.image.set("ObpTypeObjectType", thing.address)

    def _write_type_table(self) -> None:
        """Write the types by index; the second place holds a pointer that leads nowhere."""
        addresses = [thing.address for thing in self.types.values()]
        if self.types["Type"].header.has("TypeIndex"):
            bad = 0xBAD0_B0B0
            self.kernel.image.set("ObTypeIndexTable", 0, bad, *addresses, *[0] * 40)
        else:
            self.kernel.image.set("ObpObjectTypes", *addresses, *[0] * 40)

    def _write_offsets(self) -> None:
        """Write the table that tells how far before a header an optional one is, by mask."""
        sizes = {
            bit: self.kernel.size(part)
            for bit, part in PARTS
            if self.kernel.types.struct(part) is not None
        }
        offsets = bytes(
            sum(size for bit, size in sizes.items() if mask & bit) & 0xFF for mask in range(256)
        )
        self.kernel.image.put("ObpInfoMaskToOffset", offsets)

    # Directories

    def directory(self, path: str) -> Thing:
        """Return the directory with this path, made if there is none."""
        if path not in self.directories:
            parent, _, name = path.rpartition("\\")
            thing = self.create("Directory", "_OBJECT_DIRECTORY", name or "\\")
            self.directories[path] = thing
            if name:
                self._enter(parent or "\\", name, thing)
        return self.directories[path]

    def named(
        self, type_name: str, struct: str, path: str, *, mask: int | None = None, more: int = 0
    ) -> Thing:
        """Return a new object that stands in a directory."""
        folder, _, name = path.rpartition("\\")
        thing = self.create(type_name, struct, name, mask=mask, more=more)
        self._enter(folder or "\\", name, thing)
        return thing

    def _enter(self, folder: str, name: str, thing: Thing) -> None:
        kernel, directory = self.kernel, self.directory(folder)
        value = name_hash(name)
        bucket = f"HashBuckets[{value % BUCKETS}]"
        entry = kernel.new("_OBJECT_DIRECTORY_ENTRY", "ObDi", is_paged=True)
        entry.fill({"ChainLink": directory.record[bucket], "Object": thing.address})
        entry.offer({"HashValue": value})
        directory.record[bucket] = entry.address
        if thing.name_info is not None:
            thing.name_info["Directory"] = directory.address


def name_hash(name: str) -> int:
    """Return the hash by which a directory finds a name."""
    value = 0
    for character in name.upper():
        value = value + (value << 1) + (value >> 1) + ord(character) & 0xFFFF_FFFF
    return value
