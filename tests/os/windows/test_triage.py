"""Real triage minidumps: what they have is told, and that it is not all."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from memq.errors import SymbolError
from memq.image import Image, open_image
from memq.run import Run
from tests.conftest import NO_LAB
from tests.lab import Lab
from tests.os.windows.asking import ask_everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.os.windows.kernel import WindowsKernel


def opened(name: str) -> Image:
    lab = Lab.find()
    if lab is None or not (lab.folder / "windows").is_dir():
        pytest.skip(NO_LAB)
    return open_image(lab.folder / "windows" / "triage" / name)


@pytest.fixture(scope="module")
def x64() -> Iterator[Image]:
    with opened("triage-win10-19041-x64.dmp") as image:
        yield image


@pytest.fixture(scope="module")
def arm64() -> Iterator[Image]:
    with opened("triage-win11-22000-arm64.dmp") as image:
        yield image


def test_the_table_is_known_by_three_addresses(x64: Image) -> None:
    kernel = cast("WindowsKernel", x64.kernel)
    assert kernel.choice.is_exact
    assert not x64.warnings
    version = list(x64.query("kernel.Select(version)").rows())
    assert version == ["19041.1.amd64fre.vb_release.191206-1406"]


def test_the_one_process_is_there_and_the_list_is_cut(x64: Image) -> None:
    run = Run()
    rows = list(x64.query("process.Select([pid, name])", run).rows())
    assert rows == [{"pid": 4, "name": "System"}]
    assert list(run.notes) == ["processes: a triage minidump has only the one that ran"]


def _isf(name: str) -> Path:
    lab = Lab.find()
    assert lab is not None
    return lab.folder / "windows" / "isf" / name


def test_a_given_table_of_another_kernel_has_only_types(x64: Image) -> None:
    isf = _isf("ntkrnlmp-10.0.19041.3570-606FF669409B00F7FC8C61A9C1670129-1.json.xz")
    with open_image(x64.physical.path, profile=isf) as image:
        assert not image.kernel.choice.is_exact
        (warning,) = image.warnings
        assert warning.endswith("where the dump's header has it not: only types are used")
        rvas = x64.kernel.symbols.rvas
        assert image.kernel.symbols.rvas.items() <= rvas.items()
        assert list(image.query("process.Select(pid)").rows()) == [4]


def test_a_given_folder_is_no_error(x64: Image, tmp_path: Path) -> None:
    with open_image(x64.physical.path, profile=tmp_path) as image:
        assert image.kernel.choice.is_exact


def test_what_is_given_and_not_used_is_told(x64: Image) -> None:
    with open_image(x64.physical.path, directory_table_base=0x1AD000) as image:
        assert image.warnings == [
            "the page tables that were given are not used: a triage minidump has no page tables"
        ]


def test_the_crash(x64: Image, arm64: Image) -> None:
    query = "crash.Select([code, code_name, processors, exception_code, time])"
    assert list(x64.query(query).rows()) == [
        {
            "code": "0x1000007e",
            "code_name": "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M",
            "processors": 16,
            "exception_code": "0x80000003",
            "time": "2021-02-21T01:38:22.987765Z",
        }
    ]
    rows = list(arm64.query("crash.Select([code, processors])").rows())
    assert rows == [{"code": "0x1c8", "processors": 8}]


def test_what_has_no_types_is_unknown(arm64: Image) -> None:
    assert "no profile fits it" in arm64.warnings[0]
    query = "process.Where(pid == 4 || pid != 4)"
    answer = arm64.query(query)
    rows = list(answer.rows())
    assert [row for row in rows if "pid" in row] == []
    assert answer.run.undecided


def test_drivers_are_those_that_the_dump_names(x64: Image, arm64: Image) -> None:
    assert list(x64.query("driver.Count()").rows()) == [151]
    assert list(arm64.query("driver.Count()").rows()) == [245]
    for image in (x64, arm64):
        first = next(iter(image.query("driver.Select([name, base, in_load_list])").rows()))
        base = f"{image.kernel.image.base:#x}"
        assert first == {"name": "ntoskrnl.exe", "base": base, "in_load_list": True}
        (answer,) = image.query("driver.Take(1).Select(is_unknown(in_object_directory))").rows()
        assert answer is True


def test_unloaded_drivers(x64: Image, arm64: Image) -> None:
    names = ["dam.sys", "WdBoot.sys", "hwpolicy.sys", "mcupdate.dll"]
    assert list(x64.query("unloaded_driver.Select(name)").rows()) == names
    assert list(arm64.query("unloaded_driver.Count()").rows()) == [11]


def test_the_thread_that_crashed(x64: Image) -> None:
    query = "thread.Where(is_known(thread_id)).Select([address, start_module, process.pid])"
    crashed = list(x64.query("crash.Select(thread_address)").rows())
    rows = list(x64.query(query).rows())
    assert [row["address"] for row in rows] == crashed
    assert rows[0]["process"]["pid"] == 4
    assert rows[0]["start_module"].endswith((".sys", ".exe"))
    # Its process's lists are not there to tell, and no search has found it.
    (known,) = x64.query("thread.Where(is_known(thread_id)).Select(is_known(sources))").rows()
    assert known is False


def test_every_field_is_answered_whatever_is_known_of_its_types(x64: Image, arm64: Image) -> None:
    """What belongs to what is there is unknown; where nothing tells of any, what to do is said."""
    refused: set[str] = set()
    assert ask_everything(x64).known > 1000
    assert ask_everything(arm64, refused=refused).known > 100
    assert not refused & {"process", "driver", "unloaded_driver", "kernel", "crash", "callback"}
    with pytest.raises(SymbolError, match="give its table with --profile"):
        list(arm64.query("service").rows())


def test_no_collection_of_unknown_types_is_empty(arm64: Image) -> None:
    parts = "thread, vad, handle, module, environment, token.group, token.privilege"
    query = ", ".join(f"a{n}: {part}.Count()" for n, part in enumerate(parts.split(", ")))
    (row,) = arm64.query(f"process.Select({{{query}}})").rows()
    assert row == {**dict.fromkeys((f"a{n}" for n in range(7)), None), "_unknown": row["_unknown"]}


def test_the_processor_that_wrote_the_dump(x64: Image) -> None:
    run = Run()
    rows = list(x64.query("processor.Select([address, number, current_thread])", run).rows())
    part = cast("WindowsKernel", x64.kernel).triage
    assert part is not None
    assert part.processor is not None
    own = [row for row in rows if row["address"] == f"{part.processor.address:#x}"]
    (crashed,) = x64.query("crash.Select(thread_address)").rows()
    assert [row["current_thread"] for row in own] == [crashed]
    assert list(run.notes) == ["processors cut short: memory not in the dump"]
