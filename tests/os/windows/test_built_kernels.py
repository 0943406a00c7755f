"""Threads, drivers and the kernel's own tables of builds that no sample is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from memq.image import open_image
from memq.os.windows.thread import STATES
from tests.synthetic.windows.isf import table_of, with_symbols
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Image
    from tests.lab import Lab
    from tests.synthetic.windows.truth import Truth

BUILDS = {
    (9600, "x64"): "ntkrnlmp-6.3.9600.20237",
    (20348, "x64"): "ntkrnlmp-10.0.20348.288",
    (7601, "pae"): "types-only-vergilius-6.1.7601.17514-x86",
}
KINDS = {
    "PspCreateProcessNotifyRoutine": "process",
    "PspCreateThreadNotifyRoutine": "thread",
    "PspLoadImageNotifyRoutine": "image",
    "CmRegisterCallbackEx": "registry",
    "KeBugCheckCallbackListHead": "bug check",
    "KeBugCheckReasonCallbackListHead": "bug check reason",
    "IoRegisterFsRegistrationChange": "file system",
}


class Built:
    """An image that was built, and what is in it."""

    def __init__(self, image: Image, truth: Truth) -> None:
        self.image = image
        self.truth = truth

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Return the values of each row, an owner's as its own; addresses as numbers."""
        return [
            tuple(_plain(value) for name, value in row.items() if name != "_unknown")
            for row in self.image.query(query).rows()
        ]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        (value,) = value.values()
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else value


@pytest.fixture(scope="module", params=BUILDS, ids=lambda which: f"{which[0]}-{which[1]}")
def built(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    build, paging = request.param
    paths = sorted((lab.folder / "windows" / "isf").glob(f"{BUILDS[request.param]}*"))
    if not paths:
        pytest.skip(f"the lab has no symbol table {BUILDS[request.param]}")
    scene = Scene(table_of(paths[0]), Options(build=build, paging=paging))
    folder = tmp_path_factory.mktemp("built")
    path, table = folder / "memory.raw", paths[0]
    scene.image.save_raw(path)
    if paging != "x64":
        table = with_symbols(table, scene.image.rvas, folder / "table.json")
    with open_image(path, profile=table) as image:
        yield Built(image, scene.image.truth)


def test_threads(built: Built) -> None:
    query = (
        "thread.Select([process.process_id, thread_id, address, start_address, "
        "win32_start_address, state, sources])"
    )
    listed = {one.pid for one in built.truth.processes}
    assert sorted(built.rows(query), key=str) == sorted(
        (
            (one.pid, one.tid, one.offset, one.start, one.win32_start, STATES[one.state],
             "process list, scheduler list")
            for one in built.truth.threads
            if one.pid in listed
        ),
        key=str,
    )  # fmt: skip


def test_modules_and_drivers(built: Built) -> None:
    modules = [one for one in built.truth.modules if one.listed]
    assert built.rows("driver.Where(in_load_list).Select([address, name, base, size, path])") == [
        (one.offset, one.name, one.base, one.size, one.path) for one in modules
    ]
    query = "driver.Where(in_object_directory).Select([object_address, object_name, service_key])"
    assert built.rows(query) == [
        (one.offset, one.name, one.service_key) for one in built.truth.drivers
    ]
    query = "driver.device.Select([driver.object_name, name])"
    assert built.rows(query) == [
        (one.name, name) for one in built.truth.drivers for name in one.devices
    ]


def test_functions_of_drivers(built: Built) -> None:
    for driver in built.truth.drivers:
        name = driver.name.rpartition("\\")[2]
        query = f'driver.Where(service_key == "{name}").major_function.Select([index, address])'
        assert built.rows(query) == list(enumerate(driver.irp))


def test_system_calls(built: Built) -> None:
    query = 'syscall.Where(table == "kernel").Select([index, address, name, is_hooked])'
    rows = built.rows(query)
    assert [row[:2] for row in rows] == [(one.index, one.address) for one in built.truth.ssdt]
    if built.image.kernel.is_64_bit:  # of x86 there are types only
        assert [row[3] for row in rows] == [one.hooked for one in built.truth.ssdt]
        named = [(row, one) for row, one in zip(rows, built.truth.ssdt, strict=True) if one.name]
        assert [row[2] for row, _ in named] == [one.name for _, one in named]
    else:
        assert {row[3] for row in rows if row[2] is None and row[0] != 7} == {None}
        assert rows[7][3] is True


def test_callbacks(built: Built) -> None:
    rows = built.rows("callback.Select([kind, address, block])")
    assert sorted(rows, key=str) == sorted(
        ((KINDS[one.type], one.function, one.block) for one in built.truth.callbacks), key=str
    )


def test_timers(built: Built) -> None:
    rows = built.rows("timer.Select([address, routine, period, due_time, module])")
    assert len(rows) == len(built.truth.timers)
    recorded = {one.offset: one for one in built.truth.timers}
    for address, routine, period, due, module in rows:
        one = recorded[address]  # type: ignore[index]
        assert (routine, module) == (one.routine, "disk.sys")
        assert period == one.period / 1000
        assert due == pytest.approx(one.due / 10_000_000)


def test_unloaded_drivers(built: Built) -> None:
    assert built.rows("unloaded_driver.Select([name, base, end])") == [
        (one.name, one.start, one.end) for one in reversed(built.truth.unloaded)
    ]


def test_interrupts_of_each_processor(built: Built) -> None:
    rows = built.rows("interrupt.Select([processor, vector])")
    assert rows == [(number, vector) for number in range(2) for vector in range(256)]
