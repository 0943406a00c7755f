"""ELF cores that are written for drgn: the same memory, the same VMCOREINFO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.core import core_of, write_core
from memq.image import Image
from memq.layers.file import DumpFile
from memq.layers.opening import open_physical
from memq.layers.physical import Extent, PhysicalMemory

if TYPE_CHECKING:
    from pathlib import Path

LINES = {"OSRELEASE": "6.1.0", "NUMBER(phys_base)": "-545259520"}


def test_ranges_and_holes_are_where_they_were(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(b"a" * 0x1800 + bytes(3 << 20) + b"z" * 0x900)
    extents = [Extent(0x1000, 0x2800, 0), Extent(0x10_0000, 0x40_0900, 0x1800)]
    core = tmp_path / "core"
    with PhysicalMemory(DumpFile(raw), "test", extents) as memory, core.open("wb") as file:
        write_core(memory, LINES, file)
        with open_physical(core) as found:
            assert found.format == "ELF core"
            assert not found.warnings
            assert found.starts.tolist() == memory.starts.tolist()
            assert found.ends.tolist() == memory.ends.tolist()
            for start, end, _ in extents:
                assert found.read(start, end - start) == memory.read(start, end - start)
            text = "".join(f"{key}={value}\n" for key, value in LINES.items())
            assert found.notes["VMCOREINFO"].decode() == text


def test_a_core_of_the_sample_is_made_once_and_is_its_kernel(sample: Path, tmp_path: Path) -> None:
    core = core_of(sample, tmp_path)
    made = core.stat().st_ino
    assert core_of(sample, tmp_path) == core
    assert core.stat().st_ino == made
    assert [path.name for path in tmp_path.iterdir()] == [core.name]
    with Image(core) as found, Image(sample) as image:
        assert found.kernel.vmcoreinfo == image.kernel.vmcoreinfo
        assert found.kernel.image == image.kernel.image
        assert found.physical.present == image.physical.present
    # It has the note that drgn wants, so it is none to make a core of.
    assert core_of(core, tmp_path / "elsewhere") == core
