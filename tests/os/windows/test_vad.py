"""The VADs of Windows images, held to the truth, and their pages to what a plain walk finds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from memq.image import open_image
from memq.os.windows.protections import CODES, NAMES
from memq.os.windows.vad import TYPES
from memq.symbols.table_files import open_table
from tests.layers.windows_lab import unpacked

if TYPE_CHECKING:
    from memq.image import Image
    from memq.layers.physical import PhysicalMemory
    from tests.os.windows.images import WindowsImage

FIELDS = (
    "address, start, end, kind, tag, protection, committed, is_private, is_shared, is_anonymous, "
    "file_name, control_area, file_object"
)
PAGES = "present_pages, writable_pages, executable_pages, transition_pages"
PAGE = 4096
VALUES = {
    "PAGE_NOACCESS": 0x1, "PAGE_READONLY": 0x2, "PAGE_READWRITE": 0x4, "PAGE_WRITECOPY": 0x8,
    "PAGE_EXECUTE": 0x10, "PAGE_EXECUTE_READ": 0x20, "PAGE_EXECUTE_READWRITE": 0x40,
    "PAGE_EXECUTE_WRITECOPY": 0x80, "PAGE_GUARD": 0x100, "PAGE_NOCACHE": 0x200,
    "PAGE_WRITECOMBINE": 0x400,
}  # fmt: skip
"""winnt.h"""


def listed(image: Image, fields: str) -> dict[int, list[dict[str, Any]]]:
    rows = image.query(f"process.Select({{pid: pid, vads: vad_object.Select([{fields}])}})").rows()
    return {row["pid"]: row["vads"] for row in rows}


def expected(vad: dict[str, Any]) -> dict[str, Any]:
    """Return what memq says of a VAD of the truth."""
    is_private = bool(vad["private"])
    return {
        "address": vad["node"],
        "start": vad["start"],
        "end": hex(int(vad["end"], 16) + 1),
        "kind": vad["kind"],
        "tag": vad["tag"],
        "protection": vad["protection"],
        "committed": vad["commit"] * PAGE,
        "is_private": is_private,
        "is_shared": not is_private,
        "is_anonymous": vad["file"] is None,
        "file_name": vad["file"],
        "control_area": vad["control_area"],
        "file_object": vad["file_object"],
    }


@pytest.mark.parametrize("form", ["raw", "full.dmp", "bitmap.dmp"])
def test_every_vad_is_the_recorded_one(windows: WindowsImage, form: str) -> None:
    with open_image(windows.path(form)) as image:
        found = listed(image, FIELDS)
    processes = {one["pid"]: one for one in windows.truth["processes"]}
    for pid, vads in found.items():
        recorded = sorted(processes[pid]["vads"], key=lambda vad: int(vad["start"], 16))
        assert vads == [expected(vad) for vad in recorded]
    assert len(found) > 20


def test_pages_are_those_that_a_plain_walk_finds(windows: WindowsImage, opened: Image) -> None:
    processes = [one for one in windows.truth["processes"] if not one.get("freed")]
    roots = {one["pid"]: int(one["dtb"], 16) for one in processes if "dtb" in one}
    found = listed(opened, f"start, end, {PAGES}")
    names = PAGES.split(", ")
    for pid, vads in found.items():
        pages = dict(plain_pages(opened.physical, roots[pid]))
        for vad in vads:
            inside = range(int(vad["start"], 16), int(vad["end"], 16), PAGE)
            bits = [pages[page] for page in inside if page in pages] or [(False,) * 4]
            assert [vad[name] for name in names] == [
                sum(column) for column in zip(*bits, strict=True)
            ]
    assert sum(vad["executable_pages"] for vads in found.values() for vad in vads) > 100
    assert sum(vad["transition_pages"] for vads in found.values() for vad in vads) == 6


def plain_pages(
    physical: PhysicalMemory, root: int
) -> list[tuple[int, tuple[bool, bool, bool, bool]]]:
    """Return the pages of a user half: present, writable, executable, in transition."""
    found = []
    tables = [(root, 0, True, True)]
    for shift in (39, 30, 21, 12):
        below = []
        for table, base, writable, executable in tables:
            data = physical.read(table, PAGE)
            assert data is not None
            for index, entry in enumerate(struct.unpack("<512Q", data)):
                va = base | index << shift
                if va >> 47:
                    break
                rights = writable and bool(entry & 2), executable and not entry >> 63
                if shift == 12 and (entry & 1 or entry & 0xC00 == 0x800):
                    is_there = bool(entry & 1)
                    bits = is_there and rights[0], is_there and rights[1]
                    found.append((va, (is_there, *bits, not is_there)))
                elif entry & 1:
                    below.append((entry & 0xF_FFFF_FFFF_F000, va, *rights))
        tables = below
    return found


def test_what_was_planted_shows(windows: WindowsImage, opened: Image) -> None:
    planted = windows.truth["planted"]
    found = opened.query(
        "vad.Where(is_private && is_writable && is_executable).Select({pid: process.pid,"
        "start: start, pe: has_pe_header, runs: executable_pages > 0, is_deleted: is_deleted})"
    )
    rows = {(row.pop("pid"), row.pop("start")): row for row in found.rows()}
    injected = planted["injected_pid"], planted["injected_va"]
    plain = planted["rwx_no_mz"]["pid"], planted["rwx_no_mz"]["va"]
    assert rows[injected] == {"pe": True, "runs": True, "is_deleted": None}
    assert rows[plain] == {"pe": False, "runs": True, "is_deleted": None}


def test_images_have_headers_and_unused_memory_has_none(opened: Image) -> None:
    images = list(opened.query("vad.Where(kind == 'image').Select(has_pe_header)").rows())
    assert len(images) > 100
    assert all(images)
    unused = "vad.Where(is_private && present_pages == 0).Select(has_pe_header)"
    assert set(opened.query(unused).rows()) <= {False}
    deleted = opened.query("vad.Where(!is_anonymous).Select([is_deleted, name == file_name])")
    assert {tuple(row.values()) for row in deleted.rows()} == {(False, True)}


def test_prototypes_are_those_of_the_section(opened: Image) -> None:
    first = "vad.Where(is_private == (first_prototype == null)).Count()"
    assert list(opened.query(first).rows()) == list(opened.query("vad.Count()").rows())


def test_protections_are_the_kernels(opened: Image) -> None:
    kernel: Any = opened.kernel
    place = kernel.symbol("MmProtectToValue")
    for number, code in enumerate(CODES.tolist()):
        value = sum(VALUES[name] for name in NAMES[code].split("|"))
        assert kernel.space.u32(place + 4 * number) == value


def test_types_are_named_as_the_kernel_numbers_them(windows: WindowsImage) -> None:
    number = open_table(windows.table).types.enumerator
    names = (
        "VadNone", "VadDevicePhysicalMemory", "VadImageMap", "VadAwe", "VadWriteWatch",
        "VadLargePages", "VadRotatePhysical", "VadLargePageSection",
    )  # fmt: skip
    known = {name: number(name) for name in names if number(name) is not None}
    assert all(value == names.index(name) for name, value in known.items())
    assert len(names) == len(TYPES)


def test_a_real_kernel_of_32_bits() -> None:
    """Ranges equal those that volatility3 found; what its tag was told to be, is not compared."""
    folder = unpacked("nt52/nt52-x86.raw")
    from tests.lab import Lab  # noqa: PLC0415

    lab = Lab.find()
    assert lab is not None
    nt52 = lab.folder / "windows" / "nt52"
    lines = (nt52 / "volatility3" / "windows.vadinfo.VadInfo.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if line[:1].isdigit()]
    told = {
        (int(row[0]), row[2]): [row[3], int(row[4], 16) + 1, row[6], int(row[7]), row[8] == "1"]
        for row in rows
    }
    table = nt52 / "nt52-x86.isf.json.xz"
    with open_image(
        folder, profile=table, directory_table_base=0xC4D000, kernel_base=0x8080_0000
    ) as image:
        found = listed(image, "address, start, end, protection, committed, is_private")
    assert told == {
        (pid, vad["address"]): [
            vad["start"],
            int(vad["end"], 16),
            vad["protection"],
            vad["committed"] // PAGE,
            vad["is_private"],
        ]
        for pid, vads in found.items()
        for vad in vads
    }
