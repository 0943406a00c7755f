"""Headers of objects: types, names and full names, of each era; directories that are malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from memq.column import Column, text_column
from memq.errors import Reason
from memq.os.windows.directories import directory_objects
from memq.os.windows.object_names import Named, paths
from memq.os.windows.object_types import object_types
from memq.os.windows.objects import Objects
from memq.run import Run
from tests.os.windows.small import IMAGE, FlatSpace, Layouts, small_kernel

if TYPE_CHECKING:
    from memq.column import Addresses
    from memq.image import Image
    from memq.os.windows.kernel import WindowsKernel
    from tests.os.windows.images import WindowsImage

STRING: Layouts = {"_UNICODE_STRING": (16, {"Length": (0, 2), "Buffer": (8, 8)})}
NEW: Layouts = {
    **STRING,
    "_OBJECT_HEADER": (56, {
        "PointerCount": (0, 8), "HandleCount": (8, 8), "TypeIndex": (24, 1), "InfoMask": (26, 1),
        "Body": (48, 8),
    }),
    "_OBJECT_HEADER_CREATOR_INFO": (32, {"TypeList": (0, 8)}),
    "_OBJECT_HEADER_NAME_INFO": (32, {"Directory": (0, 8), "Name": "8:_UNICODE_STRING"}),
    "_OBJECT_TYPE": (64, {"Name": "16:_UNICODE_STRING", "Index": (40, 1)}),
    "_OBJECT_DIRECTORY": (312, {"HashBuckets": (0, 296)}),
    "_OBJECT_DIRECTORY_ENTRY": (24, {"ChainLink": (0, 8), "Object": (8, 8)}),
}  # fmt: skip
OLD: Layouts = {
    "_UNICODE_STRING": (8, {"Length": (0, 2), "Buffer": (4, 4)}),
    "_OBJECT_HEADER": (32, {
        "PointerCount": (0, 4), "HandleCount": (4, 4), "Type": (8, 4), "NameInfoOffset": (12, 1),
        "Body": (24, 8),
    }),
    "_OBJECT_HEADER_NAME_INFO": (16, {"Directory": (0, 4), "Name": "4:_UNICODE_STRING"}),
    "_OBJECT_TYPE": (64, {"Name": "16:_UNICODE_STRING", "Index": (40, 4)}),
}  # fmt: skip
TYPES = {2: "Type", 3: "Directory", 5: "Event"}
COOKIE = 0xB7


class Namespace:
    """Puts objects of Windows 10 into memory; `cookie` None: those of Windows 7."""

    def __init__(self, cookie: int | None = COOKIE, *, has_symbols: bool = True) -> None:
        self.space = FlatSpace()
        self.cookie = cookie
        self.image = IMAGE[8]
        self.symbols = {"PsProcessType": self.image}
        self.types = {number: self.object(2, name) for number, name in TYPES.items()}
        for number, name in TYPES.items():
            self.string(self.types[number] + 16, name)
            self.space.write(self.types[number] + 40, bytes([number]))
        self.space.put(self.image, self.types[3])
        ring = [self.types[n] - 48 - 32 for n in TYPES]
        for at, following in zip(ring, [*ring[1:], ring[0]], strict=True):
            self.space.put(at, following)
        if has_symbols:
            self.symbols["ObTypeIndexTable"] = self.image + 64
            self.space.put(self.image + 64, 0, 0xBAD0B0B0, *map(self._type, range(2, 6)))
            if cookie is not None:
                self.symbols["ObHeaderCookie"] = self.image + 16
                self.space.write(self.image + 16, bytes([cookie]))

    def _type(self, number: int) -> int:
        return self.types.get(number, self.types[2])

    def string(self, at: int, text: str) -> None:
        data = text.encode("utf-16-le")
        buffer = self.space.page()
        self.space.write(buffer, data)
        self.space.write(at, len(data).to_bytes(2, "little"))
        self.space.put(at + 8, buffer)

    def object(
        self, kind: int, name: str | None, directory: int = 0, *, creator: bool = True
    ) -> int:
        """Put an object and return the address of its body."""
        header = self.space.page() + 0x200
        behind = 32 if creator else 0
        index = kind
        if self.cookie is not None:
            index = kind ^ self.cookie ^ (header >> 8 & 0xFF)
        self.space.write(header, (7).to_bytes(8, "little") + (3).to_bytes(8, "little"))
        self.space.write(header + 24, bytes([index]))
        self.space.write(header + 26, bytes([(1 if creator else 0) | (2 if name else 0)]))
        if name:
            self.string(header - behind - 32 + 8, name)
            self.space.put(header - behind - 32, directory)
        return header + 48

    def enter(self, directory: int, bucket: int, *objects: int) -> int:
        """Put a chain of entries into a bucket; return the last entry."""
        place = directory + bucket * 8
        for each in objects:
            entry = self.space.page()
            self.space.put(entry, 0, each)
            self.space.put(place, entry)
            place = entry
        return place

    def kernel(self) -> WindowsKernel:
        return small_kernel(self.space, NEW, self.symbols)


def objects(kernel: WindowsKernel, *places: int) -> Objects:
    return Objects(kernel, Run(), Column(np.array(places, np.uint64)))


@pytest.mark.parametrize("has_symbols", [True, False])
@pytest.mark.parametrize("cookie", [None, 0, COOKIE])
def test_types_by_number(cookie: int | None, has_symbols: bool) -> None:
    made = Namespace(cookie, has_symbols=has_symbols)
    event, root = made.object(5, None), made.object(3, "\\")
    found = objects(made.kernel(), event, root, made.types[5], 0)
    assert found.types.to_list() == ["Event", "Directory", "Type", None]
    assert found.types.statuses.tolist() == [0, 0, 0, Reason.NULL]
    assert found.handle_count.values.tolist()[:3] == [3, 3, 3]


def test_a_number_that_no_type_has_is_malformed() -> None:
    made = Namespace(None)
    found = objects(made.kernel(), made.object(200, None), made.object(0, None), 0x1000)
    reasons = [Reason.MALFORMED, Reason.MALFORMED, Reason.NOT_IN_DUMP]
    assert found.types.statuses.tolist() == reasons


def test_without_table_and_exports_types_are_unknown() -> None:
    made = Namespace(has_symbols=False)
    made.symbols.clear()
    found = objects(made.kernel(), made.object(5, None))
    assert found.types.statuses.tolist() == [Reason.NOT_IN_KERNEL]
    assert not object_types(found.kernel, Run()).addresses.any()


@pytest.mark.parametrize("creator", [True, False])
def test_names_lead_up_to_the_root(creator: bool) -> None:
    made = Namespace()
    root = made.object(3, "\\")
    inner = made.object(3, "Base", root, creator=creator)
    event = made.object(5, "Ready", inner, creator=creator)
    loose, nameless = made.object(5, "Default"), made.object(5, None)
    found = objects(made.kernel(), event, inner, root, loose, nameless)
    assert found.names.to_list() == ["Ready", "Base", "\\", "Default", None]
    assert found.paths.to_list() == [r"\Base\Ready", r"\Base", "\\", "Default", None]
    assert found.paths.statuses.tolist() == [0, 0, 0, 0, Reason.NULL]


def test_directories_in_each_other_are_a_loop() -> None:
    made = Namespace()
    one = made.object(3, "One")
    other = made.object(3, "Other", one)
    made.space.put(one - 48 - 64, other)
    found = objects(made.kernel(), made.object(5, "Lost", other), other)
    assert found.paths.statuses.tolist() == [Reason.LOOP, Reason.LOOP]


def test_a_directory_that_is_not_there() -> None:
    made = Namespace()
    found = objects(made.kernel(), made.object(5, "Lost", 0xFFFF_8000_7777_0000))
    assert found.names.to_list() == ["Lost"]
    assert found.paths.statuses.tolist() == [Reason.NOT_IN_DUMP]


def test_headers_with_a_pointer_to_the_type_and_the_way_to_the_name() -> None:
    space = FlatSpace(4)

    def text(at: int, string: str) -> None:
        buffer = space.page()
        space.write(buffer, string.encode("utf-16-le"))
        space.write(at, (2 * len(string)).to_bytes(2, "little"))
        space.put(at + 4, buffer)

    kind = space.page()
    text(kind + 16, "Mutant")
    bodies: list[int] = []
    for name, back, directory in (("\\", 16, 0), ("Mine", 32, 1), (None, 0, 0)):
        header = space.page() + 0x200
        space.put(header, 2, 1, kind)
        space.write(header + 12, bytes([back]))
        if name:
            space.put(header - back, bodies[0] if directory else 0)
            text(header - back + 4, name)
        bodies.append(header + 24)
    found = objects(small_kernel(space, OLD), *bodies)
    assert found.types.to_list() == ["Mutant"] * 3
    assert found.paths.to_list() == ["\\", r"\Mine", None]
    assert found.pointer_count.values.tolist() == [2, 2, 2]


# Directories


def walked(made: Namespace, root: int) -> tuple[dict[str | None, str | None], Reason | None]:
    made.symbols["ObpRootDirectoryObject"] = made.image + 32
    made.space.put(made.image + 32, root)
    found = directory_objects(made.kernel(), Run())
    types = dict(zip(found.names.to_list(), found.types.to_list(), strict=True))
    return types, found.cut.reason if found.cut else None


def test_all_that_is_in_directories() -> None:
    made = Namespace()
    root = made.object(3, "\\")
    inner = made.object(3, "Inner", root)
    made.enter(root, 0, inner, made.object(5, "A", root))
    made.enter(root, 36, made.object(5, "B", root))
    made.enter(inner, 7, made.object(5, "C", inner), made.object(5, "D", inner))
    types, cut = walked(made, root)
    assert types == {
        "\\": "Directory", r"\Inner": "Directory", r"\A": "Event", r"\B": "Event",
        r"\Inner\C": "Event", r"\Inner\D": "Event",
    }  # fmt: skip
    assert cut is None


def test_a_directory_in_itself_is_walked_once() -> None:
    made = Namespace()
    root = made.object(3, "\\")
    inner = made.object(3, "Inner", root)
    made.enter(root, 0, inner)
    made.enter(inner, 0, inner, root, made.object(5, "E", inner))
    types, _ = walked(made, root)
    assert types[r"\Inner\E"] == "Event"
    assert len(types) <= 5


def test_a_chain_that_loops_is_cut() -> None:
    made = Namespace()
    root = made.object(3, "\\")
    last = made.enter(root, 4, made.object(5, "A", root), made.object(5, "B", root))
    made.space.put(last, int(made.space.word(root + 32) or 0))
    types, cut = walked(made, root)
    assert set(types) == {"\\", r"\A", r"\B"}
    assert cut is Reason.LOOP


@pytest.mark.parametrize("root", [0, 0xFFFF_8000_7777_0000])
def test_no_root(root: int) -> None:
    types, cut = walked(Namespace(), root)
    assert cut is (Reason.NOT_IN_DUMP if root else Reason.NOT_IN_KERNEL)
    assert len(types) <= 1


def test_levels_without_end_have_one() -> None:
    def read(places: Addresses) -> Named:
        return Named(text_column(["x"] * len(places)), Column(places + np.uint64(8)))

    found = paths(Run(), Column(np.array([8, 16, 0], np.uint64)), read)
    assert found.statuses.tolist() == [Reason.LIMIT, Reason.LIMIT, Reason.NULL]


# The truth


def test_objects_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    known = windows.truth["objects"]
    bodies = np.array([int(one["body"], 16) for one in known], np.uint64)
    found = Objects(opened.kernel, Run(), Column(bodies))
    assert found.types.to_list() == [one["type"] for one in known]
    assert found.names.to_list() == [one["name"] for one in known]
    assert found.headers.addresses.tolist() == [int(one["header"], 16) for one in known]
    planted = windows.truth["planted"]
    gone = {
        one["offset"] for one in windows.truth["threads"] if one["tid"] == planted["dead_thread"]
    }
    gone |= {
        one["offset"]
        for one in windows.truth["processes"]
        if one["pid"] == planted["freed_process"]
    }
    counts = zip(known, found.handle_count.values.tolist(), strict=True)
    assert {one["body"] for one, count in counts if count != one["handles"]} <= gone


def test_types_are_the_recorded_ones(windows: WindowsImage, opened: Image) -> None:
    found = object_types(opened.kernel, Run())
    assert {
        name: {"index": index, "address": f"{int(found.addresses[index]):#x}"}
        for index, name in enumerate(found.names.to_list())
        if name is not None
    } == windows.truth["object_types"]
    assert (found.cookie or 0) == windows.truth["image"]["ob_header_cookie"]


def test_directories_hold_what_has_a_full_name(windows: WindowsImage, opened: Image) -> None:
    bodies = np.array([int(one["body"], 16) for one in windows.truth["objects"]], np.uint64)
    objects_ = Objects(opened.kernel, Run(), Column(bodies))
    named = zip(bodies.tolist(), objects_.paths.to_list(), strict=True)
    found = directory_objects(opened.kernel, Run())
    walked_ = dict(zip(found.addresses.tolist(), found.names.to_list(), strict=True))
    assert walked_ == {place: path for place, path in named if path and path.startswith("\\")}
    assert found.cut is None
