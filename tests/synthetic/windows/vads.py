"""Ranges of a process's memory: the nodes and the tree of each generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.synthetic.windows.record import Record, ring
from tests.synthetic.windows.truth import Hex, VadTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.synthetic.windows.kernel import Kernel
    from tests.synthetic.windows.objects import Thing

PAGE = 4096
PROTECTIONS = {
    "PAGE_NOACCESS": 0,
    "PAGE_READONLY": 1,
    "PAGE_EXECUTE": 2,
    "PAGE_EXECUTE_READ": 3,
    "PAGE_READWRITE": 4,
    "PAGE_WRITECOPY": 5,
    "PAGE_EXECUTE_READWRITE": 6,
    "PAGE_EXECUTE_WRITECOPY": 7,
}
"""Index of each protection in a node's flags; 8 more is PAGE_NOCACHE, 16 PAGE_GUARD, 24 both."""
_VALUES = (0x01, 0x02, 0x10, 0x20, 0x04, 0x08, 0x40, 0x80)
"""PAGE_NOACCESS and so on as winnt.h numbers them, by the index in a node's flags."""
_EXTRAS = (0, 0x200, 0x100, 0x400)
"""PAGE_NOCACHE, PAGE_GUARD, PAGE_WRITECOMBINE, by the two bits above the index."""
KINDS = {"private": 0, "mapped": 0, "image": 2}
"""VadType: 0 none, 1 device memory, 2 image, 3 AWE, 4 write watch, 5 large, 6 rotate."""


def write_protections(kernel: Kernel) -> None:
    """Write the kernel's table of what each index of a protection stands for."""
    values = [value | extra for extra in _EXTRAS for value in _VALUES]
    kernel.image.set("MmProtectToValue", *values, size=4)


@dataclass
class ControlArea:
    """What stands for a file that is mapped."""

    area: Record
    subsection: Record
    segment: Record
    prototypes: int
    """Address of the first prototype entry."""


def control_area(
    kernel: Kernel, file: Thing | None, pages: int, *, is_image: bool, base: int = 0
) -> ControlArea:
    """Make control area, segment, subsection and prototype entries, all of them zero."""
    size = kernel.size("_SUBSECTION")
    area = kernel.new("_CONTROL_AREA", "MmCa" if is_image else "MmCi", more=size)
    subsection = kernel.record("_SUBSECTION", area.address + kernel.size("_CONTROL_AREA"))
    segment = kernel.new("_SEGMENT", "MmSt", is_paged=True)
    entry = kernel.size("_MMPTE")
    prototypes = kernel.paged.allocate(entry * pages, "MmSt")
    area["Segment"] = segment.address
    area.offer({"NumberOfMappedViews": 1, "NumberOfSectionReferences": 1})
    area.offer({"u.Flags.Image": int(is_image), "u.Flags.File": int(file is not None)})
    if file is not None:
        value = kernel.fast(file.address)
        area["FilePointer.Value|FilePointer"] = (
            value if area.has("FilePointer.Value") else file.address
        )
    subsection.fill({"ControlArea": area.address, "SubsectionBase": prototypes})
    subsection["PtesInSubsection"] = pages
    segment.fill({"ControlArea": area.address, "TotalNumberOfPtes": pages})
    segment.offer({"PrototypePte": prototypes, "SizeOfSegment": pages * PAGE, "BasedAddress": base})
    return ControlArea(area, subsection, segment, prototypes)


@dataclass
class Vad:
    """One node: its structure, and the truth about it."""

    record: Record
    truth: VadTruth
    area: ControlArea | None = None

    def set(self, member: str, value: int) -> None:
        """Set a member that is in `Core` of long nodes since 8."""
        self.record[f"Core.{member}|{member}"] = value


def make_vad(kernel: Kernel, truth: VadTruth, area: ControlArea | None, commit: int) -> Vad:
    """Make one node; `truth.node` is set to its address."""
    struct = "_MMVAD_SHORT" if truth.tag in {"VadS", "VadF"} else "_MMVAD"
    record = kernel.new(struct, truth.tag)
    truth.node = Hex(record.address)
    vad = Vad(record, truth, area)
    for name, page in (("Starting", truth.start // PAGE), ("Ending", truth.end // PAGE)):
        vad.set(f"{name}Vpn", page)
        if record.has(f"Core.{name}VpnHigh|{name}VpnHigh"):  # since 8.1, x64
            vad.set(f"{name}VpnHigh", page >> 32)
    _set_flags(vad, commit)
    if area is not None:
        _map(vad, area)
    return vad


def _set_flags(vad: Vad, commit: int) -> None:
    truth = vad.truth
    vad.set("u.VadFlags.Protection", PROTECTIONS[truth.protection])
    if vad.record.has("Core.u.VadFlags.VadType|u.VadFlags.VadType"):
        vad.set("u.VadFlags.VadType", KINDS[truth.kind])
    else:  # until XP a bit for each kind
        vad.set("u.VadFlags.ImageMap", int(truth.kind == "image"))
    # 19041 moved nothing, 14393 and 15063 had PrivateMemory in the other flags.
    for flags in ("u.VadFlags.PrivateMemory", "u1.VadFlags1.PrivateMemory"):
        if vad.record.has(f"Core.{flags}|{flags}"):
            vad.set(flags, truth.private)
    for flags in ("u1.VadFlags1", "u.VadFlags"):
        if vad.record.has(f"Core.{flags}.CommitCharge|{flags}.CommitCharge"):
            vad.set(f"{flags}.CommitCharge", commit)
            break
    for flags in ("u1.VadFlags1", "u.VadFlags"):
        if vad.record.has(f"Core.{flags}.MemCommit|{flags}.MemCommit"):
            vad.set(f"{flags}.MemCommit", int(truth.kind == "private"))
            break


def _map(vad: Vad, area: ControlArea) -> None:
    record, kernel_word = vad.record, vad.record.space.word
    record.offer({"Subsection": area.subsection.address, "ControlArea": area.area.address})
    record["FirstPrototypePte"] = area.prototypes
    pages = (vad.truth.end + 1 - vad.truth.start) // PAGE
    entry = area.area.space.word if kernel_word == 4 else 8
    record["LastContiguousPte"] = area.prototypes + (pages - 1) * entry
    if record.has("ViewLinks"):
        ring(record.space, record.at("ViewLinks"), [])


class Tree:
    """Binds nodes to a balanced tree, in the words of the build."""

    def __init__(self, kernel: Kernel, process: Record) -> None:
        self.kernel = kernel
        self.process = process
        self.is_new = process.has("VadRoot.Root")
        """_RTL_AVL_TREE since 8.1; _MM_AVL_TABLE with a node as its root before."""

    def write(self, vads: Sequence[Vad]) -> None:
        """Write the links of all nodes, sorted by address, and the root."""
        ordered = sorted(vads, key=lambda vad: vad.truth.start)
        if self.is_new:
            self.process["VadRoot.Root"] = self._link(ordered, 0)
            self.process.offer({"VadCount": len(ordered)})
        elif not self.process.has("VadRoot.BalancedRoot"):  # until XP a pointer
            self.process["VadRoot"] = self._link(ordered, 0)
        else:
            table = self.process.at("VadRoot")
            self.process["VadRoot.BalancedRoot.RightChild"] = self._link(ordered, table)
            self.process["VadRoot.BalancedRoot.u1.Parent"] = table
            self.process["VadRoot.NumberGenericTableElements"] = len(ordered)
            self.process["VadRoot.DepthOfTree"] = len(ordered).bit_length()
        self._write_hint(ordered)

    def _write_hint(self, ordered: Sequence[Vad]) -> None:
        if ordered:
            self.process.offer({"VadHint": ordered[-1].record.address})

    def _link(self, ordered: Sequence[Vad], parent: int) -> int:
        """Link the nodes below `parent`; return the address of the topmost, 0 if there is none."""
        if not ordered:
            return 0
        middle = len(ordered) // 2
        node = ordered[middle].record
        left = self._link(ordered[:middle], node.address)
        right = self._link(ordered[middle + 1 :], node.address)
        if self.is_new:
            node["Core.VadNode.Left|VadNode.Left"] = left
            node["Core.VadNode.Right|VadNode.Right"] = right
            node["Core.VadNode.ParentValue|VadNode.ParentValue"] = parent
        else:
            node.fill({"LeftChild": left, "RightChild": right, "u1.Parent|Parent": parent})
        return node.address
