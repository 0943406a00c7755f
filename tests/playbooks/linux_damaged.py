"""The changed sample with memory missing, as in a dump that was cut or had holes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.playbooks.linux_planted import PAGE, Planter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from memq.image import Image
    from memq.layers.physical import PhysicalMemory
    from tests.synthetic.rawcopy import RawCopy

_HEADER = struct.Struct("<4sIQQ8x")
NOWHERE = 0xFFFF_8000_DEAD_0000
"""An address at which no kernel of the lab has anything."""


def places_of_structures(image: Image, pids: Mapping[str, int]) -> list[int]:
    """Return where a process has its address space and files; arguments, a module, a table."""
    planter = Planter(image, pids)
    who = "tcp-listen"
    kernel = image.kernel
    return [
        planter.place(planter.of(who, "raw.mm")),
        planter.place(planter.of(who, "raw.files")),
        planter.place(
            planter.of("tcp6-listen", "raw.mm.arg_start"), planter.of("tcp6-listen", "dtb")
        ),
        planter.place(planter.at('driver.Where(name == "dummy").Select(address)')),
        kernel.space.translate(kernel.symbol("sys_call_table") + PAGE),
    ]


def broken_list(image: Image, pids: Mapping[str, int]) -> dict[int, bytes]:
    """Return the change that ends the list of tasks before all are told."""
    planter = Planter(image, pids)
    planter.pointer(planter.of("caps", "addressof(raw.tasks.next)"), NOWHERE)
    return planter.changes


def with_holes(memory: PhysicalMemory, copy: RawCopy, holes: Iterable[int], path: Path) -> None:
    """Write a LiME file of a changed image's memory, without the pages at some places."""
    missing = sorted({place // PAGE * PAGE for place in holes})
    with path.open("wb") as file:
        for start, end in zip(memory.starts.tolist(), memory.ends.tolist(), strict=True):
            here = [page for page in missing if start <= page < end]
            begins = [start, *(page + PAGE for page in here)]
            for begin, stop in zip(begins, [*here, end], strict=True):
                if stop > begin:
                    file.write(_HEADER.pack(b"EMiL", 1, begin, stop - 1))
                    file.write(copy.read(begin, stop - begin))
