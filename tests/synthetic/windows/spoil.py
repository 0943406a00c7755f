"""Ways to spoil a scene: loops, pointers that lead nowhere, absurd counts.

Each is a function that is given a scene when it is finished. A reader must come to an end on each,
in bounded time and memory, and say what it could not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.synthetic.windows.record import Record
    from tests.synthetic.windows.scene import Scene

    Spoil: TypeAlias = Callable[[Scene], None]

PAGE = 4096
HUGE = 0x7FFF_FFFF


def nowhere(scene: Scene) -> int:
    """Return an address of the kernel's half that nothing is mapped at."""
    return 0xFFFF_FD00_1234_5670 if scene.machine.kernel.word == 8 else 0xF3F0_1230


def all_spoils() -> Iterator[tuple[str, Spoil]]:
    """Yield each way, with a name for it."""
    for name, (member, find) in _LINKS.items():
        yield from _links(name, member, find)
    for name, where in _NUMBERS.items():
        yield name, _number(*where)
    for name, way in vars(Ways).items():
        if isinstance(way, staticmethod):
            yield name.replace("_", " "), way.__func__


def _timer(scene: Scene) -> Record:
    machine = scene.machine
    return machine.kernel.record("_KTIMER", machine.truth.timers[0].offset)


def _table(scene: Scene) -> Record:
    return scene.machine.kernel.record("_HANDLE_TABLE", scene.notepad.record["ObjectTable"])


_LINKS: dict[str, tuple[str, Callable[[Scene], Record]]] = {
    "list of processes": ("ActiveProcessLinks", lambda s: s.notepad.record),
    "list of a process's threads": ("ThreadListEntry", lambda s: s.notepad.threads[1].record),
    "list of the scheduler's threads": (
        "Tcb.ThreadListEntry",
        lambda s: s.notepad.threads[1].record,
    ),
    "list of a session's processes": ("SessionProcessLinks", lambda s: s.notepad.record),
    "list of modules": ("InLoadOrderLinks", lambda s: s.machine.modules.loaded[1].record),
    "list of hives": ("HiveList", lambda s: s.machine.registry.hives[0].record),
    "loader's list": ("InLoadOrderLinks", lambda s: s.parts[s.notepad.truth.pid].entries[0][0]),
    "list of handle tables": ("HandleTableList", _table),
    "list of timers": ("TimerListEntry", _timer),
}
"""Lists: the link in the structure that is spoiled, and how that is found."""


def _links(name: str, member: str, find: Callable[[Scene], Record]) -> Iterator[tuple[str, Spoil]]:
    """Yield the three ways in which a list can go wrong."""

    def loop(scene: Scene) -> None:
        record = find(scene)
        record[f"{member}.Flink"] = record.at(member)

    yield f"{name} ends in itself", loop
    for what, value in (("leads nowhere", nowhere), ("is null", lambda _: 0)):

        def lead(scene: Scene, value: Callable[[Scene], int] = value) -> None:
            find(scene)[f"{member}.Flink"] = value(scene)

        yield f"{name} {what}", lead


_NUMBERS = {
    "handle table is no table": ("notepad", "ObjectTable", None),
    "token is no token": ("notepad", "Token.Value|Token", None),
    "PEB is in the kernel": ("notepad", "Peb", None),
    "page tables are beyond memory": ("notepad", "Pcb.DirectoryTableBase", 0xF_FFFF_F000),
    "session is no session": ("notepad", "Session", None),
    "path is no string": ("notepad", "SeAuditProcessCreationInfo.ImageFileName", None),
    "process has a billion threads": ("notepad", "ActiveThreads", HUGE),
}
"""Members of the process notepad.exe, and what they become; None: an address of nothing."""


def _number(_: str, member: str, value: int | None) -> Spoil:
    def spoil(scene: Scene) -> None:
        scene.notepad.record[member] = nowhere(scene) if value is None else value

    return spoil


def _root(scene: Scene) -> int:
    record = scene.notepad.record
    return record["VadRoot.Root|VadRoot.BalancedRoot.RightChild"]


def _child(record: Record, side: str) -> str:
    new = f"Core.VadNode.{side}|VadNode.{side}"
    return new if record.has(new) else f"{side}Child"


class Ways:
    """Ways that take a few lines each; their names say what is wrong."""

    @staticmethod
    def tree_loops(scene: Scene) -> None:
        """Make each leaf's left child the root."""
        vads = scene.notepad.vads
        root = _root(scene)
        for vad in vads:
            for side in ("Left", "Right"):
                if vad.record[_child(vad.record, side)] == 0:
                    vad.record[_child(vad.record, side)] = root

    @staticmethod
    def tree_dangles(scene: Scene) -> None:
        for vad in scene.notepad.vads[::3]:
            vad.record[_child(vad.record, "Left")] = nowhere(scene)

    @staticmethod
    def range_ends_before_it_starts(scene: Scene) -> None:
        vad = scene.notepad.vads[3]
        vad.set("EndingVpn", 0)

    @staticmethod
    def range_is_all_there_is(scene: Scene) -> None:
        vad = scene.notepad.vads[3]
        vad.set("EndingVpn", (1 << 31) - 1)

    @staticmethod
    def table_refers_to_itself(scene: Scene) -> None:
        """Make a handle table of two levels whose upper table lists itself."""
        kernel, table = scene.machine.kernel, scene.notepad.table
        if table is not None:
            page = kernel.space.tables.memory.allocate()
            at = nowhere(scene) & ~(PAGE - 1)
            kernel.space.point(at, page)
            kernel.space.pointer(at, *[at] * (PAGE // kernel.word))
            table.record["TableCode"] = at | 2

    @staticmethod
    def handle_leads_nowhere(scene: Scene) -> None:
        table = scene.notepad.table
        if table is not None:
            entry = table.entries[8]
            name = "ObjectPointerBits"
            is_new = entry.has(name)
            entry[name if is_new else "Object|InfoTable"] = nowhere(scene) >> 4 if is_new else (
                nowhere(scene) | 1
            )  # fmt: skip

    @staticmethod
    def types_are_absurd(scene: Scene) -> None:
        for thing, _ in scene.notepad.held.values():
            if thing.header.has("TypeIndex"):
                thing.header.fill({"TypeIndex": thing.header["TypeIndex"] ^ 0x7F, "InfoMask": 0xFF})

    @staticmethod
    def strings_are_long(scene: Scene) -> None:
        """Make names run over the end of what is mapped."""
        entry, _ = scene.parts[scene.notepad.truth.pid].entries[1]
        entry.fill({"BaseDllName.Length": 0xFFFE, "FullDllName.Length": 0xFFFF})
        scene.machine.modules.loaded[1].record["BaseDllName.Length"] = 0xFFFE

    @staticmethod
    def groups_are_countless(scene: Scene) -> None:
        record = scene.notepad.record
        token = scene.machine.kernel.record("_TOKEN", record["Token.Value|Token"] & ~15)
        token["UserAndGroupCount"] = HUGE

    @staticmethod
    def environment_is_endless(scene: Scene) -> None:
        part = scene.parts[scene.notepad.truth.pid]
        address = part.peb["ProcessParameters"]
        struct = "_RTL_USER_PROCESS_PARAMETERS"
        part.kernel.record(struct, address, part.space).offer({"EnvironmentSize": HUGE})

    @staticmethod
    def devices_loop(scene: Scene) -> None:
        driver = scene.machine.truth.drivers[0]
        kernel = scene.machine.kernel
        first = kernel.record("_DRIVER_OBJECT", driver.offset)["DeviceObject"]
        kernel.record("_DEVICE_OBJECT", first)["NextDevice"] = first

    @staticmethod
    def directories_loop(scene: Scene) -> None:
        """Make every chain of the root directory end in itself, and the directory hold itself."""
        kernel = scene.machine.kernel
        root = scene.machine.objects.directories["\\"].record
        for number in range(37):
            first = root[f"HashBuckets[{number}]"]
            if first:
                kernel.record("_OBJECT_DIRECTORY_ENTRY", first).fill(
                    {"ChainLink": first, "Object": root.address}
                )

    @staticmethod
    def services_are_countless(scene: Scene) -> None:
        image = scene.machine.kernel.image
        image.set("KiServiceLimit", HUGE, size=4)
        table = image.address("KiServiceTable", 8)
        image.set("KeServiceDescriptorTable", table or 0, 0, HUGE)

    @staticmethod
    def processors_are_countless(scene: Scene) -> None:
        image = scene.machine.kernel.image
        image.set("KeNumberProcessors", HUGE, size=4)
        image.set("KiProcessorBlock", nowhere(scene), 0x1234)

    @staticmethod
    def unloaded_are_countless(scene: Scene) -> None:
        scene.machine.kernel.image.set("MmLastUnloadedDriver", HUGE, size=4)

    @staticmethod
    def unloaded_are_nowhere(scene: Scene) -> None:
        scene.machine.kernel.image.set("MmUnloadedDrivers", nowhere(scene))

    @staticmethod
    def callbacks_are_nowhere(scene: Scene) -> None:
        for name in scene.machine.callbacks.arrays:
            scene.machine.kernel.image.set(name, *[nowhere(scene) | 7] * 64)

    @staticmethod
    def callbacks_loop(scene: Scene) -> None:
        kernel = scene.machine.kernel
        for entries in scene.machine.callbacks.lists.values():
            for entry in entries:
                kernel.space.pointer(entry, entry)

    @staticmethod
    def ids_are_nowhere(scene: Scene) -> None:
        for entry in scene.machine.client_ids.entries.values():
            for name, value in (
                ("ObjectPointerBits", nowhere(scene) >> 4),
                ("Object", nowhere(scene)),
            ):
                if entry.has(name):
                    entry[name] = value
                    break

    @staticmethod
    def keys_loop(scene: Scene) -> None:
        """Make a key below the root list the root's children as its own."""
        hive = scene.machine.registry.hives[0]
        root = int.from_bytes(hive.space.read(hive.place("") + 0x1C, 4), "little")
        hive.spoil("Microsoft", 0x14, 2)
        hive.spoil("Microsoft", 0x1C, root)

    @staticmethod
    def keys_are_countless(scene: Scene) -> None:
        hive = scene.machine.registry.hives[0]
        hive.spoil("", 0x14, HUGE)
        hive.spoil("Big", 0x24, HUGE)

    @staticmethod
    def cells_are_outside(scene: Scene) -> None:
        hive = scene.machine.registry.hives[0]
        hive.spoil("", 0x1C, 0x7FFF_FFF0)
        hive.spoil("Big", 0x28, 0xFFFF_FFF0)

    @staticmethod
    def hive_has_no_map(scene: Scene) -> None:
        scene.machine.registry.hives[0].record["Hive.Storage[0].Map"] = nowhere(scene)

    @staticmethod
    def pools_are_countless(scene: Scene) -> None:
        scene.machine.kernel.image.set("PoolBigPageTableSize", HUGE)

    @staticmethod
    def blocks_have_no_size(scene: Scene) -> None:
        """Make the pool's headers before processes say that the blocks are empty, or too long."""
        kernel, size = scene.machine.kernel, scene.machine.kernel.size("_POOL_HEADER")
        for number, process in enumerate(scene.machine.processes):
            at = process.thing.header.address - kernel.size("_OBJECT_HEADER_QUOTA_INFO") - size
            kernel.record("_POOL_HEADER", at)["BlockSize"] = 0xFF if number % 2 else 0

    @staticmethod
    def root_is_below_itself(scene: Scene) -> None:
        """Make an entry of the user half of a process's root lead to the root itself."""
        tables = scene.notepad.space.tables
        size, root = tables.mode.entry_size, tables.root
        tables.write(root + 3 * size, root | 0x67)
