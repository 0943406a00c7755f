"""Drivers of Windows images, held to the truth; lists and chains that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.errors import Reason
from memq.os.windows.device import Device
from memq.os.windows.driver import DriverObject
from memq.os.windows.major_function import NAMES, MajorFunction
from memq.os.windows.unloaded_driver import UnloadedDriver
from tests.os.linux.small import BASE
from tests.os.windows.moments import moment
from tests.os.windows.written import IMAGE, SmallWindows

if TYPE_CHECKING:
    from pathlib import Path

    from memq.image import Image
    from tests.os.windows.images import WindowsImage

DRIVERS = (
    "driver.Select({address: address, name: name, path: path, base: base, size: size, "
    "in_load_list: in_load_list, object: object_address, object_name: object_name, "
    "service_key: service_key, timestamp: timestamp, in_directory: in_object_directory})"
)


def test_modules_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = [row for row in opened.query(DRIVERS).rows() if row["in_load_list"]]
    listed = [one for one in windows.truth["modules"] if one["listed"]]
    assert len(found) == len(listed)
    for row, one in zip(found, listed, strict=True):
        assert row["address"] == one["offset"]
        assert row["size"] == int(one["size"], 16)
        assert row["timestamp"] == int(one["timestamp"], 16)
        for name in ("name", "path", "base"):
            assert row[name] == one[name]


def test_driver_objects_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = {row["object"]: row for row in opened.query(DRIVERS).rows() if row["object"]}
    assert found.keys() == {one["offset"] for one in windows.truth["drivers"]}
    for one in windows.truth["drivers"]:
        row = found[one["offset"]]
        assert row["object_name"] == one["name"]
        assert row["service_key"] == one["service_key"]
        assert row["base"] == one["start"]
        assert row["size"] == int(one["size"], 16)
        assert row["in_load_list"] is not one["hidden_module"]
        assert row["in_directory"]


def test_the_hidden_driver_is_known_by_its_object_alone(
    windows: WindowsImage, opened: Image
) -> None:
    query = "driver.Where(!in_load_list).Select([object_name, name, path, sources])"
    name = windows.truth["planted"]["hidden_driver"]
    assert [list(row.values()) for row in opened.query(query).rows()] == [
        [name, name.rpartition("\\")[2], None, "object directory"]
    ]


def test_functions_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = (
        "driver.major_function.Select({driver: driver.object_name, name: name, "
        "address: address, hooked: is_hooked, module: module})"
    )
    found = {(row["driver"], row["name"]): row for row in opened.query(query).rows()}
    recorded = {
        (one["name"], f"IRP_MJ_{name}"): address
        for one in windows.truth["drivers"]
        for name, address in one["irp"].items()
    }
    assert {key: row["address"] for key, row in found.items()} == recorded
    hooked = {
        (one["name"], f"IRP_MJ_{name}")
        for one in windows.truth["drivers"]
        for name in one["irp_hooked"]
    }
    assert {key for key, row in found.items() if row["hooked"]} == hooked
    assert len(hooked) == 1
    assert all(found[key]["module"] is None for key in hooked)


def test_devices_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = (
        "driver.device.Select({driver: driver.object_name, address: address, name: name, "
        "type: device_type, attached: attached_device})"
    )
    rows = list(opened.query(query).rows())
    recorded = {
        (one["name"], device["offset"]): (device["name"], device["type"])
        for one in windows.truth["drivers"]
        for device in one["devices"]
    }
    assert {(row["driver"], row["address"]): (row["name"], row["type"]) for row in rows} == recorded
    named = {row["name"]: row for row in rows}
    attached = {
        device["attached_to"]: device["offset"]
        for one in windows.truth["drivers"]
        for device in one["devices"]
        if "attached_to" in device
    }
    for below, above in attached.items():
        assert named[below]["attached"] == above


def test_unloaded_drivers_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    query = "unloaded_driver.Select({name: name, start: base, end: end, time: unload_time})"
    rows = list(opened.query(query).rows())
    recorded = windows.truth["unloaded"]
    # The latest stands first.
    for row, one in zip(rows, reversed(recorded), strict=True):
        assert moment(row.pop("time")) == moment(one["time"])
        assert row == {name: one[name] for name in row}


# Small kernels

SOURCE = """
struct _OBJECT_DIRECTORY_ENTRY { struct _OBJECT_DIRECTORY_ENTRY *ChainLink; void *Object; };
struct _OBJECT_DIRECTORY { struct _OBJECT_DIRECTORY_ENTRY *HashBuckets[3]; };
struct _OBJECT_HEADER { long PointerCount; unsigned char InfoMask; long Body; };
struct _OBJECT_HEADER_CREATOR_INFO { long Anything; };
struct _OBJECT_HEADER_NAME_INFO {
    struct _OBJECT_DIRECTORY *Directory; struct _UNICODE_STRING Name;
};
struct _DRIVER_OBJECT {
    short Type; struct _DEVICE_OBJECT *DeviceObject; void *DriverStart; unsigned int DriverSize;
    struct _UNICODE_STRING DriverName; void *MajorFunction[28];
};
struct _DEVICE_OBJECT {
    short Type; struct _DRIVER_OBJECT *DriverObject; struct _DEVICE_OBJECT *NextDevice;
};
"""
ROOT, DRIVER, FILES = BASE + 0x8000, BASE + 0x9000, BASE + 0xA000
OBJECTS = [BASE + 0xC000 + n * 0x800 for n in range(4)]
MODULE = 0xFFFF_F800_1000_0000


@pytest.fixture
def small(tmp_path: Path) -> SmallWindows:
    """Two drivers of the directory for drivers, of which one has a module; a library's module."""
    kernel = SmallWindows(SOURCE, tmp_path)
    kernel.module("one.sys", MODULE, 0x1000)
    kernel.module("library.dll", MODULE + 0x1000, 0x1000)
    kernel.table["ObpRootDirectoryObject"] = BASE + 0x7000
    kernel.write(BASE + 0x7000, ROOT.to_bytes(8, "little"))
    directory(kernel, ROOT, [[DRIVER], [FILES], []])
    directory(kernel, DRIVER, [[], OBJECTS[:2], []])
    directory(kernel, FILES, [[], [], []])
    named(kernel, DRIVER, "Driver")
    named(kernel, FILES, "FileSystem")
    for place, start in zip(OBJECTS, (MODULE, MODULE + 0x8000, 0, 0), strict=True):
        members: dict[str, int | bytes] = {"Type": 4, "DriverStart": start, "DriverSize": 0x1000}
        kernel.put("_DRIVER_OBJECT", place, members)
    return kernel


def directory(kernel: SmallWindows, place: int, buckets: list[list[int]]) -> None:
    """Put a directory, each of whose buckets is a chain of entries."""
    kernel.put("_OBJECT_DIRECTORY", place)
    entry = place + 0x400
    for number, objects in enumerate(buckets):
        link = place + number * 8
        for one in objects:
            kernel.write(link, entry.to_bytes(8, "little"))
            kernel.put("_OBJECT_DIRECTORY_ENTRY", entry, {"Object": one})
            link, entry = entry, entry + 0x40


def named(kernel: SmallWindows, body: int, name: str) -> None:
    """Put the header of an object that has a name."""
    header = body - kernel.offset("_OBJECT_HEADER", "Body")
    info = header - kernel.types.layouts["_OBJECT_HEADER_NAME_INFO"].size
    text = name.encode("utf-16-le")
    kernel.write(body + 0x300, text)
    members: dict[str, int | bytes] = {"Name.Length": len(text), "Name.Buffer": body + 0x300}
    kernel.put("_OBJECT_HEADER_NAME_INFO", info, members)
    kernel.set("_OBJECT_HEADER", header, "InfoMask", 2)


def found(kernel: SmallWindows) -> DriverObject:
    """Return the drivers in their order; what cut them short is in `cuts`."""
    (portion,) = DriverObject.portions(kernel.open_())
    batch = portion.batch
    assert isinstance(batch, DriverObject)
    kernel.facts["cut"] = portion.cut
    return batch


def test_objects_and_modules_are_paired_by_where_they_begin(small: SmallWindows) -> None:
    drivers = found(small)
    assert small.facts["cut"] is None
    assert drivers.column("name").statuses.tolist()[:2] == [0, 0]
    assert drivers.column("base").values.tolist() == [MODULE, MODULE + 0x1000, MODULE + 0x8000]
    assert drivers.column("in_load_list").values.tolist() == [True, True, False]
    assert drivers.column("in_object_directory").values.tolist() == [True, False, True]
    assert drivers.column("sources").to_list() == [  # type: ignore[attr-defined]
        "load list, object directory", "load list", "object directory",
    ]  # fmt: skip


def test_two_objects_of_one_module_are_two_drivers(small: SmallWindows) -> None:
    small.set("_DRIVER_OBJECT", OBJECTS[1], "DriverStart", MODULE)
    drivers = found(small)
    assert drivers.rows["object"].tolist() == [*OBJECTS[:2], 0]
    assert len(set(drivers.rows["module"].tolist())) == 2


def test_a_chain_that_loops_leaves_the_other_source_whole(small: SmallWindows) -> None:
    small.write(DRIVER + 0x440, (DRIVER + 0x400).to_bytes(8, "little"))
    drivers = found(small)
    assert "loops" in str(small.facts["cut"])
    for name in ("in_object_directory", "object_address", "sources"):
        assert drivers.column(name).statuses.tolist() == [0, Reason.LOOP, 0], name
    assert drivers.column("in_load_list").known.all()


def test_a_list_that_loops_has_no_word_on_what_is_not_in_it(small: SmallWindows) -> None:
    last = small.modules[-1].to_bytes(8, "little")
    small.write(small.modules[-1], last)
    drivers = found(small)
    for name in ("in_load_list", "path", "sources"):
        assert drivers.column(name).statuses.tolist()[-1] == Reason.LOOP, name


def test_what_the_directory_has_is_unknown_without_it(small: SmallWindows) -> None:
    del small.table["ObpRootDirectoryObject"]
    drivers = found(small)
    assert drivers.column("in_object_directory").statuses.tolist() == [Reason.NOT_IN_KERNEL] * 2
    assert str(small.facts["cut"]).count("not in this kernel's types")


def test_functions_elsewhere_are_hooked_if_no_module_is_there(small: SmallWindows) -> None:
    first = small.offset("_DRIVER_OBJECT", "MajorFunction")
    places = [MODULE + 8, MODULE + 0x1800, IMAGE + 8, MODULE + 0x8000, 0]
    for number, place in enumerate(places):
        small.write(OBJECTS[0] + first + number * 8, place.to_bytes(8, "little"))
    drivers = found(small)
    functions = MajorFunction.of(drivers, drivers.raw)
    assert functions.owner.tolist() == [0] * 28 + [2] * 28
    assert functions.children.column("name").to_list()[:28] == list(NAMES)
    hooked = functions.children.column("is_hooked")
    assert hooked.values[:5].tolist() == [False, False, False, True, True]
    assert functions.children.column("is_foreign").values[:3].tolist() == [False, True, False]
    assert functions.children.column("module").to_list()[:2] == ["one.sys", "library.dll"]


def test_functions_of_a_driver_whose_place_is_not_in_the_dump(small: SmallWindows) -> None:
    before = small.offset("_DRIVER_OBJECT", "MajorFunction")
    place = BASE + 0x41_0000 - before  # its functions are in the dump, what stands before is not
    functions = [MODULE + 0x8000, IMAGE + 8]
    small.write(place + before, b"".join(one.to_bytes(8, "little") for one in [*functions] * 14))
    drivers = DriverObject(small.open_(), {"object": np.array([place], np.uint64)})
    objects = small.structs("_DRIVER_OBJECT", drivers.rows["object"])
    batch = MajorFunction.of(drivers, objects).children
    for name in ("is_foreign", "is_hooked"):
        column = batch.column(name)
        assert column.statuses[:2].tolist() == [Reason.NOT_IN_DUMP, 0], name
        assert not column.values[1], name


def test_devices_that_loop_end(small: SmallWindows) -> None:
    devices = [BASE + 0x1_4000 + n * 0x100 for n in range(3)]
    for place, following in zip(devices, [*devices[1:], devices[0]], strict=True):
        small.put("_DEVICE_OBJECT", place, {"NextDevice": following})
    small.set("_DRIVER_OBJECT", OBJECTS[0], "DeviceObject", devices[0])
    small.set("_DRIVER_OBJECT", OBJECTS[1], "DeviceObject", devices[2])
    drivers = found(small)
    chains = Device.of(drivers, drivers.raw)
    assert chains.owner.tolist() == [0, 0, 0, 2, 2, 2]
    assert chains.children.rows["address"].tolist() == [*devices, devices[2], *devices[:2]]
    assert chains.cut is not None
    assert chains.cut.tolist() == [Reason.LOOP, 0, Reason.LOOP]


def test_the_ring_of_unloaded_drivers_is_read_backwards(small: SmallWindows) -> None:
    ring = BASE + 0x2_0000
    small.table |= {"MmUnloadedDrivers": BASE + 0x7100, "MmLastUnloadedDriver": BASE + 0x7108}
    small.write(BASE + 0x7100, ring.to_bytes(8, "little") + (51).to_bytes(4, "little"))
    small.write(ring, bytes(50 * 40))
    for number in (49, 0):
        small.write(ring + number * 40, (2).to_bytes(8, "little"))
    (portion,) = UnloadedDriver.portions(small.open_())
    assert portion.cut is None
    assert portion.batch.rows["address"].tolist() == [ring, ring + 49 * 40]


def test_unloaded_drivers_that_are_not_in_the_dump(small: SmallWindows) -> None:
    small.table["MmUnloadedDrivers"] = BASE + 0x7100
    small.write(BASE + 0x7100, (BASE + 0x40_0000).to_bytes(8, "little"))
    (portion,) = UnloadedDriver.portions(small.open_())
    assert portion.cut is not None
    assert portion.cut.reason == Reason.NOT_IN_DUMP


def test_a_driver_that_is_not_in_the_dump_is_not_left_out(small: SmallWindows) -> None:
    directory(small, FILES, [[BASE + 0x40_0000], [], []])
    drivers = found(small)
    assert drivers.rows["object"].tolist() == [OBJECTS[0], 0, OBJECTS[1], BASE + 0x40_0000]
    assert drivers.column("base").statuses.tolist() == [0, 0, 0, Reason.NOT_IN_DUMP]


def test_an_object_that_a_lost_directory_may_have_is_unknown(small: SmallWindows) -> None:
    del small.table["ObpRootDirectoryObject"]
    drivers = found(small)
    for name in ("object_address", "object_name"):
        assert drivers.column(name).statuses.tolist() == [Reason.NOT_IN_KERNEL] * 2


def test_a_module_without_object_has_none(small: SmallWindows) -> None:
    drivers = found(small)
    assert drivers.column("object_address").statuses.tolist() == [0, Reason.NULL, 0]
    assert drivers.column("object_name").statuses.tolist()[1] == Reason.NULL
