"""VMCOREINFO: what a kernel writes down about itself for those who read its dump.

Lines of key=value, at most a page, made by kernel/vmcore_info.c (crash_core.c before 6.9) and the
architecture. It is in the ELF note of some dumps and twice in memory; an earlier boot may have left
one there too, and anybody can write one. So it is a hint: what it says is proven before it is used.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from memq.node import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.layers.physical import PhysicalMemory
    from memq.progress import Progress

MAGIC = b"OSRELEASE="
BANNER = b"Linux version "
MAX_SIZE = 16 << 10
"""Bytes that are read of one; the kernel keeps to a page."""
MAX_FOUND = 64
"""Different ones that a search yields at most; memory has one for each kernel that ran in it."""

_PIECE = 1 << 20
_MAX_NUMBER = 32


@dataclass(frozen=True, slots=True)
class Vmcoreinfo:
    """The lines of one VMCOREINFO."""

    entries: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Vmcoreinfo:
        """Read the lines up to the first that is none; nothing where it does not start as one."""
        entries: dict[str, str] = {}
        if not data.startswith(MAGIC):
            return cls()
        text = data[:MAX_SIZE].partition(b"\0")[0]
        for line in text.decode("ascii", "replace").split("\n"):
            key, equals, value = line.partition("=")
            if not equals or not line.isprintable():
                break
            entries.setdefault(key, value)
        return cls(entries)

    @property
    def release(self) -> str:
        """The kernel's release; empty where there is none."""
        return self.entries.get("OSRELEASE", "")

    def symbol(self, name: str) -> int | None:
        """Return the address of a symbol."""
        return _number(self.entries.get(f"SYMBOL({name})"), 16)

    @property
    def phys_base(self) -> int | None:
        """What the kernel's image addresses are shifted by: physical = address - map + this."""
        return _number(self.entries.get("NUMBER(phys_base)"), 0)


def search(
    physical: PhysicalMemory, progress: Progress, seen: dict[str, int]
) -> Iterator[tuple[int, Vmcoreinfo]]:
    """Search all of memory for VMCOREINFO; yield its place, and the different ones once each.

    Takes about a second for 2 GB. Notes in `seen` at "banner" where a Linux banner was met first.
    """
    met: set[tuple[str, int | None]] = set()
    with progress.step("searching memory for VMCOREINFO"):
        for place, piece in physical.pieces(0, physical.limit, _PIECE, MAX_SIZE, holes=False):
            progress.tick(place, physical.limit)
            if "banner" not in seen and (at := piece.find(BANNER)) >= 0:
                seen["banner"] = place + at
            # What starts in the overlap comes whole in the next piece.
            for at, end in _places(piece, (place // _PIECE + 1) * _PIECE - place):
                info = Vmcoreinfo.parse(piece[at:end])
                kind = (info.release, info.phys_base)
                if info.phys_base is None or kind in met:
                    continue
                met.add(kind)
                yield place + at, info
                if len(met) == MAX_FOUND:
                    return


def _places(piece: bytes, limit: int) -> Iterator[tuple[int, int]]:
    """Yield where one may start, below the limit, and must end: where the next one starts."""
    at = piece.find(MAGIC)
    while 0 <= at < limit:
        following = piece.find(MAGIC, at + 1)
        yield at, min(at + MAX_SIZE, following if following >= 0 else len(piece))
        at = following


def _number(text: str | None, base: int) -> int | None:
    """Read a number as the kernel writes it (base 0: decimal, or with 0x); None if it is none."""
    if text is None or len(text) > _MAX_NUMBER:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None
