"""A dump as Python sees it: rows, what is read for them, and what is not."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import memq
from memq.cli import main
from memq.errors import ImageError, QueryError, SymbolError
from memq.image import Image
from memq.os.linux.descriptor import Descriptor
from memq.os.linux.process import Task
from memq.os.linux.vma import Vma
from memq.run import Run
from memq.schema.batch import Context
from tests.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.column import Addresses
    from tests.lab import Lab


@pytest.fixture(scope="module")
def image(sample: Path) -> Iterator[Image]:
    with memq.open(sample) as opened:
        yield opened


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def processes(image: Image) -> Task:
    """All processes, by their addresses; in a context of its own, so that nothing else is read."""
    parts = [p.batch for p in Task.portions(Context(image.kernel, Run()))]
    return Task.concatenate([part for part in parts if isinstance(part, Task)])


def test_rows_are_what_json_output_holds(
    image: Image, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for query in (
        "process.Take(20)",
        "process.Select([pid, vad.name, handle.descriptor])",
        "process.Select(name)",
        "process.Count()",
        "process.Where(pid < 0)",
    ):
        rows = list(image.query(query).rows())
        assert main([str(sample), "-e", query, "-o", "json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert rows == (printed if isinstance(printed, list) else [printed])
        assert rows or "pid < 0" in query


def test_the_readmes_way(sample: Path) -> None:
    with memq.open(str(sample)) as image:
        rows = list(image.query("process.Where(name == 'systemd').Select([pid])").rows())
    assert rows[0] == {"pid": 1}
    with pytest.raises(AttributeError, match="nothing"):
        _ = memq.nothing


def test_a_query_reads_nothing_before_rows_are_pulled(image: Image, reads: Reads) -> None:
    query = "process.Where(vad.is_executable && name == 'x').Select([pid, handle.name])"
    answer = image.query(query)
    rows = answer.rows()
    assert reads.count == 0
    assert list(rows) == []
    assert reads.count > 0


@pytest.mark.parametrize("query", ["process.Where(nme == 'x')", "process.(", "proces.Take(1)"])
def test_a_bad_query_is_refused_before_anything_is_read(
    image: Image, reads: Reads, query: str
) -> None:
    with pytest.raises(QueryError):
        image.query(query)
    assert reads.count == 0


def descriptor_tables(image: Image) -> tuple[Addresses, Addresses]:
    """Places and sizes, in physical memory, of each table of descriptors and its bitmaps."""
    tables = processes(image).raw.follow("files", "files_struct").follow("fdt", "fdtable")
    known = np.flatnonzero(tables["fd"].known)
    tables = tables.take(known)
    count = tables["max_fds"].values.astype(np.uint64)
    virtual = np.concatenate(
        [tables.addresses, tables["fd"].values, tables["open_fds"].values]
    ).astype(np.uint64)
    sizes = np.concatenate([np.full(len(count), 16, np.uint64), count * np.uint64(8), count // 8])
    virtual, first = np.unique(virtual, return_index=True)
    places, status = image.kernel.space.translate_many(virtual)
    assert not status.any()
    return places, sizes[first]


def test_a_query_that_names_no_handle_touches_no_table_of_descriptors(
    sample: Path, reads: Reads
) -> None:
    with memq.open(sample) as image:
        places, sizes = descriptor_tables(image)
    assert len(places) > 50
    with memq.open(sample) as image:
        reads.clear()
        for query in (
            "process.Where(vad.is_executable && vad.file_name != null)",
            "vad",
            "process.Select([pid, uid, state, command_line, image_path, vad.file_name])",
            "driver",
            "syscall",
        ):
            assert list(image.query(query).rows())
        assert reads.touched(places, sizes) == 0
        # The same counter sees them as soon as a handle is named.
        assert list(image.query("process.Select([pid, handle.descriptor])").rows())
        assert reads.touched(places, sizes) == len(places)


def test_the_first_processes_cost_no_walk_of_all(
    sample: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    with memq.open(sample) as image:
        tasks = processes(image)
        places, status = image.kernel.space.translate_many(tasks.rows["address"])
        size = image.kernel.types.required("task_struct").size
    assert not status.any()
    assert len(places) > 100
    sizes = np.full(len(places), size, np.uint64)

    def walked(*_: object) -> None:
        pytest.fail("a collection is walked, and none is named")

    monkeypatch.setattr(Vma, "of", walked)
    monkeypatch.setattr(Descriptor, "of", walked)
    with memq.open(sample) as image:
        reads.clear()
        rows = list(image.query("process.Take(3)").rows())
        assert [row["process_id"] for row in rows] == [1, 2, 3]
        # Sixteen at a time, the two that they are children of among them, and the next in the list.
        assert 3 <= reads.touched(places, sizes) <= 18
        assert len(list(image.query("process").rows())) == len(places)
        assert reads.touched(places, sizes) == len(places)


def test_only_the_processes_that_are_asked_for_have_their_trees_walked(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[int] = []
    of = Vma.of

    def counting(processes: Task, *more: object) -> object:
        walked.append(len(processes))
        return of(processes, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Vma, "of", counting)
    rows = list(image.query("process.Take(3).Select([pid, vad.start])").rows())
    assert len(rows) == 3
    assert walked == [3]
    walked.clear()
    list(image.query("process.Where(pid == 1 && vad.is_executable)").rows())
    assert sum(walked) == 1


def test_an_image_is_closed(sample: Path) -> None:
    with memq.open(sample) as image:
        answer = image.query("process")
    with pytest.raises(ImageError):
        list(answer.rows())
    image.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts /proc/self/fd")
def test_a_dump_that_is_refused_is_closed_too(tmp_path: Path) -> None:
    path = tmp_path / "no.dump"
    path.write_bytes(os.urandom(1 << 20))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - not a folder of files
    with pytest.raises(SymbolError) as caught:
        Image(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert str(path) in str(caught.value)


def test_types_from_a_profile_give_the_same(image: Image, sample: Path, lab: Lab) -> None:
    profile = lab.folder / "linux" / "deb12-6.1.isf.json.xz"
    query = "process.Select([pid, name, create_time, vad.start, vad.file_name, handle.name])"
    with memq.open(sample, profile=profile) as other:
        assert list(other.query(query).rows()) == list(image.query(query).rows())


def test_a_profile_that_is_none(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sample), "--profile", __file__, "-e", "process"]) == 3
    assert capsys.readouterr().err.startswith(f"memq: error: {__file__}: no symbol table")
