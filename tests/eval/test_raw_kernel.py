"""Raw structures of a real kernel, held to what is known of it in other ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from memq.column import Column, Text
from memq.errors import Reason
from memq.eval.raw import RawBatch
from memq.eval.raw_records import MAX_FIELDS, leaves_of, records
from memq.eval.raw_types import find_type, member_of, type_names, value_type, written
from memq.layers.opening import open_physical
from memq.os.linux.process import Task
from memq.output import json
from memq.progress import Progress
from memq.run import Run
from memq.schema.batch import Context
from memq.symbols.decode import is_number
from tests.os.linux.finding import find_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from memq.symbols.structs import Structs
    from memq.symbols.types import Type


@pytest.fixture(scope="module")
def context(sample: Path) -> Iterator[Context]:
    physical = open_physical(sample)
    yield Context(find_kernel(physical, Progress()), Run())
    physical.close()


@pytest.fixture(scope="module")
def processes(context: Context) -> Task:
    """All processes, in one batch."""
    batches = [portion.batch for portion in Task.portions(context)]
    return Task.concatenate([batch for batch in batches if isinstance(batch, Task)])


@pytest.fixture
def structs(processes: Task, context: Context) -> Structs:
    """Their structures, of which nothing has been read."""
    found: Structs = context.kernel.structs("task_struct", processes.rows["address"])
    return found


def named(context: Context, name: str) -> Type:
    type_ = find_type(context.kernel.types, name)
    assert type_ is not None
    return type_


def walk(batch: RawBatch, path: str) -> RawBatch:
    for name in path.split("."):
        batch = batch.member(name)
    return batch


def same(column: Column, other: Column) -> bool:
    both = ((column.values, other.values), (column.statuses, other.statuses))
    return all(one.tolist() == another.tolist() for one, another in both)


def test_names_and_numbers_of_all_processes(structs: Structs, processes: Task) -> None:
    batch = RawBatch.of_structs(structs)
    names, expected = batch.member("comm").value(), processes.column("name")
    assert isinstance(names, Text)
    assert isinstance(expected, Text)
    assert names.to_list() == expected.to_list()
    assert "systemd" in names.to_list()
    assert same(batch.member("tgid").value(), processes.column("process_id"))
    assert same(walk(batch, "real_parent.tgid").value(), processes.column("parent_process_id"))
    parents = walk(batch, "real_parent.comm").value()
    assert isinstance(parents, Text)
    assert set(parents.to_list()) >= {"swapper/0", "kthreadd", "systemd"}


def test_page_tables_of_all_processes(structs: Structs, processes: Task) -> None:
    got = walk(RawBatch.of_structs(structs), "mm.pgd").value()
    assert same(got, structs.follow("mm")["pgd"])
    threads = processes.column("is_kernel_thread").values
    assert (got.statuses[threads] == Reason.NULL).all()
    assert threads.any()
    assert not threads.all()


def test_every_member_of_a_task_is_what_the_structures_say(
    structs: Structs, context: Context
) -> None:
    batch = RawBatch.of_structs(structs)
    asked = 0
    for name, member in context.kernel.types.required("task_struct").members.items():
        if value_type(member.type) is not None:
            assert same(batch.member(name).value(), structs[name]), name
            asked += 1
        elif is_number(member):
            pytest.fail(f"{name} is a number of no type")
    assert asked > 150


def test_a_path_costs_a_few_gathers(structs: Structs, context: Context) -> None:
    class Counting:
        calls = 0

        def gather(self, vas: Any, size: int, roots: Any = None) -> Any:
            self.calls += 1
            return context.kernel.space.gather(vas, size, roots)

    structs.space = counting = Counting()
    name = walk(RawBatch.of_structs(structs), "mm.exe_file.f_path.dentry.d_name.name")
    texts = name.value()
    assert len(texts) > 50
    assert counting.calls <= 8


def test_names_of_programs_through_five_pointers(structs: Structs, processes: Task) -> None:
    path = "mm.exe_file.f_path.dentry.d_name.name"
    names = walk(RawBatch.of_structs(structs), path).text().to_list()
    paths = processes.column("image_path")
    assert isinstance(paths, Text)
    expected = [path and path.rsplit("/", 1)[-1] for path in paths.to_list()]
    assert names == expected


def test_the_task_list(context: Context, processes: Task) -> None:
    task = named(context, "task_struct")
    place = Column(np.array([context.kernel.symbol("init_task")], np.uint64))
    got = RawBatch.at(context.kernel, task, place).member("tasks").list_of(context, task, "tasks")
    assert got.cut is None
    assert got.elements.addresses.tolist() == processes.rows["address"].tolist()
    assert not got.owner.any()


def test_children_of_all_processes(context: Context, structs: Structs) -> None:
    task = named(context, "task_struct")
    batch = RawBatch.of_structs(structs)
    got = batch.member("children").list_of(context, task, "sibling")
    assert got.cut is None
    parents = got.elements.member("real_parent").value().values
    assert parents.tolist() == batch.addresses[got.owner].tolist()
    assert len(got.elements) > 50


def test_back_from_a_member(context: Context, structs: Structs) -> None:
    task = named(context, "task_struct")
    batch = RawBatch.of_structs(structs)
    links = batch.member("tasks").member("next").container_of(task, "tasks")
    following = links.member("tasks").member("prev").container_of(task, "tasks")
    assert following.addresses.tolist() == batch.addresses.tolist()
    own = walk(batch, "se.avg").container_of(task, "se.avg")
    assert own.addresses.tolist() == batch.addresses.tolist()


def test_enums_have_names(context: Context) -> None:
    policy = member_of(named(context, "key"), "state")
    zone = named(context, "enum zone_type")
    type_ = value_type(zone)
    assert type_ is not None
    assert ("ZONE_NORMAL", context.kernel.types.enumerator("ZONE_NORMAL")) in type_.names
    assert policy is not None
    assert written(policy) == "short"


def test_a_task_as_a_record(context: Context, structs: Structs) -> None:
    batch = RawBatch.of_structs(structs).take(np.array([0, 1]))
    first, second = json.parsed([records(batch)], bare=False)
    assert (first["pid"], first["comm"], second["comm"]) == (1, "systemd", "kthreadd")
    assert first["mm"].startswith("0xffff")
    assert second["mm"] == "0x0"
    assert isinstance(first["se"]["avg"]["util_avg"], int)
    assert [set(link) for link in first["pid_links"]] == [{"next", "pprev"}] * 4
    assert "..." not in str(first)


def test_nothing_of_any_structure_is_beyond_the_bounds_but_of_few(context: Context) -> None:
    beyond = []
    for name in type_names(context.kernel.types)[::40]:
        leaves = leaves_of(named(context, name))
        assert len(leaves) < MAX_FIELDS
        if any(leaf.type is not None and leaf.reason is Reason.LIMIT for leaf in leaves):
            beyond.append(name)
    assert not beyond
    assert len(leaves_of(named(context, "task_struct"))) > 500
