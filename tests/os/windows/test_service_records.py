"""Services that services.exe has records of, joined with those of the registry, in built images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from memq.image import Image, open_image
from memq.os.windows.service import STARTS
from memq.os.windows.service_records import STATES
from memq.run import Run
from tests.synthetic.windows.isf import table_of, with_symbols
from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.options import Options
from tests.synthetic.windows.published import service_layouts
from tests.synthetic.windows.service_records import ServiceRecords
from tests.synthetic.windows.truth import ValueTruth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from memq.symbols.tables import ImageTable
    from tests.lab import Lab
    from tests.synthetic.windows.truth import ServiceRecordTruth

    Fill = Callable[[ServiceRecords], object]

X64, PAE = "ntkrnlmp-10.0.19041.329", "types-only-vergilius-6.1.7601.17514-x86"
BUILDS = (
    (7601, "x64"), (9200, "x64"), (15063, "x64"), (17763, "x64"), (18362, "x64"), (19041, "x64"),
    (26100, "x64"), (7601, "pae"), (14393, "pae"), (19041, "pae"),
)  # fmt: skip
KEYS = ("Dhcp", "EVENTLOG", "Disk", "Unused")
SERVICES = "ControlSet001\\Services"
HEAP = 0x2A_0000
NOWHERE = 0x6666_0000
"""An address at which the process has no memory."""


class Maker:
    """Builds images with records and opens them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._tables: dict[Path, ImageTable] = {}
        self.truth: list[ServiceRecordTruth] = []

    def image(self, build: int, paging: str, fill: Fill, program: str = "services.exe") -> Image:
        """Return an image whose services.exe has what `fill` makes."""
        path, table = self._table(X64 if paging == "x64" else PAE)
        machine = Machine(table, Options(build=build, paging=paging))
        machine.process(700, "svchost.exe")
        process = machine.process(520, program)
        process.vad(HEAP, 0x40)
        part = machine.peb(process, 0x40_0000, f"C:\\{program}", program)
        fill(ServiceRecords(part, service_layouts(build, is_64_bit=paging == "x64")))
        keys: dict[str, dict[str, ValueTruth]] = {"ControlSet001": {}, SERVICES: {}}
        for name in KEYS:
            keys[f"{SERVICES}\\{name}"] = {"Start": ValueTruth(4, b"\3\0\0\0")}
        file = "\\SystemRoot\\System32\\Config\\SYSTEM"
        machine.registry.hive("\\REGISTRY\\MACHINE\\SYSTEM", keys, file=file)
        image, raw = machine.finish(), self._folder / "memory.raw"
        self.truth = image.truth.service_records
        image.save_raw(raw)
        if not machine.kernel.image.has_table:
            path = with_symbols(path, image.rvas, self._folder / "table.json")
        root, base = image.dtb, image.kernel_base
        return open_image(raw, profile=path, directory_table_base=root, kernel_base=base)

    def _table(self, prefix: str) -> tuple[Path, ImageTable]:
        paths = sorted((self._lab.folder / "windows" / "isf").glob(f"{prefix}*"))
        if not paths:
            pytest.skip(f"the lab has no symbol table {prefix}")
        if paths[0] not in self._tables:
            self._tables[paths[0]] = table_of(paths[0])
        return paths[0], self._tables[paths[0]]


@pytest.fixture(scope="module")
def maker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(lab, tmp_path_factory.mktemp("services"))


def some(records: ServiceRecords) -> None:
    """Add a service in a process, one that is stopped, a driver, and one without a key."""
    records.add("Dhcp", kind=0x20, pid=700, path="C:\\svchost.exe -k network")
    records.add("eventlog", state=1, start=3)
    records.add("Disk", kind=1, start=0, path="\\Driver\\Disk")
    records.add("Evil", kind=0x110, state=7, start=4, pid=4000, path="C:\\Users\\evil.exe")


def rows(image: Image, fields: str, run: Run | None = None) -> dict[str, Any]:
    """Return fields of each service by its name."""
    found = image.query(f"service.Select({{name: name, {fields}}})", run).rows()
    return {row.pop("name"): row for row in found}


@pytest.mark.parametrize(("build", "paging"), BUILDS)
def test_layouts_of_builds(maker: Maker, build: int, paging: str) -> None:
    fields = "at: record_address, state: state, pid: process_id, path: running_path, all: sources"
    with maker.image(build, paging, some) as image:
        found = rows(image, fields)
    unused, names = found.pop("Unused"), {name.casefold(): name for name in found}
    assert set(unused.values()) >= {None, "registry"}
    assert len(found) == len(maker.truth)
    for one in maker.truth:
        known = "services.exe" if one.name == "Evil" else "registry, services.exe"
        assert found[names[one.name.casefold()]] == {
            "at": hex(one.offset), "state": STATES[one.state - 1], "pid": one.pid,
            "path": one.path, "all": known,
        }  # fmt: skip


def test_what_the_registry_does_not_have_comes_from_the_record(maker: Maker) -> None:
    fields = (
        "title: display_name, start: start_type, kind: service_type, driver: is_driver, "
        "path: image_path, key: key.path, here: in_registry, there: in_service_records, "
        "program: process.name"
    )
    with maker.image(19041, "x64", some) as image:
        found = rows(image, fields)
    assert found["Evil"] == {
        "title": "The Evil", "start": STARTS[4], "kind": 0x110, "driver": False, "path": None,
        "key": None, "here": False, "there": True, "program": None,
    }  # fmt: skip
    dhcp = found["Dhcp"]
    assert (dhcp["title"], dhcp["start"], dhcp["program"]) == (None, "manual", "svchost.exe")
    assert (dhcp["here"], dhcp["there"], found["Unused"]["there"]) == (True, True, False)


def test_no_layout_finds_the_records_of_another(maker: Maker) -> None:
    def fill(records: ServiceRecords) -> None:
        records.layouts = service_layouts(7601, is_64_bit=True)
        some(records)

    run = Run()
    with maker.image(19041, "x64", fill) as image:
        found = rows(image, "state: state, there: in_service_records", run)
    assert set(found) == set(KEYS)
    assert all(row["there"] is None for row in found.values())
    assert list(run.notes) == ["no service records found in the memory of services.exe"]


def test_a_chain_that_leads_nowhere_says_so(maker: Maker) -> None:
    def fill(records: ServiceRecords) -> None:
        records.add("Lost")
        first = records.add("Dhcp", state=1)
        records.set("_SERVICE_RECORD", first, "PrevEntry", NOWHERE)
        loop = records.add("Disk", state=1)
        assert loop != first

    run = Run()
    with maker.image(19041, "x64", fill) as image:
        found = rows(image, "state: state, there: in_service_records", run)
    assert found["Disk"] == {"state": "stopped", "there": True}
    assert found["Unused"]["there"] is None  # one may be beyond the end
    assert any(f"cut short at {NOWHERE:#x}" in note for note in run.notes)


def test_loops_and_odd_records_end_the_walk(maker: Maker) -> None:
    def fill(records: ServiceRecords) -> None:
        first = records.add("Dhcp", state=1)
        second = records.add("Disk", state=1)
        records.set("_SERVICE_RECORD", first, "PrevEntry", second)
        for member, value in (("State", 8), ("Start", 5), ("Type", 0x400), ("ServiceName", 0)):
            other = ServiceRecords(records.part, records.layouts)
            odd = other.add("Odd", state=1)
            other.set("_SERVICE_RECORD", odd, member, value)

    with maker.image(19041, "x64", fill) as image:
        found = rows(image, "state: state, there: in_service_records")
    assert set(found) == set(KEYS)
    assert [name for name, row in found.items() if row["there"]] == ["Dhcp", "Disk"]
    assert found["Unused"]["there"] is False


def test_two_records_of_one_name(maker: Maker) -> None:
    def fill(records: ServiceRecords) -> None:
        records.add("Dhcp", state=1)
        records.add("DHCP", state=4, pid=700, path="x.exe")

    with maker.image(19041, "x64", fill) as image:
        found = rows(image, "state: state, here: in_registry, key: key.name")
    assert found["Dhcp"] == {"state": "stopped", "here": True, "key": "Dhcp"}
    assert found["DHCP"] == {"state": "running", "here": True, "key": None}


def test_without_services_exe(maker: Maker) -> None:
    run = Run()
    with maker.image(19041, "x64", some, program="other.exe") as image:
        found = rows(image, "state: state", run)
    assert set(found) == set(KEYS)
    assert list(run.notes) == ["service records not searched for: no process services.exe is known"]
