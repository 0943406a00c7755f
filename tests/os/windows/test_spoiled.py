"""Processes, modules, tokens and environments that are not as they should be.

Each process of one built machine is spoiled in its own way; the others must not suffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.image import open_image
from memq.os.windows.process import ProcessObject
from memq.os.windows.processes import REFERRED
from memq.run import Run
from memq.schema.batch import Context
from tests.conftest import NO_LAB
from tests.lab import Lab
from tests.synthetic.windows.isf import table_of
from tests.synthetic.windows.machine import Machine
from tests.synthetic.windows.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memq.image import Image
    from memq.schema.batch import ObjectType
    from tests.synthetic.windows.process import Process
    from tests.synthetic.windows.user import UserPart

TABLE = "ntkrnlmp-10.0.19041.329-"
ALL_BITS = (1 << 64) - 1
NOWHERE = 0x6666_0000
"""An address at which no process has memory."""


@dataclass
class Spoiled:
    """A machine with its image, and the processes in it by what is wrong with each."""

    image: Image
    pids: dict[str, int]

    def ask(self, name: str, fields: str) -> tuple[Any, list[str]]:
        """Ask one process; return the answer and what was noted on the way."""
        run = Run()
        query = f"process.Where(pid == {self.pids[name]}).Select({{{fields}}})"
        (row,) = self.image.query(query, run).rows()
        return row, list(run.notes)


class Builder:
    """Makes the processes."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pids: dict[str, int] = {}
        self.parts: dict[str, UserPart] = {}
        self.made: dict[str, Process] = {}

    def add(self, name: str, *, parent: Process | None = None, age: int = 9) -> Process:
        pid = 100 + 4 * len(self.pids)
        created = self.machine.options.boot + timedelta(seconds=age)
        made = self.machine.process(pid, f"{name}.exe", parent=parent, created=created)
        path = f"C:\\{name}.exe"
        part = self.machine.peb(made, 0x40_0000, path, f"{name} -x", {"A": "1", "B": "2=3"})
        part.module("C:\\one.dll", 0x7000_0000, 0x1000)
        part.module("C:\\two.dll", 0x7100_0000, 0x1000)
        self.machine.token(made)
        self.pids[name], self.parts[name], self.made[name] = pid, part, made
        return made


def spoil_modules(builder: Builder) -> None:
    """Spoil lists of the loader: `link` of an entry leads elsewhere."""
    for name in ("loop", "wild", "torn", "unlisted"):
        builder.add(name)
    for name, to in (("loop", None), ("wild", 0xFFFF_8000_0000_0000), ("torn", NOWHERE)):
        entries = builder.parts[name].entries
        place = entries[1][0].at("InLoadOrderLinks") if to is None else to
        entries[2][0]["InLoadOrderLinks.Flink"] = place
    builder.parts["unlisted"].peb["Ldr"] = NOWHERE
    file = builder.machine.file("\\three.dll")
    for name in ("torn", "unlisted"):
        kind = "PAGE_EXECUTE_WRITECOPY"
        builder.made[name].vad(0x7300_0000, 1, kind="image", protection=kind, file=file)


def spoil_parameters(builder: Builder) -> None:
    for name in ("endless", "unread", "offsets", "rootless"):
        builder.add(name)
    parameters = {
        name: builder.machine.kernel.record(
            "_RTL_USER_PROCESS_PARAMETERS", part.peb["ProcessParameters"], part.space
        )
        for name, part in builder.parts.items()
    }
    space = builder.parts["endless"].space
    space.map(0x900_0000)
    space.write(0x900_0000, "X=\xe9\0LAST=".encode("utf-16-le").ljust(4096, b"!"))
    parameters["endless"].fill({"Environment": 0x900_0000, "EnvironmentSize": ALL_BITS})
    parameters["unread"].fill({"CommandLine.Buffer": NOWHERE, "Environment": NOWHERE})
    record = parameters["offsets"]
    builder.parts["offsets"].space.write(record.address + 0x300, "told".encode("utf-16-le"))
    record.fill({"Flags": 0, "CommandLine.Buffer": 0x300, "CommandLine.Length": 8})
    record["MaximumLength"] = record.type.size
    builder.made["rootless"].record["Pcb.DirectoryTableBase"] = 0


def spoil_tokens(builder: Builder) -> None:
    for name in ("crowd", "odd", "tokenless", "gifted"):
        builder.add(name)
    kernel = builder.machine.kernel
    tokens = {
        name: kernel.record("_TOKEN", made.truth.token.address)
        for name, made in builder.made.items()
        if made.truth.token is not None
    }
    tokens["crowd"]["UserAndGroupCount"] = 0xFFFF_FFFF
    user = kernel.record("_SID_AND_ATTRIBUTES", tokens["odd"]["UserAndGroups"])
    kernel.space.write(user["Sid"], b"\x01\xff")
    builder.made["tokenless"].record["Token.Value|Token"] = 0
    masks = ("Privileges.Present", "Privileges.Enabled", "Privileges.EnabledByDefault")
    tokens["gifted"].fill(dict(zip(masks, (0, ALL_BITS, 0), strict=True)))


def spoil_families(builder: Builder) -> None:
    young = builder.add("young", age=50)
    builder.add("old", parent=young, age=20)
    builder.add("child", parent=young, age=60)
    own = builder.add("own")
    own.record["InheritedFromUniqueProcessId"] = own.truth.pid


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    lab = Lab.find()
    if lab is None or not (lab.folder / "windows").is_dir():
        pytest.skip(NO_LAB)
    (path,) = (lab.folder / "windows" / "isf").glob(f"{TABLE}*")
    machine = Machine(table_of(path), Options(build=19041))
    builder = Builder(machine)
    for spoil in (spoil_modules, spoil_parameters, spoil_tokens, spoil_families):
        spoil(builder)
    image = machine.finish()
    # The list of active processes is torn after `child`: the table still has the rest.
    builder.made["child"].record["ActiveProcessLinks.Flink"] = 0x1234
    raw = tmp_path_factory.mktemp("spoiled") / "memory.raw"
    image.save_raw(raw)
    root, base = image.dtb, image.kernel_base
    with open_image(raw, profile=path, directory_table_base=root, kernel_base=base) as opened:
        yield Spoiled(opened, builder.pids)


def test_a_list_of_modules_that_loops_is_told(spoiled: Spoiled) -> None:
    row, notes = spoiled.ask("loop", "all: module.Select(name)")
    assert row["all"] == ["loop.exe", "one.dll", "two.dll"]
    assert "loops" in "".join(notes)


def test_a_list_of_modules_that_leads_out_of_the_process(spoiled: Spoiled) -> None:
    for name, reason in (("wild", "malformed"), ("torn", "memory")):
        row, notes = spoiled.ask(name, "all: module.Where(in_memory_list).Select(name)")
        assert row["all"] == [f"{name}.exe", "one.dll", "two.dll"]
        assert notes, name
        row, notes = spoiled.ask(name, "all: module.Select({base: base, in: in_load_list})")
        assert len(row["all"]) == (3 if reason == "malformed" else 5)  # one is mapped alone


def test_a_loader_that_cannot_be_read_is_no_empty_one(spoiled: Spoiled) -> None:
    row, _ = spoiled.ask("unlisted", "count: module.Count()")
    assert row["count"] is None
    assert row["_unknown"]["count"]


def test_what_an_unread_list_may_have_is_not_said_to_be_hidden(spoiled: Spoiled) -> None:
    """What is mapped and not listed is in no list only where that was read to its end."""
    fields = "at: address, name: name, load: in_load_list, memory: in_memory_list"
    query = f"all: module.Where(base == 0x73000000).Select({{{fields}}})"
    row, _ = spoiled.ask("torn", query)
    (one,) = row["all"]
    assert (one["at"], one["name"], one["load"], one["memory"]) == (None, None, None, False)
    assert set(one["_unknown"]) == {"at", "name", "load"}
    row, _ = spoiled.ask("unlisted", query)
    (one,) = row["all"]
    assert set(one["_unknown"]) == {"at", "name", "load", "memory"}


def test_an_environment_without_an_end(spoiled: Spoiled) -> None:
    row, notes = spoiled.ask("endless", "all: environment.Select([name, value])")
    assert row["all"] == [{"name": "X", "value": "\xe9"}]
    assert notes


def test_parameters_that_are_elsewhere_are_unknown(spoiled: Spoiled) -> None:
    fields = "line: command_line, path: peb_image_path, count: environment.Count()"
    row, _ = spoiled.ask("unread", fields)
    assert (row["line"], row["path"], row["count"]) == (None, "C:\\unread.exe", None)
    assert set(row["_unknown"]) == {"line", "count"}
    row, _ = spoiled.ask("rootless", "root: directory_table_base, line: command_line")
    assert (row["root"], row["line"]) == (None, None)


def test_parameters_by_their_offsets(spoiled: Spoiled) -> None:
    row, _ = spoiled.ask("offsets", "line: command_line, path: peb_image_path")
    assert (row["line"], row["path"]) == ("told", "C:\\offsets.exe")


def test_tokens_that_cannot_be(spoiled: Spoiled) -> None:
    row, _ = spoiled.ask("crowd", "user: token.user, count: token.group.Count()")
    assert (row["user"], row["count"]) == ("S-1-5-18", None)
    row, _ = spoiled.ask("odd", "user: token.user, groups: token.group.Count()")
    assert row["_unknown"]["user"] == "malformed data"
    assert row["groups"] == 4
    row, _ = spoiled.ask("tokenless", "at: token.address, user: token.user")
    assert row == {"at": None, "user": None}


def test_privileges_that_are_enabled_and_not_held(spoiled: Spoiled) -> None:
    fields = "all: token.privilege.Where(is_enabled && !is_present).Select({n: number, a: name})"
    row, _ = spoiled.ask("gifted", fields)
    assert [one["n"] for one in row["all"]] == list(range(64))
    assert [one["n"] for one in row["all"] if one["a"] is None] == [0, 1, *range(37, 64)]


def test_a_parent_is_older_than_its_child(spoiled: Spoiled) -> None:
    row, _ = spoiled.ask("child", "parent: parent.pid")
    assert row["parent"] == spoiled.pids["young"]
    for name in ("old", "own"):
        row, _ = spoiled.ask(name, "number: ppid, parent: parent.pid")
        assert row["number"]
        assert row["parent"] is None
    row, _ = spoiled.ask("young", "all: children.Select(pid)")
    assert row["all"] == [spoiled.pids["child"]]


def test_a_torn_list_leaves_the_table(spoiled: Spoiled) -> None:
    run = Run()
    found = list(spoiled.image.query("process.Select({pid: pid, in: in_active_list})", run).rows())
    assert {row["pid"] for row in found} == {4, *spoiled.pids.values()}
    (row,) = [row for row in found if row["pid"] == spoiled.pids["own"]]
    assert row["in"] is None
    assert row["_unknown"]["in"] == "malformed data"
    assert "list of active processes" in "".join(run.notes)


def ask_all(batch: ObjectType, types: frozenset[str]) -> int:
    """Compute every field of a batch and of what belongs to it; return how many values it gave."""
    known = sum(int(batch.column(name).known.sum()) for name in batch.fields)
    for name, part in batch.subobjects.items():
        if part.item in types:
            inner = batch.collection(name).children if part.many else batch.reference(name).batch
            known += ask_all(inner, types - {part.item, "process"})
    return known


def test_whatever_stands_at_an_address_is_no_error(spoiled: Spoiled) -> None:
    context = Context(spoiled.image.kernel, Run())
    whole = [portion.batch.rows["address"] for portion in ProcessObject.portions(context)]
    types = frozenset(("process", "module", "token", "group", "privilege", "environment"))
    assert ask_all(ProcessObject.nothing(context), types) == 0
    for shift in (8, 0x68, 0x338, 0x1000, 1 << 63):
        moved = np.concatenate(whole) + np.uint64(shift)
        assert ask_all(ProcessObject.at(context, moved, REFERRED), types) > 0
