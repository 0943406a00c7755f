"""What a search through memory finds, held to the truth; what is left out is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.errors import Cancelled, Reason
from memq.image import open_image
from memq.os.windows import pool_tags
from memq.os.windows.pool_kinds import KINDS
from memq.os.windows.pool_scan import Carved, carved
from memq.os.windows.pool_tags import Allocations, tag_number, tagged
from memq.os.windows.process import ProcessObject
from memq.os.windows.thread import Thread
from memq.run import Run
from memq.schema.batch import Context, Cut
from tests.os.linux.small import SmallTypes
from tests.os.windows.moments import moment
from tests.os.windows.patched import content, patched, written
from tests.synthetic.memory import PAGE, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.image import Image
    from tests.lab import Lab
    from tests.os.windows.images import WindowsImage

RECORDED = {
    "Process": "processes", "Thread": "threads", "Driver": "drivers", "File": "files",
    "Mutant": "mutants", "SymbolicLink": "symlinks",
}  # fmt: skip
"""Where the truth has the objects of each type."""
SCANNED = {
    "Process": ("psscan.PsScan", 3), "Thread": ("thrdscan.ThrdScan", 0),
    "File": ("filescan.FileScan", 0), "Mutant": ("mutantscan.MutantScan", 0),
    "SymbolicLink": ("symlinkscan.SymlinkScan", 0),
}  # fmt: skip
"""What volatility3 calls its searches, and in which column the physical address stands."""
HEADER = """struct _POOL_HEADER {
    unsigned char PreviousSize; unsigned char PoolIndex; unsigned char BlockSize;
    unsigned char PoolType; unsigned int PoolTag; unsigned long ProcessBilled;
};"""


def rows(image: Image, query: str) -> list[dict[str, Any]]:
    return list(image.query(query).rows())


def freed_process(windows: WindowsImage) -> dict[str, Any]:
    return next(one for one in windows.truth["processes"] if one.get("freed"))


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_recorded_is_found_and_nothing_else(
    windows: WindowsImage, opened: Image, kind: str
) -> None:
    found = carved(opened.kernel, Run(), kind)
    recorded = sorted(int(one["offset"], 16) for one in windows.truth[RECORDED[kind]])
    assert found.addresses.tolist() == recorded
    assert (found.unmapped, found.cut) == (0, None)


def test_a_dump_of_used_pages_gives_the_same(windows: WindowsImage) -> None:
    if windows.lab is None:
        pytest.skip("only the raw form of the sample is in this repository")
    with open_image(windows.path("bitmap.dmp")) as image:
        for kind in KINDS:
            found = carved(image.kernel, Run(), kind)
            assert len(found.addresses) == len(windows.truth[RECORDED[kind]])


def test_scan_adds_the_freed_process(windows: WindowsImage, opened: Image) -> None:
    fields = "[pid, ppid, name, address, exit_time, sources, in_active_list, in_pool_scan]"
    listed = rows(opened, f"process.Select({fields})")
    found = rows(opened, f"scan(process).Select({fields})")
    assert found[: len(listed)] == listed
    one = freed_process(windows)
    (added,) = found[len(listed) :]
    assert moment(added.pop("exit_time")) == moment(one["exit_time"])
    assert list(added.values()) == [
        one["pid"], one["ppid"], one["name"], one["offset"], "pool scan", False, True,
    ]  # fmt: skip
    assert all(row["in_pool_scan"] and "pool scan" not in row["sources"] for row in listed)


def test_scan_adds_the_dead_thread(windows: WindowsImage, opened: Image) -> None:
    (added,) = rows(
        opened,
        "scan(thread).Where(!in_process_list && !in_scheduler_list)"
        ".Select([tid, process.pid, state, sources, in_pool_scan])",
    )
    tid = windows.truth["planted"]["dead_thread"]
    owner = next(one["pid"] for one in windows.truth["threads"] if one["tid"] == tid)
    assert added == {
        "tid": tid, "process": {"pid": owner}, "state": "terminated", "sources": "pool scan",
        "in_pool_scan": True,
    }  # fmt: skip


def test_threads_are_told_apart_by_their_processes(opened: Image) -> None:
    context = Context(opened.kernel, Run())
    processes = next(ProcessObject.portions(context)).batch
    threads = processes.collection("thread_object")
    owners = threads.children.rows["process"]
    assert owners.tolist() == processes.rows["address"][threads.owner].tolist()
    carved_ones = next(Thread.carved(context)).batch
    assert carved_ones.rows.keys() == threads.children.rows.keys()
    assert carved_ones.rows["process"].all()


def test_a_process_that_is_gone_is_no_threads_owner(
    windows: WindowsImage, opened: Image, tmp_path: Path
) -> None:
    """Its memory is another's by now."""
    thread = next(one for one in windows.truth["threads"] if one["note"] and "scan" in one["note"])
    offset = opened.kernel.types.required("_ETHREAD").offset("Tcb.Process")
    places = {int(thread["pa"], 16) + offset: int(thread["offset"], 16).to_bytes(8, "little")}
    with open_image(patched(windows, tmp_path, places)) as image:
        (row,) = rows(image, f"scan(thread).Where(tid == {thread['tid']}).Select([process.name])")
    assert row["process"]["_unknown"] == {"name": Reason.NOT_MAPPED.text}


def test_files_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    names = ("read", "write", "delete")
    access = ", ".join(f"{kind}: {kind}_access, s{kind}: shared_{kind}" for kind in names)
    query = f"scan(file).Select({{address: address, name: name, device: device, {access}}})"
    found = {row["address"]: row for row in rows(opened, query)}
    assert found.keys() == {one["offset"] for one in windows.truth["files"]}
    for one in windows.truth["files"]:
        row = found[one["offset"]]
        assert (row["name"], row["device"]) == (one["name"] or None, one["device"])
        flags = [row[kind] for kind in names] + [row[f"s{kind}"] for kind in names]
        assert flags == [letter != "-" for letter in one["access"]]


def test_files_are_known_by_handles_and_by_mappings(windows: WindowsImage, opened: Image) -> None:
    known = {row["sources"]: row["n"] for row in rows(
        opened, "file.GroupBy(sources).Select({sources: key, n: items.Count()})"
    )}  # fmt: skip
    handles = {
        handle["object"] for one in windows.truth["processes"] for handle in one.get("handles", ())
        if handle["type"] == "File"
    }  # fmt: skip
    mapped = {
        vad["file"] for one in windows.truth["processes"] for vad in one.get("vads", ())
        if vad.get("file")
    }  # fmt: skip
    assert known["handles"] == len(handles)
    assert known["vads"] == len(mapped)
    vads = rows(opened, "file.Where(in_vads).Select([in_handles, in_pool_scan, image_section])")
    assert len(vads) == len(mapped)
    assert all(row["in_pool_scan"] and not row["in_handles"] for row in vads)


def test_a_driver_that_no_directory_has_is_found(windows: WindowsImage, tmp_path: Path) -> None:
    name = windows.truth["planted"]["hidden_driver"]
    driver = next(one for one in windows.truth["drivers"] if one["name"] == name)
    data = content(windows)
    pointer = int(driver["offset"], 16).to_bytes(8, "little")
    with open_image(written(tmp_path, data.replace(pointer, bytes(8)))) as image:
        fields = "[sources, in_object_directory, in_load_list, in_pool_scan, address]"
        query = f"{{}}.Where(object_address == {driver['offset']}).Select({fields})"
        assert rows(image, query.format("driver")) == []
        (row,) = rows(image, query.format("scan(driver)"))
    assert list(row.values()) == ["pool scan", False, False, True, driver["offset"]]


def test_modules_without_object_are_none_that_a_scan_finds(opened: Image) -> None:
    found = rows(opened, "driver.Select({object: object_address, found: in_pool_scan})")
    assert all(row["found"] is (None if row["object"] is None else True) for row in found)


def test_what_no_address_shows_is_counted(windows: WindowsImage, tmp_path: Path) -> None:
    place = int(freed_process(windows)["pa"], 16) & -PAGE
    data = content(windows)
    places = {len(data): bytes(data[place : place + PAGE])}
    with open_image(patched(windows, tmp_path, places)) as image:
        answer = image.query("scan(process).Count()")
        assert list(answer.rows()) == [len(windows.truth["processes"])]
        assert list(answer.run.notes) == [
            "1 more Process object in memory that no address of the kernel shows: left out"
        ]


def test_large_allocations_are_searched_too(
    windows: WindowsImage, opened: Image, tmp_path: Path
) -> None:
    """Without its header an object is found where the table of big allocations has it."""
    one = freed_process(windows)
    place, address = int(one["pa"], 16), int(one["offset"], 16)
    tag = content(windows).rindex(b"Pro", 0, place)
    start = address - (place - (tag + 12))  # what is allocated begins behind the header
    (entry,) = rows(opened, "big_pool.Take(1).Select([entry_address])")
    at = opened.kernel.space.translate(int(entry["entry_address"], 16))
    places = {tag: b"Gone", at: (start | 1).to_bytes(8, "little") + b"Proc"}
    with open_image(patched(windows, tmp_path, places)) as image:
        found = rows(image, 'scan(process).Where(sources == "pool scan").Select([pid])')
    assert found == [{"pid": one["pid"]}]


def test_a_table_of_large_allocations_that_is_not_whole_is_told(
    windows: WindowsImage, opened: Image, tmp_path: Path
) -> None:
    size = opened.kernel.optional("PoolBigPageTableSize")
    places = {opened.kernel.space.translate(size): (1 << 40).to_bytes(8, "little")}
    with open_image(patched(windows, tmp_path, places)) as image:
        answer = image.query("process.Where(!in_pool_scan)")
        list(answer.rows())
        assert not answer.run.undecided  # all of them are found by their tags
        answer = image.query("scan(process)")
        list(answer.rows())
    assert any(note.startswith("table of big allocations") for note in answer.run.notes)


@pytest.fixture(scope="module")
def nt52(lab: Lab) -> Iterator[Image]:
    with open_image(lab.unpacked("windows/nt52/nt52-x86.raw.xz")) as image:
        yield image


@pytest.mark.parametrize("kind", SCANNED)
def test_a_real_kernel_gives_what_volatility3_finds(lab: Lab, nt52: Image, kind: str) -> None:
    plugin, column = SCANNED[kind]
    folder = lab.folder / "windows" / "nt52" / "volatility3"
    lines = (folder / f"windows.{plugin}.txt").read_text().splitlines()
    wanted = {int(line.split("\t")[column], 16) for line in lines if "\t0x" in f"\t{line}"}
    found = carved(nt52.kernel, Run(), kind)
    assert wanted
    assert wanted <= set(found.places.tolist())


# The search itself


def small(memory: Memory, folder: Path) -> Any:
    """Return a kernel of which there is no more than memory and the type of a pool's header."""
    return SimpleNamespace(
        types=SmallTypes(HEADER),
        physical=memory.open(folder),
        space=SimpleNamespace(word_size=8),
    )


def header(tag: bytes, blocks: int) -> bytes:
    return bytes([0, 0, blocks, 0]) + tag + bytes(8)


def found_in(memory: Memory, folder: Path) -> Allocations:
    return tagged(small(memory, folder), Run(), [tag_number("Process"), tag_number("File")])


def test_tags_are_found_with_and_without_the_bit_that_protects_them(tmp_path: Path) -> None:
    memory = Memory()
    start = memory.allocate(2 * PAGE)
    memory.write(start + 0x10, header(b"Pro\xe3", 3))
    memory.write(start + PAGE + 0x40, header(b"File", 5))
    memory.write(start + 0x80, header(b"Thre", 9))
    memory.write(start + 0xC8, header(b"File", 7))  # no header stands at such an address
    found = found_in(memory, tmp_path)
    assert found.places.tolist() == [start + 0x10, start + PAGE + 0x40]
    assert found.tags.tolist() == [tag_number("Proc"), tag_number("File")]
    assert found.sizes.tolist() == [48, 80]
    assert (found.header_size, found.cut) == (16, None)


def test_memory_need_not_begin_at_a_header(tmp_path: Path) -> None:
    memory = Memory()
    start = memory.allocate(PAGE)
    memory.write(start + 0x30, header(b"File", 5))
    memory.remove(start, 0x19)
    memory.remove(start + 0x41, 7)
    assert found_in(memory, tmp_path).places.tolist() == [start + 0x30]


def test_a_search_that_finds_too_much_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_tags, "_MOST", 3)
    memory = Memory()
    start = memory.allocate(PAGE)
    memory.write(start, header(b"File", 5) * 10)
    cut = found_in(memory, tmp_path).cut
    assert cut is not None
    assert cut.reason is Reason.LIMIT


def test_a_search_can_be_stopped(tmp_path: Path) -> None:
    memory = Memory()
    memory.allocate(PAGE)
    with pytest.raises(Cancelled):
        tagged(small(memory, tmp_path), Run(cancelled=True), [1])


def test_a_kernel_without_the_type_says_so(tmp_path: Path) -> None:
    memory = Memory()
    memory.allocate(PAGE)
    kernel = small(memory, tmp_path)
    kernel.types = SmallTypes("")
    cut = tagged(kernel, Run(), [1]).cut
    assert cut is not None
    assert cut.reason is Reason.NOT_IN_KERNEL


def test_a_triage_minidump_is_not_searched() -> None:
    kernel: Any = SimpleNamespace(triage=object())
    found = carved(kernel, Run(), "Process")
    assert found.cut is not None
    assert found.cut.reason is Reason.NOT_IN_DUMP
    assert not len(found.addresses)


def addresses(*values: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(values, np.uint64)


def test_one_object_at_two_addresses_is_one() -> None:
    found = Carved(addresses(0x10, 0x20, 0x30), addresses(1, 2, 1), 0, None)
    assert found.without(addresses(0x30)).tolist() == [0x20]
    assert found.without(addresses()).tolist() == [0x10, 0x20]


def test_what_a_search_that_ended_did_not_find_is_unknown() -> None:
    found = Carved(addresses(0x10), addresses(1), 0, Cut(Reason.LIMIT, "cut short"))
    held = found.holds(addresses(0x10, 0x20))
    assert held.statuses.tolist() == [0, Reason.LIMIT]
